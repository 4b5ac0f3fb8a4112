"""What a confirmation notices and refuses before anything runs."""

import numpy as np
import pytest
from confirmations import begin_confirmation, tell_runs
from pages import SHORT, play

from search.engine.confirmation import confirm
from search.engine.confirmation_plan import Wanted, new_candidates, plan_for
from search.engine.forecast import refuse_undecidable, round_in_words
from search.engine.status import planned_in, search_state
from search.evidence.candidates import (
    ABLATION,
    UNTIL_DECIDED,
    Candidate,
    candidates,
    declared_rule,
    has_ended,
    planned_in_words,
)
from search.evidence.evidence import gather, in_words
from search.evidence.until_decided import as_plan, make_rule
from search.storage.search_folder import SearchFolder
from search.storage.test_split_log import note_looks
from trainers.errors import InputError

DECIDE = Wanted(smallest=0.05, until_decided=True, max_seeds=30)


class Told:
    """A display that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def view(self, *given):
        raise AssertionError("nothing is to run")


@pytest.fixture
def searched(told) -> SearchFolder:
    return SearchFolder(told / "told")


@pytest.fixture
def two(searched) -> list[Candidate]:
    """Two candidates, whatever their families."""
    return candidates(searched.history(), 2)[:2]


def begin_rounds(searched, chosen, smallest=0.05, max_seeds=30, **more) -> SearchFolder:
    rule = make_rule(len(chosen), smallest, max_seeds)
    return begin_confirmation(searched, chosen, list(range(max_seeds)), **{UNTIL_DECIDED: as_plan(rule)}, **more)


def planned(searched, wanted, *, again=False):
    history = searched.history()
    return plan_for(searched, wanted, history, history.ranked(), again=again)


def test_new_winners_since_a_confirmation_are_told_with_what_to_type(searched, two):
    history = searched.history()
    begin_confirmation(searched, two[:1], [1, 2], top=2)
    told = new_candidates(planned(searched, Wanted()), Wanted(), history, history.ranked())
    assert f"new among the best since then: trial {two[1].trial} ({two[1].label})" in told
    assert "afcl confirm told --again" in told


def test_a_winner_of_then_that_is_none_any_more_is_no_news(searched, two):
    history = searched.history()
    begin_confirmation(searched, candidates(history, 9), [1, 2])  # an older one did not note how many of the best
    assert new_candidates(planned(searched, Wanted()), Wanted(), history, history.ranked()) == ""


@pytest.mark.parametrize("smallest", [0.0, -0.1, 1.0])
def test_a_difference_that_no_accuracy_can_have_is_refused(searched, smallest):
    with pytest.raises(InputError, match="--smallest"):
        confirm(searched.name, Wanted(smallest=smallest), results=searched.root, display=Told())


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        (Wanted(max_seeds=30), "--max-seeds"),
        (Wanted(until_decided=True, smallest=0.1), "--until-decided: say --smallest D"),
        (Wanted(until_decided=True, max_seeds=30), "--until-decided: say --smallest D"),
        (
            Wanted(until_decided=True, smallest=0.1, max_seeds=30, seeds=10),
            "--seeds: cannot be combined with --until-decided",
        ),
        (Wanted(until_decided=True, smallest=0.1, max_seeds=29), "--max-seeds: from 30"),
        (Wanted(until_decided=True, smallest=0.1, max_seeds=1001), "--max-seeds: from 30"),
    ],
)
def test_what_no_rounds_can_be_is_refused_in_a_line(searched, wanted, word):
    with pytest.raises(InputError, match=f"^{word}") as refused:
        confirm(searched.name, wanted, results=searched.root, display=Told())
    assert "\n" not in str(refused.value)
    assert searched.confirmations() == []


def test_one_configuration_has_no_pair_to_decide(searched, monkeypatch):
    monkeypatch.setattr("search.engine.confirmation_plan.candidates", lambda *given: candidates(*given)[:1])
    with pytest.raises(InputError, match="no pair to decide"):
        planned(searched, DECIDE)


def test_a_new_plan_declares_its_rule_and_all_of_its_seeds(searched):
    plan = planned(searched, DECIDE)
    assert len(plan.seeds) == len(set(plan.seeds)) == 30
    assert len(plan.runs(None)) == plan.rule.looks[0] * len(plan.chosen), "of the first round it is known what runs"
    noted = plan.noted(test="")
    assert noted[UNTIL_DECIDED]["looks"] == [10, 15, 20, 25, 30]
    assert noted[UNTIL_DECIDED]["pairs"] == plan.rule.pairs
    assert "Lan and DeMets" in noted[UNTIL_DECIDED]["rule"]


def test_what_was_begun_goes_on_under_its_own_plan(searched, two):
    folder = begin_rounds(searched, two)
    for wanted in (Wanted(), DECIDE, Wanted(smallest=0.05)):
        plan = planned(searched, wanted)
        assert plan.folder == folder
        assert plan.rule == declared_rule(folder) == make_rule(2, 0.05, 30)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(smallest=0.04, until_decided=True, max_seeds=30),
        Wanted(smallest=0.05, until_decided=True, max_seeds=40),
        Wanted(seeds=10),
        Wanted(smallest=0.04),
    ],
)
def test_another_plan_is_refused_in_a_line_and_begun_by_a_word_of_its_own(searched, two, wanted):
    begin_rounds(searched, two)
    with pytest.raises(InputError, match=r"confirm-1 was begun with 2 .* until decided.*--again") as refused:
        planned(searched, wanted)
    assert "\n" not in str(refused.value)
    assert planned(searched, wanted, again=True).folder.name == "confirm-2"


def test_rounds_in_place_of_a_fixed_number_are_another_plan(searched, two):
    begin_confirmation(searched, two, [1, 2, 3])
    with pytest.raises(InputError, match="was begun with 2 configurations on 3 seeds"):
        planned(searched, DECIDE)


def test_a_word_for_a_new_one_goes_on_with_what_was_begun_alike(searched, two):
    folder = begin_rounds(searched, two)
    assert planned(searched, DECIDE, again=True).folder == folder


def test_what_was_left_stays_counted_in_what_the_next_one_says(searched, two):
    left = begin_rounds(searched, two)
    tell_runs(left, two, list(range(30)), lambda place, k: 0.7 + 0.01 * ((3 * place + k) % 5), 3)
    note_looks(searched)
    folder = begin_confirmation(searched, two, [1, 2], again=True, test="")
    tell_runs(folder, two, [1, 2], lambda place, k: 0.7)
    (said,) = [line for line in gather(folder, []).caveats if line.startswith("confirm-1")]
    assert f"({planned_in_words(left)}, and was left before its end)" in said


@pytest.mark.slow
def test_a_difference_that_so_many_seeds_can_hardly_decide_is_refused_with_what_would(searched, two):
    seen = begin_confirmation(searched, two, list(range(20)))
    tell_runs(seen, two, list(range(20)), lambda place, k: 0.7 + 0.01 * place * (k % 2))
    sd = 0.01 * (0.25 * 20 / 19) ** 0.5
    history = searched.history()
    with pytest.raises(InputError) as refused:
        refuse_undecidable(searched, history, 2, make_rule(2, 0.4 * sd, 30))
    told = str(refused.value)
    assert told.startswith(f"--smallest {0.4 * sd:g}: 30 seeds can hardly decide it")
    assert "seen in confirm-1 on 20 seeds" in told
    assert "\n" not in told
    needed, larger = int(told.partition("--max-seeds ")[2].partition(" ")[0]), float(told.rpartition(" ")[2])
    refuse_undecidable(searched, history, 2, make_rule(2, 0.4 * sd, needed))
    refuse_undecidable(searched, history, 2, make_rule(2, larger, 30))
    with pytest.raises(InputError):
        refuse_undecidable(searched, history, 2, make_rule(2, 0.4 * sd, needed - 1))


@pytest.mark.slow
def test_rounds_go_on_for_the_open_pairs_alone_and_end_by_themselves(searched):
    chosen = [Candidate(number, label, number + 1) for number, label in enumerate(("CL", "FCL", "AFCL"))]
    folder = begin_rounds(searched, chosen, smallest=0.02)
    seeds = list(range(30))

    def score(place, k):  # the last is far below; the first two are alike
        return round((0.8, 0.8, 0.5)[place] + 0.01 * ((7 * place + 5 * k) % 11 - 5) / 5, 6)

    assert round_in_words(folder, declared_rule(folder)) == "round 1 of 5: seeds 1 to 10, every pair is open"
    said = []
    while not has_ended(folder):
        said.append(round_in_words(folder, declared_rule(folder)))
        tell_runs(folder, chosen, seeds, score)
    evidence = gather(folder, [])
    assert [(pair.a, pair.b, pair.state) for pair in evidence.until_decided.pairs] == [
        ("CL", "FCL", "no difference"),
        ("CL", "AFCL", "better"),
        ("FCL", "AFCL", "better"),
    ]
    assert "open is CL − FCL" in said[-1]
    ran = [len(evidence.scores["test_balanced_accuracy"][one.label]) for one in chosen]
    assert ran[2] < ran[0] == ran[1] == evidence.until_decided.seeds == len(evidence.seeds)
    assert evidence.until_decided.runs == sum(ran) == len(folder.history().trials)


def test_a_confirmation_that_was_killed_between_two_rounds_is_not_done(searched, two):
    folder = begin_rounds(searched, two, smallest=0.001)
    tell_runs(folder, two, list(range(30)), lambda place, k: 0.7 + 0.01 * ((3 * place + k) % 5))
    assert folder.history().closed["reason"] == "done"
    assert search_state(folder, folder.history()) == "interrupted"
    assert planned_in(folder, folder.history()) == 30, "the second round's five seeds are known to follow"


def test_no_other_is_begun_while_one_runs(searched, two):
    folder = begin_rounds(searched, two)
    with folder.lock(), pytest.raises(InputError, match=r"told confirm-1 is run by process \d+"):
        planned(searched, Wanted(seeds=10), again=True)


def test_an_ablation_is_in_the_plan_and_its_steps_run_after_the_candidates_on_the_same_seeds(tmp_path):
    searched = play(tmp_path, [*SHORT, "search.sampler=random", "search.trials=6", "search.baselines=[CL]"])
    plan = planned(searched, Wanted(seeds=2, ablation=True))
    between = plan.ablation.between
    assert len(between) >= 1
    folder = begin_confirmation(searched, plan.chosen, plan.seeds, **{ABLATION: plan.noted()[ABLATION]})
    known = plan.runs(None)
    assert len(known) == planned_in(folder, folder.history()) == 2 * (len(plan.chosen) + len(between))
    assert [place for place, _ in known[2 * len(plan.chosen) :: len(between)]] == [len(plan.chosen)] * 2
    for runs in (2 * len(plan.chosen) + 1, None):  # interrupted after the first of the steps' runs
        assert not has_ended(folder)
        again = planned(searched, Wanted())
        tell_runs(folder, again.chosen, again.seeds, lambda place, k: 0.5 + place / 100, runs, again.ablation)
    assert has_ended(folder)
    asked = [trial for trial in folder.history().trials.values() if trial.note.startswith("ablation")]
    assert len(asked) == 2 * len(between)
    seeds = {trial.config["seed"] for trial in asked}
    assert seeds == set(plan.seeds)
    path, changes = between[0].changes.copy().popitem()[0], between[0].changes
    section, name = path.split(".")
    assert {trial.config[section][name] for trial in asked if between[0].label in trial.note} == {changes[path]}
    evidence = gather(folder, np.zeros(0, dtype=np.int64))
    assert len(evidence.ablation) == len(between) + 2
    assert {len(step.scores) for step in evidence.ablation} == {2}
    assert set(evidence.scores["test_balanced_accuracy"]) == {one.label for one in plan.chosen}, (
        "no part of the verdict"
    )
    assert "From CL, one value after the other" in " ".join(in_words(evidence))


def test_an_ablation_is_another_plan_than_none_and_goes_on_unasked(searched):
    plan = planned(searched, Wanted(seeds=2, ablation=True))
    begin_confirmation(searched, plan.chosen, plan.seeds, **{ABLATION: plan.noted()[ABLATION]})
    assert planned(searched, Wanted()).ablation == plan.ablation
    assert planned(searched, Wanted(ablation=True)).ablation == plan.ablation


def test_an_ablation_that_a_begun_confirmation_has_not_planned_is_refused(searched, two):
    begin_confirmation(searched, two, [1, 2])
    with pytest.raises(InputError, match="--again"):
        planned(searched, Wanted(ablation=True))
    with pytest.raises(InputError, match="--ablation: does not go with --until-decided"):
        Wanted(smallest=0.05, until_decided=True, max_seeds=30, ablation=True).check()
