"""Searches on the same data side by side."""

import json

import pytest
from pages import play

from search.evidence import side_by_side as comparing
from search.evidence.ranking import Ranking, Validated
from search.evidence.side_by_side import in_words, side_by_side
from search.journal.history import History, Trial
from trainers.errors import InputError

FEW = ["search.trials=3", "search.sampler=random", "search.scheduler.name=none"]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    root = tmp_path_factory.mktemp("two")
    better = play(root, FEW, name="better", worth=lambda trial: 0.8 + trial.number / 100)
    return better, play(root, [*FEW, "search.trials=1"], name="worse", worth=lambda trial: 0.7)


@pytest.fixture
def on_seeds(monkeypatch):
    """Give each search's best the scores on fresh seeds that are named for it."""

    def give(**scores):
        def ranking(folder, history):
            best = history.ranked()
            return Ranking("final", best, {best[0].number: Validated(scores[folder.name], 0)})

        monkeypatch.setattr(comparing, "ranking", ranking)

    return give


def test_trials_that_wait_count_from_their_beginning():
    """Most trials that pause end only with the search: counted as they end, a search would seem to need few trials."""
    history = History()
    for number, (begun, ended, score) in enumerate([(1, 40, None), (2, 41, None), (3, 30, 0.8), (4, 42, 0.9)]):
        state = "stopped" if score is None else "finished"
        history.trials[number] = Trial(number, "AFCL", False, {}, {}, begun, state=state, score=score, ended_at=ended)
    history.trials[4] = Trial(4, "AFCL", False, {}, {}, 35, epochs={1: {}}, state="running")
    history.trials[5] = Trial(5, "AFCL", False, {}, {}, 36)  # asked for, and not begun
    assert list(comparing._curve(history)) == [None, None, None, 0.8, 0.9]
    assert list(comparing._curve(History())) == []


@pytest.mark.slow
def test_each_has_its_best_with_its_error_and_how_it_came_to_it(two):
    found = side_by_side(two)
    better, worse = found.sides
    histories = [folder.history() for folder in two]
    for side, history in zip(found.sides, histories, strict=True):
        assert side.best.number == history.ranked()[0].number
        assert side.ended == side.begun == len(history.trials)
        assert 0 < side.error < 0.1
    assert better.begun in found.after
    assert worse.begun in found.after
    scores = [trial.score for trial in sorted(histories[0].trials.values(), key=lambda trial: trial.ended_at)]
    assert list(better.curve) == [max(scores[:count]) for count in range(1, len(scores) + 1)]
    assert [better.best_after(count) for count in found.after] == [max(scores[:count]) for count in found.after]
    assert [worse.best_after(count) is None for count in found.after] == [count > worse.begun for count in found.after]
    assert "share no two fresh seeds" in " ".join(in_words(found))
    assert found.pairs == ()


def test_on_shared_seeds_they_are_held_against_each_other_pair_by_pair(two, on_seeds):
    seeds = range(10)
    on_seeds(better={s: 0.8 + s / 100 for s in seeds}, worse={s: 0.7 + s / 100 + s % 2 / 1000 for s in [*seeds, 99]})
    found = side_by_side(two)
    (pair,) = found.pairs
    assert (pair.n, pair.left_out) == (10, 1)
    assert pair.difference == pytest.approx(0.0995)
    (line,) = in_words(found)
    assert line.startswith("better − worse: +0.0995 (+0.099")
    assert line.endswith("on 10 fresh seeds: they differ.")
    on_seeds(better={1: 0.9, 2: 0.8}, worse={1: 0.7, 2: 0.71})
    assert "too few seeds to say that they differ" in " ".join(in_words(side_by_side(two)))


def test_their_values_are_plain_for_a_program(two, on_seeds):
    on_seeds(better={1: 0.9, 2: 0.8}, worse={1: 0.7, 2: 0.71})
    told = json.loads(json.dumps(side_by_side(two).as_json()))
    assert [one["name"] for one in told["searches"]] == ["better", "worse"]
    (pair,) = told["pairs"]
    assert (pair["a"], pair["b"], pair["seeds"]) == ("better", "worse", 2)


def test_what_cannot_be_compared_is_refused_in_a_line(two, tmp_path):
    better, _ = two
    with pytest.raises(InputError, match="name two searches or more"):
        side_by_side([better, better])
    other = play(tmp_path, [*FEW, "search.metric=accuracy"], name="other", worth=lambda trial: 0.7)
    with pytest.raises(InputError, match="scored by balanced_accuracy and other by accuracy"):
        side_by_side([better, other])
    about = other.path / "search.json"
    about.write_text(about.read_text().replace("0" * 64, "1" * 64))
    with pytest.raises(InputError, match="are on other data"):
        side_by_side([better, other])
