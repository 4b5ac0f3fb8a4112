"""The losses side by side: the best configuration of each family, and its measures.

After a confirmation, the measures are means over its fresh seeds on the test split. Before it, they are those of one
trial, with one seed, on the validation images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.journal.history import Trial
from trainers.loss_config import CONTRASTIVE, END_TO_END, WITH_A_SECTION, in_order

if TYPE_CHECKING:
    from search.evidence.evidence import Evidence

CHOSEN = ("eta", "gamma", "tau", "lr")


@dataclass(frozen=True)
class FamilyRow:
    """The row of one loss. A value is None if the loss has no such field, or if it was not measured."""

    label: str
    trial: int
    chosen: dict[str, float | None]  # by the names in CHOSEN
    seeds: int
    mean: float | None  # of balanced accuracy, or of the search's metric before a confirmation
    interval: tuple[float, float] | None  # 95 %, of the mean
    minority_recall: float | None
    auroc: float | None
    macro_f1: float | None


def minority(train: Mapping[str, int]) -> str | None:
    """The class with the fewest training images; None if several classes tie. train: the number of images by class."""
    fewest = [name for name, count in train.items() if count == min(train.values())]
    return fewest[0] if len(fewest) == 1 else None


def confirmed_rows(evidence: "Evidence", trials: Mapping[int, Trial], rare: str | None) -> list[FamilyRow]:
    """A row for each family of a confirmation. Families come in the same order as in every other table.

    Args:
        evidence: the confirmation's results.
        trials: the search's trials, by number.
        rare: the minority class, or None.
    """
    from search.evidence.evidence import TEST_METRICS

    rows = []
    summaries = {one.label: one for one in evidence.families[TEST_METRICS[0]].labels}
    for candidate in evidence.candidates:
        if candidate.label not in summaries or candidate.trial not in trials:
            continue
        one, measured = summaries[candidate.label], evidence.measured.get(candidate.label)
        overall = {} if measured is None else {name: spread.mean for name, spread in measured.overall.items()}
        classes = {} if measured is None else measured.classes
        recall = classes.get(rare or "", {}).get("recall")
        interval = one.interval and one.interval.within(0, 1)
        rows.append(
            FamilyRow(
                candidate.label,
                candidate.trial,
                chosen_of(trials[candidate.trial]),
                one.n,
                one.mean,
                None if interval is None else (interval.low, interval.high),
                None if recall is None else recall.mean,
                overall.get("auroc"),
                overall.get("macro_f1"),
            )
        )
    return _in_order(rows)


def searched_rows(ranked: Sequence[Trial], rare: str | None) -> list[FamilyRow]:
    """A row for the best trial of each family. Families come in the same order as in every other table.

    Args:
        ranked: the finished trials, best first.
        rare: the minority class, or None.
    """
    first: dict[str, Trial] = {}
    for trial in ranked:
        first.setdefault(trial.family, trial)
    rows = []
    for family, trial in first.items():
        last = trial.epochs[trial.epoch]
        recall = last.get(f"val_recall/{rare}")
        told = (recall, last.get("val_auroc"), last.get("val_macro_f1"))
        rows.append(FamilyRow(family, trial.number, chosen_of(trial), 1, trial.score, None, *told))
    return _in_order(rows)


def chosen_of(trial: Trial) -> dict[str, float | None]:
    """A trial's η, γ, τ and learning rate, by the names in `CHOSEN`; None for a field that its loss does not have.

    The γ of FOCAL and the τ of LA, BCL, KCL and SUPMIN are fields of these losses' own sections in the config.
    """
    config, section = trial.config, WITH_A_SECTION.get(trial.family)
    loss: Mapping[str, Any] = config["loss"] if trial.family in CONTRASTIVE else config.get(section or "", {})
    lr = (loss if trial.family in END_TO_END else config.get("representation", {})).get("lr")
    found = (loss.get("eta"), loss.get("gamma"), loss.get("temperature", loss.get("tau")), lr)
    return dict(zip(CHOSEN, (_number(value) for value in found), strict=True))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _in_order(rows: Sequence[FamilyRow]) -> list[FamilyRow]:
    by_label = {row.label: row for row in rows}
    return [by_label[label] for label in in_order(by_label)]
