"""What a confirmation came to, in words and tables, without a run."""

from pathlib import Path

import pytest

from search.evidence import _FILE, TEST_METRICS
from search.verdict import judge, winners_curse

STUDY = sorted(Path(__file__).parents[2].glob("results/fmnist-*/confirm-1/verdict.json"))


@pytest.mark.parametrize("path", STUDY, ids=lambda path: path.parts[-3])
def test_the_published_verdicts_are_what_is_judged_today(path):
    published = _FILE.validate_json(path.read_bytes())
    verdicts = [*published.families.items(), (TEST_METRICS[0], published.winners)]
    for metric, verdict in verdicts:
        if verdict is None:  # the winners are the families alone
            continue
        today = judge({of.label: published.scores[metric][of.label] for of in verdict.labels})
        assert today.in_words() == verdict.in_words()
        assert [pair.seeds_needed for pair in today.pairs] == [pair.seeds_needed for pair in verdict.pairs]
    for label, curse in published.curses.items():
        interval = winners_curse(curse.search_score, published.scores[published.metric][label]).interval
        assert (interval.low, interval.high) == pytest.approx((curse.interval.low, curse.interval.high))
