"""Random search: every value is drawn from its range, whatever earlier trials showed."""

from collections.abc import Sequence

import numpy as np

from search.algorithms.told import Space, Told
from search.journal.history import Value
from spaces.conditions import without_inactive


def propose(space: Space, told: Sequence[Told], *, seed: int) -> dict[str, Value]:
    """Random values; they depend only on space and seed. See `search.algorithms.samplers.Sampler`."""
    return without_inactive(draw_every(space, seed))


def draw_every(space: Space, seed: int) -> dict[str, Value]:
    """`propose`, with the fields of the other losses as well. No field's value depends on which loss was drawn."""
    draws = np.random.default_rng(seed)
    return {path: range_.sample(draws) for path, range_ in space.items()}
