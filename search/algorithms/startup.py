"""Random draws, and from which trial on a sampler proposes. Needs no sampler, nor its seconds to import."""

from collections.abc import Mapping

import numpy as np

from search.journal.history import Value
from spaces.conditions import without_inactive
from spaces.ranges import Range
from trainers.seeds import derive_seed

TPE_DRAWS, GP_DRAWS = 10, 10


def draws_before(sampler: str, slots: int) -> int:
    """How many trials must have ended in the space before the sampler proposes: until then it draws at random.

    Args:
        sampler: tpe, gp, random or grid; the latter two learn nothing from trials, and need none.
        slots: how many trials run at once. With few, TPE may begin earlier, as each of its proposals knows more.
    """
    if sampler == "tpe":
        return min(TPE_DRAWS, max(5, 3 * slots))
    return GP_DRAWS if sampler == "gp" else 0


def draw(space: Mapping[str, Range], seed: int, number: int) -> dict[str, Value]:
    """Values of the searched fields for trial `number`, drawn at random; they depend on nothing else."""
    return without_inactive(draw_every(space, seed, number))


def draw_every(space: Mapping[str, Range], seed: int, number: int) -> dict[str, Value]:
    """The same with the fields of the losses that were not drawn: none depends on which loss was."""
    draws = np.random.default_rng(derive_seed(seed, "ask", number))
    return {path: range_.sample(draws) for path, range_ in space.items()}
