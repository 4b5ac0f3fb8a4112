"""A search may be decided by another value than the score that it reports (search.decide_by)."""

import re

import pytest
from searches import TINY

from search import api
from search.algorithms.known_trials import KnownTrials
from search.algorithms.proposer import SearchAgenda
from search.algorithms.told import ToldTrials
from search.display.leaderboard import leaderboard
from search.engine.controller import Conductor
from search.evidence.ranking import Ranking, Validated, in_words
from search.journal.explain import explain
from search.journal.frames import frames
from search.journal.history import Trial, read_history
from search.journal.log import Journal
from search.storage.search_folder import SearchFolder
from spaces.spec import load_spec, parse_spec
from trainers.errors import InputError
from trainers.older_configs import as_meant_then

SOFT, SCORE = "val_soft_balanced_accuracy", "val_balanced_accuracy"
SPACE = [
    "search.decide_by=soft_balanced_accuracy",
    "search.trials=9",
    "search.baselines=[]",
    "representation.epochs=9",
    "search.scheduler.grace=1",
    "search.scheduler.reduction=3",
]


@pytest.fixture
def spec():
    return load_spec("digits", SPACE)


@pytest.fixture
def played(spec, tmp_path):
    """A search in which what decides orders the trials the other way round than the score does."""
    path = tmp_path / "journal"
    journal = Journal(path)
    conductor = Conductor(spec, read_history(path), journal, SearchAgenda(spec, 1))
    conductor.open()
    while (trial := conductor.next_trial()) is not None:
        for epoch in range(1, spec.base.last_epoch + 1):
            metrics = {SCORE: 0.9 - trial.number / 100, SOFT: 0.6 + trial.number / 100}
            if conductor.result(trial.number, epoch, metrics) == "stop":
                break
    conductor.close("done")
    return read_history(path)


def test_what_decides_stops_ranks_and_is_told_to_the_sampler_and_the_score_is_reported(played, spec):
    assert not played.in_state("stopped"), "each trial is the best so far by what decides, and the worst by its score"
    ranked = played.ranked()
    assert [trial.number for trial in ranked] == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert (ranked[0].score, ranked[0].decided) == pytest.approx((0.82, 0.68))
    told = ToldTrials(spec.space, spec.deciding_key).of(list(played.trials.values()))
    known = KnownTrials(spec.space).told(told)
    assert [trial.value for trial in known] == [trial.decided for trial in played.trials.values()]
    assert all(decision.value == played.trials[decision.trial].epochs[1][SOFT] for decision in played.decisions)


def test_an_older_search_or_one_decided_by_its_metric_writes_no_other_value(tmp_path):
    spec = load_spec("digits", [*SPACE[1:], "search.decide_by=metric"])
    assert spec.deciding_key == spec.search.metric_key
    journal = Journal(tmp_path / "journal")
    conductor = Conductor(spec, read_history(tmp_path / "journal"), journal, SearchAgenda(spec, 1))
    conductor.open()
    number = conductor.next_trial().number
    for epoch in range(1, spec.base.last_epoch + 1):
        conductor.result(number, epoch, {SCORE: 0.5})
    conductor.close("done")
    assert '"decided"' not in (tmp_path / "journal").read_text()
    assert read_history(tmp_path / "journal").ranked()[0].merit == 0.5


@pytest.fixture(scope="module")
def reported(tiny_config, digits):
    """What a trial reports, epoch by epoch."""
    from trainers.pipeline import run_trial

    told = []
    run_trial(tiny_config, digits, lambda epoch, metrics: told.append(metrics))
    assert len(told) == tiny_config.last_epoch
    return told


@pytest.mark.parametrize(
    ("decide_by", "key"),
    [
        ("auroc", "val_auroc"),
        ("balanced_log_loss", "val_neg_balanced_log_loss"),
        ("soft_balanced_accuracy", SOFT),
        ("metric", "val_macro_f1"),
    ],
)
def test_what_decides_has_its_key_among_what_a_trial_reports(decide_by, key, reported):
    spec = load_spec("digits", [f"search.decide_by={decide_by}", "search.metric=macro_f1"])
    assert spec.deciding_key == key
    assert all(spec.deciding_key in metrics for metrics in reported)


def test_a_stop_names_what_was_compared(spec, tmp_path):
    path = tmp_path / "journal"
    conductor = Conductor(spec, read_history(path), Journal(path), SearchAgenda(spec, 1))
    conductor.open()
    for value in (0.8, 0.7):
        number = conductor.next_trial().number
        conductor.result(number, 1, {SCORE: 0.9, SOFT: value})
    conductor.close("done")
    assert conductor.history.trials[1].reason.startswith(f"{SOFT} 0.7000 at rung 0 (epoch 1), below the cutoff 0.8000")


def test_kinds_of_trials_are_held_against_each_other_by_scores_and_by_what_decides_within(played):
    """A head that is trained end to end is surer than a probe that is as often right."""
    head = Trial(9, "CE", True, {}, {}, 0, state="finished", score=0.865, decided=0.95)
    played.trials[9] = head
    # four of the nine others have a score above the head's; which of them stand there what decides says
    assert [trial.number for trial in played.ranked()] == [8, 7, 6, 5, 9, 4, 3, 2, 1, 0]
    played.trials[0].score = 0.2  # a poor one changes nothing for the others
    assert [trial.number for trial in played.ranked()] == [8, 7, 6, 9, 5, 4, 3, 2, 1, 0]


def test_of_equal_scores_the_order_within_a_kind_is_that_of_what_decides(played):
    for trial in played.trials.values():
        trial.score = 0.5
    assert [trial.number for trial in played.ranked()] == [8, 7, 6, 5, 4, 3, 2, 1, 0]


def test_losses_whose_trials_are_of_two_kinds_are_searched_by_the_metric_alone():
    losses = ["space.loss.name={choice: [afcl, cross_entropy]}"]
    assert load_spec("digits", [*losses]).deciding_key == SCORE
    with pytest.raises(InputError, match=r"search.decide_by: soft_balanced_accuracy .* use metric"):
        load_spec("digits", [*losses, "search.decide_by=soft_balanced_accuracy"])


def test_unless_it_is_said_soft_balanced_accuracy_decides_where_it_was_measured_to_be_better():
    losses = "space.loss.name={choice: [afcl, cross_entropy]}"
    assert load_spec("digits").decided_by == load_spec("demo").decided_by == "soft_balanced_accuracy"
    assert load_spec("digits").deciding_key == SOFT
    for other in ("accuracy", "macro_f1", "auroc"):  # not measured
        assert load_spec("digits", [f"search.metric={other}"]).decided_by == "metric"
    assert load_spec("digits", [losses]).decided_by == "metric"
    rate = "space.cross_entropy.lr={loguniform: [0.0001, 0.1]}"
    per_family = [losses, rate, "search.per_family=true", "search.baselines=[]"]
    assert load_spec("digits", per_family).decided_by == "soft_balanced_accuracy"  # each loss has a search of its own
    assert load_spec("study").decided_by == "metric"  # as when it was published


def test_the_plan_says_what_decides_where_that_is_not_the_score(typed):
    said = typed("plan", "digits").stdout
    assert "soft_balanced_accuracy decides: rungs, sampler, ranking; the score is balanced_accuracy" in said
    assert "decides" not in typed("plan", "digits", "--set", "search.metric=auroc").stdout


def test_a_stored_spec_that_says_nothing_of_it_was_decided_by_its_metric(tmp_path):
    kept = load_spec("digits").dump()
    del kept["search"]["decide_by"]
    assert parse_spec(as_meant_then(kept)).deciding_key == SCORE


def test_the_views_say_what_ranked(played, spec):
    lines = "\n".join(explain(spec, played, 3))
    assert f"finished at epoch 10 with {SCORE} 0.8700, ranked by {SOFT} 0.6300: 5 have more" in lines
    table = frames(played).trials
    assert table["decided"].tolist() == [trial.decided for trial in played.trials.values()]
    shown = leaderboard(played.ranked())
    assert [column.title for column in shown.columns][3:5] == ["score", "decided by"]
    assert list(shown.rows[0][3:5]) == ["0.8200", "0.6800"]


def test_on_fresh_seeds_the_place_is_that_of_what_decided(played):
    ranked = played.ranked()
    found = {7: Validated({1: 0.84, 2: 0.86}, 0), 8: Validated({1: 0.80, 2: 0.82}, 0)}
    order = [ranked[1], ranked[0], *ranked[2:]]
    said = " ".join(in_words(Ranking("final", order, found, tuple(trial.number for trial in ranked))))
    assert "the search had it in place 2" in said
    assert "The score of the search's first, 0.8200 of trial 8, is 0.8100 on them: a drop of 0.0100." in said


def test_trials_of_a_search_that_went_by_another_value_are_no_start(told):
    from search.engine.compatibility import older_search
    from trainers.data import load

    folder = SearchFolder(told / "told")
    other = load_spec("digits", ["search.decide_by=auroc"], name="new")
    mend = f"told ranked trials by {SOFT}: add --set search.decide_by=soft_balanced_accuracy"
    with pytest.raises(InputError, match=re.escape(mend)):
        older_search(told, "told", other, load(folder.spec().data))


@pytest.mark.slow
def test_a_real_search_goes_by_what_decides_and_its_report_says_so(afcl, root, shared_ray):
    changes = [*TINY, "search.decide_by=soft_balanced_accuracy"]
    folder = api.run(load_spec("digits", changes, name="soft"), results=root).folder
    ranked = folder.history().ranked()
    assert [trial.decided for trial in ranked] == sorted((trial.decided for trial in ranked), reverse=True)
    assert all(trial.decided == trial.epochs[trial.epoch][SOFT] for trial in ranked)
    assert all(trial.score == trial.epochs[trial.epoch][SCORE] for trial in ranked)
    afcl("report", "soft")
    page = folder.report.read_text()
    assert "The search ranked and stopped its trials by soft balanced accuracy (validation)." in page
    said = afcl("show", "soft").stdout
    assert "decided by" in said
