"""SMAC's MultiFidelityFacade by ask and tell: a random forest on the highest budget that has enough trials.

    smac-hyperband   its default intensifier, Hyperband with eta 3
    smac-sha         SuccessiveHalving with eta 3 in its place

Set: budgets from 1 to the trial's epochs, which SMAC makes 1.8, 5.3 and 16, run as 2, 5 and 16; deterministic, as a
budget takes one seed; n_trials, about how many budgets fit, of which it draws a quarter at random first. The space has
a switch and a conditional number where a field may be zero. SMAC asks for a configuration again at a higher budget;
here it goes on from where it was, which saves epochs that a user without checkpoints would spend. What fails is told
as CRASHED with a cost of 1: from SMAC's default, an infinite cost, its forest cannot learn.
"""

import logging
import tempfile

from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float
from curves import Curves
from peers.loop import Answer, Row, Setting, drive
from smac import MultiFidelityFacade, Scenario
from smac.intensifier import SuccessiveHalving
from smac.runhistory import StatusType, TrialInfo, TrialValue

EPOCHS_A_BUDGET = 5.5  # of Hyperband's budgets in the mean: about as many as the budget of all epochs is divided by


class Facade:
    """SMAC with its configurations as trials."""

    def __init__(self, curves: Curves, setting: Setting, folder: str, *, is_hyperband: bool) -> None:
        self._curves = curves
        scenario = Scenario(
            config_space(curves, setting.seed),
            deterministic=True,
            min_budget=1,
            max_budget=curves.epochs,
            n_trials=round(setting.most_epochs / EPOCHS_A_BUDGET),
            seed=setting.seed,
            output_directory=folder,
        )
        own = {} if is_hyperband else {"intensifier": SuccessiveHalving(scenario)}
        self._smac = MultiFidelityFacade(scenario, logging_level=False, overwrite=True, **own)
        self._numbers: dict[object, int] = {}  # by configuration
        self._asked: dict[int, TrialInfo] = {}
        self._scores: dict[tuple[int, int], float] = {}  # by trial and epoch
        self._reached: dict[int, int] = {}

    def propose(self) -> tuple[int, dict[str, float]] | None:
        while True:
            try:
                info = self._smac.ask()
            except StopIteration:
                return None
            number = self._numbers.setdefault(info.config, len(self._numbers))
            self._asked[number] = info
            if self._reached.get(number, 0) < self._epochs(info):
                return number, values_of(info.config, self._curves)
            self._tell(number, self._scores[number, self._epochs(info)])  # run already

    def report(self, number: int, epoch: int, value: float) -> Answer:
        self._scores[number, epoch], self._reached[number] = value, epoch
        if epoch < self._epochs(self._asked[number]):
            return "go"
        self._tell(number, value)
        return "pause"

    def failed(self, number: int) -> None:
        value = TrialValue(cost=1.0, status=StatusType.CRASHED)
        self._smac.tell(self._asked[number], value, save=False)
        self._reached[number] = self._curves.epochs
        self._scores |= {(number, epoch): 0.0 for epoch in range(1, self._curves.epochs + 1)}

    def _tell(self, number: int, score: float) -> None:
        self._smac.tell(self._asked[number], TrialValue(cost=1.0 - score), save=False)

    def _epochs(self, info: TrialInfo) -> int:
        return round(info.budget)


def config_space(curves: Curves, seed: int) -> ConfigurationSpace:
    """The space as a user of SMAC writes it."""
    space = ConfigurationSpace(seed=seed)
    for path, field in curves.space.items():
        number = Float(path, (field.low, field.high), log=field.kind != "zero_or_uniform")
        space.add(number)
        if field.may_be_zero:
            switch = Categorical(f"{path} is zero", ["yes", "no"])
            space.add(switch)
            space.add(EqualsCondition(number, switch, "no"))
    return space


def values_of(config: object, curves: Curves) -> dict[str, float]:
    """The values that a configuration stands for."""
    return {path: float(dict(config).get(path, 0.0)) for path in curves.space}


def search(name: str, curves: Curves, setting: Setting) -> list[Row]:
    """Run one of the two."""
    logging.getLogger("smac").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        peer = Facade(curves, setting, folder, is_hyperband=name == "smac-hyperband")
        return drive(peer, curves, slots=setting.slots, most_epochs=setting.most_epochs)
