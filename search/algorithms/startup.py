"""Random draws, and how many a sampler needs before it proposes. Imports no sampler, which would take seconds."""

from collections.abc import Mapping

import numpy as np

from search.journal.history import Value
from spaces.conditions import without_inactive
from spaces.ranges import Range
from trainers.seeds import derive_seed

TPE_DRAWS, GP_DRAWS = 10, 10


def draws_before(sampler: str, slots: int) -> int:
    """How many trials must have ended before the sampler proposes; until then values are drawn at random.

    Args:
        sampler: tpe, gp, random or grid; the latter two do not learn from trials.
        slots: how many trials run at once. With few, TPE may begin earlier, because each proposal knows more trials.
    """
    if sampler == "tpe":
        return min(TPE_DRAWS, max(5, 3 * slots))
    return GP_DRAWS if sampler == "gp" else 0


def draw(space: Mapping[str, Range], seed: int, number: int) -> dict[str, Value]:
    """Random values of the searched fields for trial `number`; they depend only on space, seed and number."""
    return without_inactive(draw_every(space, seed, number))


def draw_every(space: Mapping[str, Range], seed: int, number: int) -> dict[str, Value]:
    """`draw`, with the fields of the other losses as well. No field's value depends on which loss was drawn."""
    draws = np.random.default_rng(derive_seed(seed, "ask", number))
    return {path: range_.sample(draws) for path, range_ in space.items()}
