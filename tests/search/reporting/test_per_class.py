"""Recalls and confusions, class by class."""

from pages import CLASSES, drawn

from search.reporting.context import read_view
from search.reporting.per_class import recalls


def test_recalls_and_confusions_are_those_of_the_trials_files(played):
    view = read_view(played)
    confusion, names = [[30, 10, 0], [5, 35, 0], [0, 0, 40]], list(CLASSES)
    recall = dict(zip(names, (0.75, 0.875, 1.0), strict=True))
    baselines = [trial for trial in view.ranked if trial.baseline]
    for trial in {view.ranked[0].number: view.ranked[0], 0: baselines[0], 1: baselines[1]}.values():
        played.trial(trial.number).write_result({"recall": recall, "confusion": confusion, "class_names": names})
    made = recalls(view)
    figures = drawn(made)
    (matrix,) = figures[f"confusion-{view.ranked[0].number:04d}"].data
    assert [list(row) for row in matrix.text] == confusion
    assert matrix.z[0][1] == 0.25
    assert [list(trace.y) for trace in figures["recalls"].data] == [[0.75, 0.875, 1.0]] * len(figures["recalls"].data)
    for trace in figures["recalls"].data:
        ends = [y + above for y, above in zip(trace.y, trace.error_y.array, strict=True)]
        assert max(ends) <= 1 < 1 + max(trace.error_y.arrayminus), "a recall of 1 has a whisker downwards alone"
    assert figures["recalls"].layout.xaxis.type == "category", "or classes 3, 8 and 9 would be numbers on an axis"
    missing = [trial for trial in baselines if not played.trial(trial.number).result.exists()]
    assert len(missing) == 1
    assert f"No result.json of trial {missing[0].number}, {missing[0].family} baseline" in made.html
