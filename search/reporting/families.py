"""The losses side by side, as a table of the report."""

from search.evidence.families import CHOSEN, FamilyRow, confirmed_rows, minority, searched_rows
from search.journal.labels import short
from search.reporting.context import View, evidence_of
from search.reporting.html import Cell, Section, paragraph, table
from trainers.loss_config import RIVALS

HEADS = {"eta": "η", "gamma": "γ", "tau": "τ", "lr": "lr"}
OTHERS = ("minority recall", "AUROC", "macro F1")


def families(view: View) -> Section | None:
    """A table with a row for each loss: the values and measures of its best trial, or of its confirmed configuration.

    None if fewer than two losses have such a row.
    """
    evidence = evidence_of(view)
    rare = minority(view.about["provenance"]["data"].get("train", {}) or {"": 0})
    trials = view.history.trials
    rows = searched_rows(view.ranked, rare) if evidence is None else confirmed_rows(evidence, trials, rare)
    if len(rows) < 2:
        return None
    score = view.metric_words if evidence is None else "balanced accuracy (test)"
    spread = "± s.e." if evidence is None else "95 % interval"
    columns = ["loss", "trial", *(HEADS[name] for name in CHOSEN), score, spread, *OTHERS]
    made = table(columns, [_row(view, row) for row in rows])
    return Section("The losses side by side", made + paragraph(_note(rows, rare, evidence is not None)))


def _row(view: View, row: FamilyRow) -> list[Cell]:
    told = [row.chosen[name] for name in CHOSEN]
    measured = (row.minority_recall, row.auroc, row.macro_f1)
    return [
        Cell(row.label, mark=view.colour_of(row.label)),
        Cell(str(row.trial)),
        *(Cell("" if value is None else short(value)) for value in told),
        Cell("" if row.mean is None else f"{row.mean:.4f}"),
        Cell(_spread(view, row)),
        *(Cell("" if value is None else f"{value:.4f}") for value in measured),
    ]


def _spread(view: View, row: FamilyRow) -> str:
    """The interval of a confirmed mean, or the standard error of one trial's score; empty if it is not known."""
    if row.interval is not None:
        return f"{row.interval[0]:.4f} to {row.interval[1]:.4f}"
    if evidence_of(view) is not None:
        return ""
    error = view.error_of(view.history.trials[row.trial])
    return "" if error is None else f"± {error:.4f}"


def _note(rows: list[FamilyRow], rare: str | None, confirmed: bool) -> str:
    """The note below the table: what its columns are, and why some cells are empty."""
    if confirmed:
        low, high = min(row.seeds for row in rows), max(row.seeds for row in rows)
        seeds = f"{low} to {high}" if low < high else str(high)
        said = [f"Measured on the test split; each value is the mean over {seeds} fresh seeds."]
    else:
        said = ["Each loss's best trial, measured on the validation images with one seed; nothing is confirmed yet."]
    if rare is None:
        said.append("No class is rarer than all others, so there is no minority recall.")
    else:
        said.append(f"The minority class is {rare}, which has the fewest training images.")
    if any(None in (row.auroc, row.macro_f1) for row in rows):
        said.append("An empty cell was not measured, as in results of older versions.")
    if any(row.label in ("FOCAL", "LA", *RIVALS) for row in rows):
        said.append("γ of FOCAL, and τ of LA, BCL, KCL and SUPMIN, are fields of these losses, not the AFCL's.")
    return " ".join(said)
