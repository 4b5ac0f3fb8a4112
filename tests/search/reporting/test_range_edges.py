"""Best values near an end of their range."""

import json
import math
import re

import pytest
from pages import ALL, play

from search.reporting.context import read_view
from search.reporting.range_edges import edge_of, edges
from spaces.ranges import LogUniform


@pytest.mark.parametrize(("at", "side"), [(0.03, "low"), (1.0, "high"), (0.17, None)])
def test_a_best_value_near_an_end_is_flagged(at, side, tmp_path):
    def worth(trial):
        return 0.9 - 0.1 * abs(math.log(trial.config["loss"]["temperature"] / at))

    ends_and_between = ["space={loss.temperature: {loguniform: [0.03, 1.0]}}", "search.sampler=grid", "search.trials=5"]
    view = read_view(play(tmp_path, [*ALL, *ends_and_between], worth=worth))
    said = edges(view).html
    advice = re.findall(r"<li>(τ.*?)</li>", said)
    assert len(advice) == (side is not None)
    if side is not None:
        assert f"near the {side} end of 0.03 … 1" in advice[0]
        assert ("downwards" if side == "low" else "upwards") in advice[0]


def test_a_zero_that_may_be_chosen_is_no_edge(tmp_path):
    def worth(trial):
        return 0.9 - 0.001 * trial.config["loss"]["eta"]

    view = read_view(play(tmp_path, [*ALL, "search.trials=20"], worth=worth))
    assert view.ranked[0].values["loss.eta"] == 0
    assert "<li>η" not in edges(view).html


def test_a_zero_outside_of_the_range_is_no_edge_and_another_value_outside_is():
    """With a search for each loss CL's η is 0 where only 1 to 300 is searched; a baseline may lie below it."""
    assert edge_of(LogUniform(1, 300), 0.0) is None
    assert edge_of(LogUniform(1, 300), 0.5) == "low"
    assert edge_of(LogUniform(1, 300), 290.0) == "high"


@pytest.mark.parametrize(("tied", "asks"), [((0.03, 0.17), False), ((0.03, 0.031), True)])
def test_a_range_is_widened_only_if_all_that_tie_for_the_best_ask_for_it(tied, asks, tmp_path):
    guesses = [{"loss.temperature": at} for at in (*tied, 0.3, 0.4, 0.5, 0.6)]
    named = ["space={loss.temperature: {loguniform: [0.03, 1.0]}}", "search.trials=6", "search.baselines=[]"]

    def worth(trial):
        temperature = trial.config["loss"]["temperature"]
        return 0.9 if temperature in tied else 0.8 - temperature / 10

    view = read_view(play(tmp_path, [*ALL, *named, f"search.first={json.dumps(guesses)}"], worth=worth))
    (advice,) = re.findall(r"<li>(τ.*?)</li>", edges(view).html)
    assert ("widen the range downwards" in advice) == asks
    assert ("of 2 trials that share the best score, 1 lies near the low end" in advice) == (not asks)
