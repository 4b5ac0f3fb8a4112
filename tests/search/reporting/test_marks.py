"""The marks of trials in the figures of points."""

from search.reporting.context import read_view
from search.reporting.marks import blank_figure, class_axis, in_figure, rounded, scatter, widened


def test_every_trial_is_a_mark_and_every_family_one_entry_of_the_legend(played_once):
    view = read_view(played_once)
    traces = list(scatter(view, lambda trial: trial.number, lambda trial: trial.latest(view.metric)))
    marks = sorted(x for trace in traces for x in trace["x"] if x is not None)
    assert marks == [trial.number for trial in view.drawn if trial.epochs]
    entries = [trace for trace in traces if trace.get("showlegend", True)]
    assert {trace["marker"]["symbol"] for trace in entries} == {"circle"}, "and no cross where nothing was stopped"
    families = {trial.family for trial in view.drawn}
    assert [trace["name"] for trace in entries] == [one for one in ("CL", "FCL", "ACL", "AFCL") if one in families]


def test_a_blank_figure_has_its_titles_and_values_the_digits_that_are_seen():
    figure = blank_figure([], "epoch", "score")
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("epoch", "score")
    assert (rounded(0.123456789), rounded(None)) == (0.12346, None)


def test_values_that_are_all_one_have_an_axis_that_can_be_read():
    one, two = blank_figure([], "", ""), blank_figure([], "", "")
    widened(one, [0.8273101, None, 0.8273099])
    assert list(one.layout.yaxis.range) == [0.77731, 0.87731]
    widened(two, [0.8, 0.9])
    assert two.layout.yaxis.range is None


def test_long_names_of_classes_are_wrapped_and_cut_but_stay_apart():
    long = "melanocytic naevus of the skin of the back"
    axis = class_axis(["3", "<b>&", long, f"{long} 2"])
    assert axis["ticktext"] == ["3", "&lt;b&gt;&amp;", *["melanocytic<br>naevus of<br>the skin of…"] * 2]
    assert len(set(axis["tickvals"])) == 4
    assert axis["type"] == "category", "or class 3 would be a number"


def test_quotes_in_a_name_are_given_to_a_figure_as_they_are():
    assert in_figure('benign & "common" <b>') == 'benign &amp; "common" &lt;b&gt;'
