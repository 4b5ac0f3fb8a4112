"""The figures of the trials: maps, and one field at a time."""

from pages import drawn

from search.reporting.context import read_view
from search.reporting.figures import maps, optimisation_history


def test_only_finished_trials_are_coloured_by_score_on_the_map(played):
    view = read_view(played)
    map_ = drawn(maps(view))["map-eta-temperature"]
    by_name = {trace.name: trace for trace in map_.data}
    assert len(by_name["finished"].x) == len(view.ranked)
    assert list(by_name["finished"].marker.color) == [trial.score for trial in view.ranked[::-1]]
    assert isinstance(by_name["stopped"].marker.color, str)


def test_one_key_explains_the_colours_of_all_maps(played):
    section = maps(read_view(played))
    assert section.html.count("class=key") == 1
    axes = [figure.layout.coloraxis for figure in drawn(section).values()]
    assert len(axes) == 3
    assert len({(axis.cmin, axis.cmax) for axis in axes}) == 1
    assert not any(axis.showscale for axis in axes)


def test_the_axis_of_one_trial_has_no_trial_before_it(played):
    view = read_view(played)
    for number in [number for number in view.history.trials if number]:
        del view.history.trials[number]
    axis = drawn(optimisation_history(view))["optimisation-history"].layout.xaxis
    assert (axis.dtick, axis.range) == (1, (-0.5, 0.5))
