"""The searches that are compared, and where each runs."""

from dataclasses import dataclass

OURS = "ours-promotion"  # the product's own way; `ours` is its TPE with ASHA


@dataclass(frozen=True)
class Entry:
    """One search.

    Attributes:
        module: in this package; its `search` runs it.
        environment: `product`, or a file of requirements in environments/, of which a venv is made.
        cost: CPU seconds of one search of 320 epochs, roughly: cheap ones run first.
    """

    module: str
    environment: str
    cost: float = 0.5

    @property
    def is_slow(self) -> bool:
        """Whether fewer seeds must do."""
        return self.cost > 2


PEERS: dict[str, Entry] = {
    OURS: Entry("product", "product", 1.2),
    "ours": Entry("product", "product"),
    "ours-random": Entry("product", "product"),
    "random": Entry("random_search", "product", 0.1),
    "optuna-tpe-sha": Entry("optuna_study", "product"),
    "optuna-tpe-sha-set": Entry("optuna_study", "product"),
    "optuna-tpe-hyperband": Entry("optuna_study", "product"),
    "optuna-tpe-median": Entry("optuna_study", "product"),
    "optuna-cmaes-sha": Entry("optuna_study", "optuna"),
    "ray-asha-optuna": Entry("ray_tune", "product"),
    "syne-asha": Entry("syne_tune_scheduler", "syne-tune", 0.1),
    "syne-asha-promotion": Entry("syne_tune_scheduler", "syne-tune-0.13", 0.2),
    "syne-pasha": Entry("syne_tune_scheduler", "syne-tune-0.13", 0.2),
    "syne-bohb": Entry("syne_tune_scheduler", "syne-tune", 4),
    "optuna-gp-sha": Entry("optuna_study", "product", 5),
    "smac-hyperband": Entry("smac_facade", "smac", 7),
    "smac-sha": Entry("smac_facade", "smac", 11),
    "syne-cqr": Entry("syne_tune_scheduler", "syne-tune", 12),
    "syne-asha-cqr": Entry("syne_tune_scheduler", "syne-tune", 70),
}
CHECKPOINTS = (20, 40, 80, 160, 320, 640, 1280)  # epochs, as far as the budget goes
BUDGETS = {1: 320, 8: 320, 64: 1280}  # epochs by slots: with 64 slots, 320 would be five epochs of each
REGIMES = ("900:100", "980:20")
RECORDED = " recorded"  # the end of a regime's name whose curves were recorded
