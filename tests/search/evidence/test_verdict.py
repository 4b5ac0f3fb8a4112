import dataclasses
import json

import numpy as np
import pytest

from search.evidence.paired_tests import MIN_SEEDS
from search.evidence.verdict import judge
from trainers.errors import InputError

CL = [0.71, 0.74, 0.69, 0.72, 0.75, 0.70, 0.73, 0.71, 0.68, 0.74, 0.72, 0.70]
FCL = [0.72, 0.73, 0.70, 0.72, 0.74, 0.71, 0.73, 0.72, 0.68, 0.73, 0.73, 0.70]
AFCL = [0.78, 0.80, 0.74, 0.79, 0.81, 0.75, 0.80, 0.77, 0.74, 0.79, 0.79, 0.75]


def by_seed(**columns):
    """Scores of each label at seeds 0, 1, ..."""
    return {label: dict(enumerate(column)) for label, column in columns.items()}


def test_a_clear_difference_is_found_and_named():
    verdict = judge(by_seed(CL=CL, FCL=FCL, AFCL=AFCL))
    assert verdict.best == "AFCL"
    assert verdict.sentence.startswith(
        "AFCL comes first with a mean of 0.7758, distinguishable from FCL and CL with these 12 seeds (Holm-corrected p"
    )
    (caveat,) = verdict.caveats
    assert caveat.startswith("Every interval covers the luck of the seed (split, order, initialisation), not the")
    assert verdict.in_words() == f"{verdict.sentence} {caveat}"


def test_a_winner_of_some_says_of_which():
    close = [score + luck for score, luck in zip(AFCL, [0.01, -0.01, 0.02, -0.02, 0.01, 0] * 2, strict=True)]
    verdict = judge(by_seed(CL=CL, AFCL=AFCL, ACL=close))
    (pair,) = [pair for pair in verdict.against("ACL") if pair.b == "AFCL"]
    assert verdict.sentence == (
        "ACL comes first with a mean of 0.7775, distinguishable from CL but not from AFCL with these 12 seeds; "
        f"about {pair.seeds_needed} seeds would be needed to tell ACL from AFCL at the difference seen."
    )


def test_no_winner_says_how_many_seeds_would_find_one():
    verdict = judge(by_seed(CL=CL, FCL=FCL))
    assert verdict.sentence == (
        "FCL comes first with a mean of 0.7175, but is not distinguishable from CL with these 12 seeds; "
        f"about {verdict.pairs[0].seeds_needed} seeds would be needed to tell FCL from CL at the difference seen."
    )
    assert verdict.pairs[0].seeds_needed > 12


def test_a_difference_lost_in_noise_would_need_more_than_a_thousand_seeds():
    noise = [0.01, -0.01] * 5 + [0.02, -0.0199]
    verdict = judge(by_seed(CL=CL, FCL=[score + luck for score, luck in zip(CL, noise, strict=True)]))
    assert verdict.pairs[0].seeds_needed is None
    assert "; more than 1000 seeds would be needed to tell FCL from CL" in verdict.sentence


def test_nine_seeds_cannot_discriminate_whatever_the_p_and_ten_can():
    nine = judge(by_seed(CL=CL[:9], AFCL=AFCL[:9]))
    assert nine.pairs[0].p_holm < 1e-4
    assert not nine.pairs[0].distinguishable
    assert nine.sentence.startswith("9 seeds cannot discriminate (at least 10 are needed), though AFCL comes first")
    assert "about 10 seeds would be needed to tell AFCL from CL" in nine.sentence
    ten = judge(by_seed(CL=CL[:10], AFCL=AFCL[:10]))
    assert ten.pairs[0].distinguishable
    assert "discriminate" not in ten.sentence


def test_four_seeds_say_nothing_of_how_many_would_be_needed_and_five_do():
    four = judge(by_seed(CL=CL[:4], FCL=FCL[:4]))
    assert four.pairs[0].seeds_needed is None
    assert four.sentence.startswith("4 seeds cannot discriminate (at least 10 are needed), though ")
    assert "; too few seeds to say how many would be needed to tell " in four.sentence
    assert judge(by_seed(CL=CL[:4], twin=CL[:4])).sentence.endswith("no difference between CL and twin was seen.")
    five = judge(by_seed(CL=CL[:5], AFCL=AFCL[:5]))
    assert five.pairs[0].seeds_needed == MIN_SEEDS
    assert "about 10 seeds would be needed" in five.sentence


def test_failing_on_the_hard_seeds_does_not_win():
    """The flattered label has the higher mean, and loses wherever both ran."""
    hard, easy = [0.50, 0.51, 0.49, 0.50], [0.80, 0.81, 0.79, 0.80, 0.82, 0.78, 0.80, 0.81, 0.79, 0.80, 0.81, 0.79]
    scores = by_seed(steady=hard + easy)
    scores["flattered"] = {4 + at: score - 0.01 - 0.001 * (at % 2) for at, score in enumerate(easy)}
    verdict = judge(scores)
    steady, flattered = verdict.labels
    assert flattered.mean > steady.mean
    assert verdict.best == "steady"
    assert "distinguishable from flattered with these 12 seeds" in verdict.sentence


def test_missing_runs_that_turn_the_order_in_circles_leave_no_verdict():
    """a is above c by much and below b by little, b is below c: each pair on ten seeds of its own."""
    scores = {
        "a": dict.fromkeys(range(10), 0.50) | dict.fromkeys(range(10, 20), 0.80),
        "b": dict.fromkeys(range(10), 0.51) | dict.fromkeys(range(20, 30), 0.50),
        "c": dict.fromkeys(range(10, 30), 0.60),
    }
    verdict = judge(scores)
    assert verdict.best == "a"
    assert verdict.sentence.endswith("yet on the seeds that both have it is below b: run the seeds that are missing.")


def test_a_label_on_seeds_of_its_own_is_not_the_best():
    scores = by_seed(CL=CL, twin=CL) | {"apart": dict.fromkeys(range(20, 40), 0.9)}
    assert judge(scores).best == "CL"


def test_a_label_without_any_score_is_shown_and_not_judged():
    verdict = judge(by_seed(CL=CL, AFCL=AFCL, broken=[]))
    assert (verdict.labels[2].n, verdict.labels[2].mean) == (0, None)
    assert verdict.pairs[0].p_holm == verdict.pairs[0].p  # one comparison, corrected as one
    assert "broken" not in verdict.sentence
    assert verdict.missing == 12


def test_one_label_has_nothing_beside_it():
    verdict = judge(by_seed(CL=CL))
    assert verdict.pairs == ()
    assert verdict.sentence == ("CL has a mean of 0.7158 over 12 seeds; there is nothing to compare it with.")


def test_a_verdict_is_plain_values():
    verdict = judge(by_seed(CL=np.array(CL), FCL=np.array(FCL), AFCL=np.array(AFCL)))
    told = json.loads(json.dumps(dataclasses.asdict(verdict), allow_nan=False))
    assert told["pairs"][0]["interval"]["covers"].endswith("not corrected for the number of pairs")
    assert told["labels"][2]["mean"] == pytest.approx(np.mean(AFCL))


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({}, "there is no score"),
        ({"CL": {}, "AFCL": {}}, "there is no score"),
        ({"CL": {0: 0.5, 3: float("nan")}}, "of CL at seed 3 is nan"),
        ({"CL": {0: float("inf")}}, "of CL at seed 0 is inf"),
        ({"CL": {0: 85.0}}, r"must lie in \[0, 1\]"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_line(scores, message):
    with pytest.raises(InputError, match=message) as refused:
        judge(scores)
    assert "\n" not in str(refused.value)
