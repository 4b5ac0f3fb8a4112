"""The answer's measures by class. See search.reporting.class_table."""

import re

from pages import confirm

from search.evidence.evidence import _FILE, read_evidence
from search.evidence.measured import Measured, Spread
from search.reporting.class_table import class_table
from search.reporting.context import read_view
from search.reporting.per_class import recalls

MEASURED = {
    "val_specificity/3": 0.25,
    "val_precision/8": 0.125,
    "val_expected_calibration_error": 0.0625,
    "val_macro_f1": 0.375,
}


def rows_in(html: str) -> list[list[str]]:
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(<td.*?)</tr>", html)]


def test_the_winners_measures_stand_a_class_a_row_and_what_is_not_defined_is_empty(played):
    view = read_view(played)
    best = view.ranked[0]
    recall = f"{best.epochs[best.epoch]['val_recall/3']:.4f}"
    assert class_table(view, best) == "", "of a trial of an older version"
    best.epochs[best.epoch] |= MEASURED
    table = recalls(view).html
    assert rows_in(table) == [
        ["validation", "3", "40", recall, "0.2500", "", "", ""],
        ["validation", "8", "40", recall, "", "0.1250", "", ""],
        ["validation", "9", "40", recall, "", "", "", ""],
    ]
    assert "On the validation images macro F1 0.3750 and expected calibration error 0.0625." in table
    assert "test" not in table


def test_what_a_confirmation_measured_of_its_configuration_stands_below(played):
    view = read_view(played)
    best = view.ranked[0]
    best.epochs[best.epoch] |= MEASURED
    confirm(played, caveats=())
    assert len(rows_in(class_table(view, best))) == 3, "an older verdict measured no classes"
    evidence = read_evidence(played)
    label = evidence.candidates[0].label
    object.__setattr__(evidence.candidates[0], "trial", best.number)
    one = Spread(0.5, 0.1, 3)
    told = Measured({"macro_f1": one}, {"3": {"recall": one}, "8": {}}, ("3", "8"), 3, [[15, 15], [3, 3]])
    evidence.measured[label] = told
    (played.path / "confirm-1" / "verdict.json").write_bytes(_FILE.dump_json(evidence))
    html = class_table(read_view(played), best)
    assert rows_in(html)[3:] == [
        ["test", "3", "10", "0.5000", "", "", "", ""],
        ["test", "8", "2", "", "", "", "", ""],
    ]
    assert "On the test split, as means over 3 fresh seeds, macro F1 0.5000." in html
