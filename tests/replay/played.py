"""Our own search on the curves of `curves.py`: the product's replay asks them, and what it was told is kept.

It runs in the product's environment, the only one that has the product.
"""

from dataclasses import dataclass, field

import curve_space
from curves import Curves

from search.algorithms.luck import Luck
from search.algorithms.proposer import Agenda
from search.engine import replay
from search.journal.history import Trial
from spaces.spec import SearchSpec, load_spec

TPE_AND_ASHA = ("search.sampler=tpe", "search.scheduler={name: asha, grace: 2, reduction: 3}")


def spec_of(curves: Curves, seed: int, trials: int, *more: str) -> SearchSpec:
    """The demo's spec with TPE and ASHA, trials of as many epochs as the curves have, and no baselines.

    The last epoch is stage two's: it has the final score and no rung.
    """
    epochs = [f"representation.epochs={curves.epochs - 1}"]  # stage two is one step
    return load_spec(
        "demo", [*epochs, *TPE_AND_ASHA, "search.baselines=[]", f"search.trials={trials}", f"search.seed={seed}", *more]
    )


@dataclass(frozen=True)
class Told:
    """What a search was told at the end of one trial's epoch; no value where it failed."""

    trial: int
    epoch: int
    value: float | None
    values: dict[str, float]


@dataclass
class Played:
    """Curves as the product's replay asks for them. A table's nearest configuration runs in place of a proposal."""

    curves: Curves
    told: list[Told] = field(default_factory=list)
    _tried: dict[int, dict[str, float]] = field(default_factory=dict)

    def value(self, trial: Trial, epoch: int) -> float:
        """The score of an epoch."""
        values, value = self._values(trial), None
        try:
            value = self.curves.value(values, trial.number, epoch)
        except curve_space.CurveFailed as error:
            raise replay.CurveFailed(str(error)) from error
        finally:
            self.told.append(Told(trial.number, epoch, value, values))
        return value

    def seconds(self, trial: Trial, epoch: int) -> float:
        """How long the epoch takes."""
        return self.curves.seconds(self._values(trial), epoch)

    def truth(self, trial: Trial) -> float:
        """The expected test score of a trial's configuration."""
        return self.curves.truth(self._values(trial))

    def _values(self, trial: Trial) -> dict[str, float]:
        if trial.number not in self._tried:
            values = {path: float(value) for path, value in trial.values.items()}
            nearest = getattr(self.curves, "nearest", None)
            self._tried[trial.number] = nearest(values) if nearest else values
        return self._tried[trial.number]


def play(
    curves: Curves,
    spec: SearchSpec,
    *,
    slots: int = 1,
    most_epochs: int | None = None,
    agenda: Agenda | None = None,
    luck: Luck | None = None,
    played: Played | None = None,
) -> tuple[replay.Replay, Played]:
    """Run the product's search on the curves; what it was told is kept in `played`, by default a new one."""
    played = Played(curves) if played is None else played
    return replay.replay(spec, played, slots=slots, most_epochs=most_epochs, agenda=agenda, luck=luck), played
