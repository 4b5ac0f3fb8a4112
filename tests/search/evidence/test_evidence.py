"""What a confirmation came to, in words and tables, without a run."""

import json
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from consoles import paper

from search.display.summary import confirmed_in_words
from search.evidence.bootstrap import Resampled
from search.evidence.candidates import Candidate
from search.evidence.decided_verdict import untested, verdict_by_rule
from search.evidence.evidence import _FILE, FORMAT, TEST_METRICS, Evidence, _caveats, in_words, read_evidence
from search.evidence.paired_tests import Interval, winners_curse
from search.evidence.until_decided import RULE, Decided, make_rule, settle
from search.evidence.verdict import judge
from search.journal.history import History, Trial
from search.reporting.context import COLOURS
from search.reporting.html import Section
from search.reporting.verdict_section import verdict
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError

STUDY = sorted(Path(__file__).parents[3].glob("results/fmnist-*/confirm-1/verdict.json"))


@pytest.mark.parametrize("path", STUDY, ids=lambda path: path.parts[-3])
def test_the_published_verdicts_are_what_is_judged_today(path):
    published = _FILE.validate_json(path.read_bytes())
    assert published.measured == {}, "an older version measured no classes"
    judged = [*published.families.items(), (TEST_METRICS[0], published.winners)]
    for metric, then in judged:
        if then is None:  # the winners are the families alone
            continue
        today = judge({of.label: published.scores[metric][of.label] for of in then.labels})
        assert today.in_words() == then.in_words()
        assert [pair.seeds_needed for pair in today.pairs] == [pair.seeds_needed for pair in then.pairs]
    for label, curse in published.curses.items():
        interval = winners_curse(curse.search_score, published.scores[published.metric][label]).interval
        assert (interval.low, interval.high) == pytest.approx((curse.interval.low, curse.interval.high))


def evidence_from(scores: dict[str, list[float]], search_score: float = 0.9) -> Evidence:
    """A confirmation with the same scores by every metric, the first label first in the search."""
    by_seed = {label: dict(enumerate(of)) for label, of in scores.items()}
    return Evidence(
        confirmation="confirm-1",
        candidates=tuple(Candidate(place, label, place + 1) for place, label in enumerate(scores)),
        seeds=tuple(range(max(map(len, scores.values())))),
        metric="val_balanced_accuracy",
        scores=dict.fromkeys((*TEST_METRICS, "val_balanced_accuracy"), by_seed),
        families=dict.fromkeys(TEST_METRICS, judge(by_seed)),
        winners=None,
        curses={label: winners_curse(search_score, of) for label, of in by_seed.items()},
        images=(),
        caveats=(),
    )


def on_screen(evidence: Evidence, folder: Path) -> str:
    console = paper(120)
    for line in confirmed_in_words(SearchFolder(folder / "mine" / "confirm-1"), evidence):
        console.print(line, highlight=False, markup=False, soft_wrap=isinstance(line, str))
    return console.file.getvalue()


def in_report(evidence: Evidence, folder: Path) -> Section:
    inside = SearchFolder(folder / "mine" / "confirm-1")
    inside.path.mkdir(parents=True)
    (inside.path / "search.json").touch()
    inside.verdict.write_bytes(_FILE.dump_json(evidence))
    return verdict(SimpleNamespace(folder=SearchFolder(folder / "mine"), colour_of=COLOURS.get))


FEW = {"AFCL": [0.99, 0.75, 0.6], "CL": [0.1, 0.9, 0.2]}  # their t intervals leave [0, 1], and [-1, 1] between them


def test_an_interval_that_leaves_what_a_score_can_be_is_shown_cut_and_kept_whole(tmp_path):
    evidence = evidence_from(FEW)
    whole = evidence.families[TEST_METRICS[0]].labels[1].interval
    assert whole.low < 0
    assert whole.high > 1
    screen = on_screen(evidence, tmp_path)
    assert "0.0000 to 1.0000" in screen
    assert "cut off at 0 and 1" in screen
    assert f"{whole.low:.4f}" not in screen
    assert _FILE.validate_json(_FILE.dump_json(evidence)) == evidence, "verdict.json has the t interval"


def test_intervals_that_are_possible_are_shown_as_they_are(tmp_path):
    evidence = evidence_from({"AFCL": [0.8, 0.81, 0.82], "CL": [0.7, 0.71, 0.73]})
    of = evidence.families[TEST_METRICS[0]].labels[0].interval
    screen = on_screen(evidence, tmp_path)
    assert f"{of.low:.4f} to {of.high:.4f}" in screen
    assert "cut off" not in screen
    assert "cut off" not in in_report(evidence, tmp_path).html


def test_a_drop_cannot_exceed_the_score_that_it_is_of(tmp_path):
    evidence = evidence_from({"AFCL": FEW["CL"]}, search_score=0.8)
    assert evidence.curses["AFCL"].interval.high > 0.8
    assert ", -0.2000 to +0.8000." in on_screen(evidence, tmp_path)


def test_a_report_cuts_differences_at_one(tmp_path):
    section = in_report(evidence_from(FEW), tmp_path)
    assert re.search(r"<td[^>]*>-\d\.\d{4} to \+1\.0000<", section.html)
    assert "cut off at −1 and 1" in section.html
    assert "CL's reaches from 0.00 to 1.00" in section.figures[0].caption


def test_a_report_cuts_whiskers_at_the_ends_of_a_score(tmp_path):
    section = in_report(evidence_from({"AFCL": [0.99, 0.95, 0.88], "CL": [0.12, 0.05, 0.01]}), tmp_path)
    above, below = [trace for trace in section.figures[0].figure.data if trace.name == "mean"]
    assert (above.y, below.y) == (("AFCL",), ("CL",))
    assert above.x[0] + above.error_x.array[0] == pytest.approx(1)
    assert below.x[0] - below.error_x.arrayminus[0] == pytest.approx(0)


def test_the_columns_of_the_table_that_do_not_speak_for_themselves_are_explained_below_it(tmp_path):
    lines = on_screen(evidence_from({"AFCL": [0.8, 0.81], "CL": [0.7, 0.71]}), tmp_path).splitlines()
    (row,) = [place for place, line in enumerate(lines) if line.startswith("CL ")]
    assert lines[row + 1].startswith("drop: the search's score minus the mean on fresh seeds")
    assert len(lines[row + 1]) <= 120


def in_rounds(folder: Path) -> Evidence:
    """A confirmation until decided: AFCL is better than CL, and FCL is CL over again."""
    noise = np.random.default_rng(0).normal(0, 0.004, (3, 30))
    scores = {"CL": (0.8 + noise[0]).tolist(), "FCL": (0.8 + noise[1]).tolist(), "AFCL": (0.9 + noise[2]).tolist()}
    rule, labels = make_rule(3, 0.02, 30), list(scores)
    of = {label: dict(enumerate(values)) for label, values in scores.items()}
    pairs = tuple(settle(rule, a, b, of[a], of[b], 5) for a, b in combinations(labels, 2))
    found = Decided(RULE, rule, 2, 15, 45, pairs)
    families = {TEST_METRICS[0]: verdict_by_rule(of, found), TEST_METRICS[1]: untested(of, found)}
    return replace(evidence_from(scores), families=families, until_decided=found, format=FORMAT)


def test_a_verdict_of_rounds_says_its_rule_on_screen_and_in_the_report(tmp_path):
    evidence = in_rounds(tmp_path)
    screen = re.sub(r"\s+", " ", on_screen(evidence, tmp_path))
    for word in (
        "Decided by a rule that was declared before the test split opened: group-sequential t",
        "It took 2 rounds, 15 seeds and 45 runs.",
        "AFCL is better than CL after",
        "no difference as large as 0.02 between CL and FCL after",
        "AFCL comes first: better than CL and FCL",
        "Accuracy on the test split is the same",
    ):
        assert word in screen
    assert "Holm" not in screen, "the test of a fixed number of seeds does not hold here"
    html = in_report(evidence, tmp_path).html
    assert "AFCL is better" in html
    assert "p (Holm)" not in html
    assert _FILE.validate_json(_FILE.dump_json(evidence)) == evidence


def test_a_verdict_says_its_format_and_one_of_a_later_version_is_refused(tmp_path):
    folder = tmp_path / "mine" / "confirm-1"
    in_report(in_rounds(tmp_path), tmp_path)
    told = json.loads((folder / "verdict.json").read_text())
    assert told["format"] == FORMAT
    (folder / "verdict.json").write_text(json.dumps(told | {"format": FORMAT + 1}))
    with pytest.raises(InputError, match=rf"verdict.json is of format {FORMAT + 1}, but this afcl reads"):
        read_evidence(SearchFolder(tmp_path / "mine"))


@pytest.mark.parametrize("path", STUDY, ids=lambda path: path.parts[-3])
def test_a_published_verdict_without_a_format_is_of_the_first(path):
    published = _FILE.validate_json(path.read_bytes())
    assert (published.format, published.until_decided) == (1, None)


def test_the_winner_of_rounds_is_chosen_on_the_seeds_that_all_have(tmp_path):
    evidence = in_rounds(tmp_path)
    validation = {label: dict(of) for label, of in evidence.scores[evidence.metric].items()}
    for k in range(10, 30):  # only one ran on, on easier seeds
        validation["CL"][k] = 1.0
        del validation["AFCL"][k]
    kept = replace(evidence, scores=evidence.scores | {evidence.metric: validation})
    assert kept.best.label == "AFCL"


@pytest.mark.parametrize(
    ("ran", "missing"),
    [
        (("KCL", "triplet", "BCL"), "BCL, triplet"),
        (("AFCL", "KCL"), "CL, FCL, ACL, AFCL"),
    ],
)
def test_families_without_a_finished_trial_are_named_if_the_search_had_their_loss(ran, missing):
    trials = {number: Trial(number, family, False, {}, {}, 0) for number, family in enumerate(ran)}
    (caveat,) = _caveats(History(trials=trials), ["KCL"])
    assert caveat == f"Not compared, because none of their trials finished: {missing}."


@pytest.mark.parametrize(
    ("tuned", "hint"),
    [
        ({"CL": 2, "AFCL": 1}, "search.per_family: true gives each searched loss the same budget"),
        ({"CL": 2, "AFCL": 2, "CE": 0}, "CE ran only as a baseline, at fixed values"),
        ({"CL": 2, "CE": 0, "LA": 0}, "CE and LA ran only as a baseline, at fixed values"),
        (
            {"CL": 2, "AFCL": 1, "CE": 0},
            "CE ran only as a baseline, at fixed values; "
            "search.per_family: true gives each searched loss the same budget",
        ),
    ],
)
def test_losses_with_unequal_numbers_of_trials_are_told_with_the_reason(tuned, hint):
    baselines = [Trial(place, family, True, {}, {}, 0) for place, family in enumerate(tuned)]
    proposed = [Trial(0, family, False, {}, {}, 0) for family, count in tuned.items() for _ in range(count)]
    trials = dict(enumerate(replace(trial, number=place) for place, trial in enumerate([*baselines, *proposed])))
    *_, caveat = _caveats(History(trials=trials), list(tuned))
    assert caveat.endswith(f"a difference may be one of tuning; {hint}.")


def test_accuracy_is_told_once_if_all_test_classes_are_of_equal_size():
    same = evidence_from({"CL": [0.7, 0.72], "AFCL": [0.8, 0.79]})
    assert any("Accuracy on the test split is the same" in line for line in in_words(same))
    scores = same.scores | {"test_accuracy": {"CL": {0: 0.9, 1: 0.9}, "AFCL": {0: 0.9, 1: 0.95}}}
    assert not any("is the same" in line for line in in_words(replace(same, scores=scores)))


def test_intervals_with_the_test_images_stand_in_the_order_of_the_losses():
    told = evidence_from({"AFCL": [0.8, 0.81], "ACL": [0.7, 0.71], "CL": [0.7, 0.72]})
    interval = Interval(-0.1, 0.1, "covers")
    images = tuple(Resampled(a, b, 0.0, interval) for a, b in (("AFCL", None), ("AFCL", "ACL"), ("AFCL", "CL")))
    (line,) = (line for line in in_words(replace(told, images=images)) if line.startswith("With the sampling"))
    assert line.index("AFCL − CL") < line.index("AFCL − ACL")


@pytest.mark.parametrize(("score", "fall"), [(0.9, "a drop of +0.1900"), (0.6, "no drop (-0.1100)")])
def test_a_score_that_rose_on_fresh_seeds_is_not_called_a_drop(score, fall):
    (line,) = (line for line in in_words(evidence_from({"CL": [0.7, 0.72]}, score)) if "Winner's curse" in line)
    assert fall in line
