"""What lies between a trial's last probe and its score is told."""

import pytest

from search.journal.explain import explain
from search.journal.probe_gap import gap_of, gaps, in_words
from search.storage.search_folder import SearchFolder
from trainers.config import ClassifierConfig


@pytest.fixture
def search(told):
    folder = SearchFolder(told / "told")
    return folder.spec(), folder.history()


def lower_last_probe(search, number, by):
    spec, history = search
    history.trials[number].epochs[spec.representation.epochs][spec.search.metric_key] -= by


def test_scores_that_are_the_last_probe_are_said_to_be(search):
    finished = len(search[1].in_state("finished"))
    assert gaps(*search).none
    (line,) = in_words(*search)
    assert line == (
        f"probe and score are one estimator: in all {finished} finished trials the score is the last probe's value, "
        "to the last digit"
    )


def test_a_probe_on_fewer_images_has_its_gap_told_with_its_span(search):
    finished = len(search[1].in_state("finished"))
    lower_last_probe(search, 0, 0.03)
    found = gaps(*search)
    assert (found.trials, found.least, found.most) == (finished, 0.0, pytest.approx(0.03))
    (line,) = in_words(*search)
    assert "by the same estimator" in line
    assert f"{0.03 / finished:+.4f} on average, +0.0000 to +0.0300" in line


def test_two_estimators_are_said_to_be_two(search):
    spec, history = search
    adamw = spec.model_copy(update={"classifier": ClassifierConfig(solver="adamw")})
    (line,) = in_words(adamw, history)
    assert line.startswith(
        "probe and score are two estimators (classifier.solver: adamw, as in every search that began"
    )


def test_a_score_of_a_fine_tuned_encoder_is_said_to_be_one(search):
    spec, history = search
    tuned = spec.model_copy(update={"classifier": ClassifierConfig(fine_tune=True)})
    lower_last_probe(search, 0, 0.03)
    (line,) = in_words(tuned, history)
    assert line.startswith(
        "the score is that of the fine-tuned encoder, and a probe that of the frozen one (classifier"
    )
    assert "; the score is of the fine-tuned encoder, and lies 0.0300 above" in "\n".join(explain(tuned, history, 0))


def test_a_trial_that_was_stopped_has_no_gap_and_a_search_in_which_none_finished_no_line(search):
    spec, history = search
    stopped = history.in_state("stopped")[0]
    assert gap_of(spec, stopped) is None
    for trial in history.in_state("finished"):
        del history.trials[trial.number]
    assert list(in_words(spec, history)) == []


def test_one_finished_trial_is_no_average_and_has_no_span(search):
    spec, history = search
    first, *others = history.in_state("finished")
    for trial in others:
        trial.state, trial.score = "stopped", None
    assert "in the one finished trial the score is the last probe's value" in next(in_words(spec, history))
    lower_last_probe(search, first.number, 0.03)
    (line,) = in_words(spec, history)
    assert line.endswith("in the one finished trial the score minus the last probe is +0.0300")
