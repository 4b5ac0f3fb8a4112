"""A table of each class's measures: for a trial on validation images, for its configuration on the test split."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from markupsafe import Markup

from search.journal.class_measures import SPLITS, by_split
from search.journal.history import Trial
from search.reporting.context import View, evidence_of, named
from search.reporting.html import paragraph, table
from trainers.config import CALIBRATION_ERROR, CLASS_MEASURES

if TYPE_CHECKING:
    from search.evidence.measured import Measured

COLUMNS = ("split", "class", "images", "recall", "specificity", "precision", "AUROC", "average precision")


def class_table(view: View, trial: Trial) -> Markup:
    """A table of the classes' measures on the validation images, and on the test split if a confirmation has them.

    Empty if the trial did not record these measures, as in older versions of afcl.
    """
    metrics = trial.epochs[trial.epoch]
    if f"val_{CALIBRATION_ERROR}" not in metrics:
        return Markup()
    classes = by_split(metrics)[SPLITS["val"]]
    rows = [_row("validation", name, images, classes.get(name, {})) for name, images in view.validation.items()]
    overall = {name.removeprefix("val_"): value for name, value in metrics.items()}
    lines = [f"{named(trial)}, each class against the rest. On the validation images {_overall(overall)}."]
    if (measured := _on_test(view, trial)) is not None:
        for name, row in zip(measured.class_names, measured.confusion, strict=True):
            means = {measure: spread.mean for measure, spread in measured.classes[name].items()}
            rows.append(_row("test", name, sum(row) // measured.runs, means))
        overall = {name: spread.mean for name, spread in measured.overall.items()}
        lines.append(f"On the test split, as means over {measured.runs} fresh seeds, {_overall(overall)}.")
    note = " ".join(lines)
    return table(COLUMNS, rows) + paragraph(f"{note[0].upper()}{note[1:]}")


def _on_test(view: View, trial: Trial) -> "Measured | None":
    """The test measures of the trial's configuration in the last confirmation with a verdict; None if it has none."""
    evidence = evidence_of(view)
    if evidence is None:
        return None
    label = next((one.label for one in evidence.candidates if one.trial == trial.number), "")
    return evidence.measured.get(label)


def _row(split: str, name: str, images: int, measures: Mapping[str, float]) -> list[str]:
    told = [f"{measures[measure]:.4f}" if measure in measures else "" for measure in CLASS_MEASURES]
    return [split, name, str(images), *told]


def _overall(metrics: Mapping[str, float]) -> str:
    words = {"macro_f1": "macro F1", CALIBRATION_ERROR: "expected calibration error"}
    return " and ".join(f"{said} {metrics[name]:.4f}" for name, said in words.items() if name in metrics)
