"""Whether the early values could be trusted, as a section."""

from pages import SHORT, play

from search.reporting.context import read_view
from search.reporting.early_signal import early_signal


def test_each_rung_has_a_sentence(played_once):
    said = early_signal(read_view(played_once)).html
    assert [f"Rung at epoch {epoch}, finished trials:" in said for epoch in (1, 2, 4)] == [True] * 3


def test_each_rungs_values_are_held_against_the_final_scores(played_once):
    view = read_view(played_once)
    section = early_signal(view)
    assert [figure.slug for figure in section.figures] == ["rung-1", "rung-2", "rung-4"]
    dots = [(x, y) for trace in section.figures[1].figure.data for x, y in zip(trace.x, trace.y, strict=True)]
    key = view.spec.deciding_key
    assert sorted(dots) == sorted((round(one.epochs[2][key], 5), round(one.score, 5)) for one in view.ranked)


def test_there_is_no_section_before_a_trial_has_finished(tmp_path):
    one = [*SHORT, "search.trials=0", "search.baselines=[CL]", "space={}"]
    assert early_signal(read_view(play(tmp_path, one, until=1, end="interrupted"))) is None
