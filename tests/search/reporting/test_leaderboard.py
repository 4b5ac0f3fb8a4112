"""The best trials as a table on the page, and all of them as CSV."""

import csv
import re

from pages import ALL, play

from search.journal.labels import by_epoch
from search.reporting.context import read_view
from search.reporting.leaderboard import as_csv, leaderboard


def test_the_csv_has_every_trial_and_ranks_the_finished_alone(played):
    view = read_view(played)
    rows = list(csv.DictReader(as_csv(view).splitlines()))
    assert sorted(int(row["trial"]) for row in rows) == list(view.history.trials)
    ranked = [row for row in rows if row["rank"]]
    assert [int(row["trial"]) for row in ranked] == [trial.number for trial in view.ranked]
    assert rows[: len(ranked)] == ranked
    for row in rows:
        trial = view.history.trials[int(row["trial"])]
        assert (row["state"], row["reason"] or None) == (trial.state, trial.reason and by_epoch(trial.reason))
        assert row["score"] == ("" if trial.score is None else repr(trial.score))
        assert float(row["loss.temperature"]) == trial.config["loss"]["temperature"]
    assert {"finished", "stopped"} == {row["state"] for row in rows}


def test_the_leaderboards_headers_can_be_clicked_and_carry_their_order(played):
    table = leaderboard(read_view(played)).html
    assert table.count("aria-sort=") == table.count("<th ") == table.count("<button type=button>")
    assert table.count('aria-sort="ascending"') == 1
    assert '<i class=dot style="background:#' in table


def test_each_score_has_its_error_beside_it(played):
    view = read_view(played)
    html = leaderboard(view).html
    best, error = view.ranked[0], view.error_of(view.ranked[0])
    assert f">{best.score:.4f} ± {error:.4f}</td>" in html
    assert re.findall(r"<th [^>]*><button type=button>(.*?)<", html)[:4] == ["rank", "trial", "loss", "score"]
    assert "data-unfolded" not in html, "all rows are seen where there are few"


def test_trials_that_share_the_first_place_are_named_and_the_eleventh_row_is_folded(tmp_path):
    few = [*ALL, "search.trials=11", "search.baselines=[]"]
    html = leaderboard(read_view(play(tmp_path, few, worth=lambda trial: 0.9 if trial.number < 2 else 0.5))).html
    assert "Trials 0 and 1 share the first place; the order among them says nothing." in html
    assert 'data-unfolded="10"' in html, "ten rows are seen at first"


def test_a_search_by_promotion_says_that_all_curves_rank_it(tmp_path):
    scheduler = "search.scheduler={name: promotion, grace: 1}"
    view = read_view(play(tmp_path, ["search.trials=9", "search.sampler=random", scheduler, "representation.epochs=3"]))
    assert all(trial.expected is not None for trial in view.ranked)
    said = "that all learning curves let expect of the trial, less one standard deviation"
    assert said in leaderboard(view).html
    (first, *_) = csv.DictReader(as_csv(view).splitlines())
    assert float(first["decided"]) == float(first["expected"]) - float(first["deviation"])
