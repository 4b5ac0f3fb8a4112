"""The head of the page."""

import pytest
from pages import SHORT, confirm, play

from search.reporting.answer import answer
from search.reporting.context import read_view


def test_the_answer_names_encoder_epochs_and_chance(played_once):
    said = answer(read_view(played_once)).html
    assert "Encoder: small, 4 epochs of the representation, then a linear classifier on the frozen encoder." in said
    assert "Chance would score 0.333." in said
    assert "; done: " in said


def test_the_answer_says_what_was_learned_of_the_losses_until_a_confirmation_says_more(played):
    view = read_view(played)
    assert "The best of each loss, one seed each: " in answer(view).html
    confirm(played, caveats=())
    said = answer(read_view(played)).html
    assert "The best of each loss" not in said
    assert "On 3 fresh seeds and the test split" in said


@pytest.mark.parametrize("told", [0, 1])
def test_a_search_without_a_finished_trial_claims_nothing(told, tmp_path):
    one = [*SHORT, "search.trials=0", "search.baselines=[CL]", "space={}"]
    said = answer(read_view(play(tmp_path, one, until=told, end="interrupted"))).html
    assert "No trial has finished yet." in said
    assert "Chance would score" in said
