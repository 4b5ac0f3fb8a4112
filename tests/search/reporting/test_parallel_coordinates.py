"""Lines across the searched fields."""

import pytest
from pages import drawn

from search.reporting.context import read_view
from search.reporting.parallel_coordinates import parallel_coordinates


@pytest.fixture(scope="module")
def lines(played_once):
    view = read_view(played_once)
    section = parallel_coordinates(view)
    return view, section, drawn(section)["parallel-coordinates"]


def rows_of(figure):
    """Each line's heights, by the words that are said under the pointer."""
    found = {}
    for trace in figure.data:
        row = []
        for x, y, said in zip(trace.x, trace.y, trace.hovertext or [], strict=False):
            if x is None:
                row = []
            else:
                row.append(y)
                found[said] = row
    return found


def test_stopped_trials_and_zero_stand_apart(lines):
    view, _, figure = lines
    shown = view.history.in_state("finished", "stopped")
    rows = {int(said.split(",")[0].removeprefix("trial ")): row for said, row in rows_of(figure).items()}
    assert sorted(rows) == [trial.number for trial in shown]
    share = view.spec.space["loss.eta"].share
    for trial in shown:
        assert (rows[trial.number][-1] < 0.1) == (trial.state == "stopped")
        assert (rows[trial.number][0] < share) == (trial.values["loss.eta"] == 0)
    assert max(row[-1] for row in rows.values()) == 1.0


def test_each_axis_has_a_line_a_name_and_readable_labels(lines):
    _view, section, figure = lines
    notes = [note.text for note in figure.layout.annotations]
    names = [note.text for note in figure.layout.annotations if note.font.weight == "bold"]
    assert names == ["η<br>(log)", "γ", "τ<br>(log)", "score"]
    assert len(figure.layout.shapes) == len(names)
    assert notes[notes.index(names[0]) + 1] == "0"
    assert notes[notes.index(names[1]) - 1] == "300"
    assert "stopped" in notes
    assert section.figures[0].least_width >= 80 * len(names)


def test_colours_are_explained_and_the_best_is_on_top(lines):
    view, section, figure = lines
    scores = [trial.score for trial in view.ranked]
    assert "class=key" in section.html
    assert f"{min(scores):.3f}" in section.html
    assert f"{max(scores):.3f}" in section.html
    *_, last = (trace for trace in figure.data if trace.mode == "lines")
    assert last.hovertext[0].startswith(f"trial {view.ranked[0].number},")
    assert not any(trace.type == "parcoords" for trace in figure.data)
