"""The best trials as a table, with how sure their scores are."""

import re

import pytest
from consoles import paper
from told_trials import trial_of

from search.display.leaderboard import best, footnote, leaderboard
from search.evidence.ranking import Ranking, Validated, ranking
from search.storage.search_folder import SearchFolder

LOSS = {"loss": {"eta": 0.0, "gamma": 2.0, "temperature": 0.07}}


@pytest.fixture
def folder(told):
    return SearchFolder(told / "told")


def printed(parts, width=80) -> str:
    console = paper(width)
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))
    return console.file.getvalue()


def test_each_score_has_its_error_and_those_that_it_does_not_tell_apart_are_counted(folder):
    text = printed(best(folder, ranking(folder, folder.history()), 5))
    assert text.startswith("best (score: balanced_accuracy ± its standard error from the validation images)")
    for trial in folder.history().ranked()[:5]:
        assert re.search(rf"{trial.number} +{trial.family}\*? +{trial.score:.4f} ± 0\.0\d\d\d ", text)
    others = len(folder.history().ranked()) - 1
    assert re.search(
        rf"\d of the other {others} lies? within one standard error of the best \(0\.0\d\d\d, of the ", text
    )


def test_fresh_seeds_say_how_sure_they_are_themselves(folder):
    first, second, *others = folder.history().ranked()
    found = {one.number: Validated({1: 0.8, 2: 0.9}, 0) for one in (first, second)}
    ranked = Ranking("final", [first, second, *others], found, (first.number,))
    text = printed(best(folder, ranked, 2), 120)
    assert text.count("±") == 3, "two rows and a sentence"
    assert "validation images alone" not in text


def test_a_baseline_is_marked_and_the_mark_is_explained():
    trials = [trial_of(0, baseline=True), trial_of(1)]
    for trial in trials:
        trial.config = LOSS
    text = printed([leaderboard(trials), *footnote(trials)])
    assert "FCL* " in text
    assert text.endswith("* a baseline, which is never stopped\n")
    assert list(footnote(trials[1:])) == []


def test_every_value_is_read_at_eighty_columns(folder):
    trial = trial_of(0)
    trial.values = {f"representation.augment.field{number}": 0.123456 for number in range(8)}
    trial.config = LOSS
    text = printed([leaderboard([trial])])
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("0.123") == 8
    assert "…" not in text
