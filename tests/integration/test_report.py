"""The report's page, tables and pictures, on searches that are told by hand: no trial of theirs runs."""

import csv
import hashlib
import html
import io
import json
import math
import os
import random
import re
import shutil
import socket
from html.parser import HTMLParser
from pathlib import Path

import plotly.graph_objects as go
import pytest
import torch
from plotly.offline import get_plotlyjs

from search.algorithms.proposer import SearchAgenda
from search.engine.controller import Conductor
from search.evidence.standard_error import balanced_accuracy_error
from search.reporting import axes, cost, figures, png
from search.reporting.context import View, read_view
from search.reporting.embedding import embeddings, points_of
from search.reporting.importance import importances, measure
from search.reporting.leaderboard import SHOWN, as_csv
from search.reporting.range_edges import edge_of
from search.reporting.report import render, report, sections_of
from search.storage.provenance import provenance
from search.storage.search_folder import SearchFolder, create_folder
from search.tracking import client as mlflow_store
from search.tracking import outbox, report_upload
from spaces.ranges import Choice, IntUniform, LogUniform, Uniform, ZeroOr
from spaces.spec import load_spec
from trainers.checkpoint import save_checkpoint
from trainers.errors import InputError
from trainers.pipeline import run_trial

CLASSES = {"3": 40, "8": 40, "9": 40}
SHORT = ["representation.epochs=4", "classifier.epochs=2", "search.scheduler={grace: 1, reduction: 2}"]
RANDOM = [*SHORT, "search.sampler=random"]
ALL = ["search.scheduler.name=none", "search.sampler=random"]
CHROMIUM = Path("/usr/bin/chromium")
PLOTLY = get_plotlyjs()

HEADINGS = [
    "Leaderboard",
    "Learning curves",
    "Optimisation history",
    "Parallel coordinates",
    "Score over η, γ and τ",
    "Score over each field",
    "Importances",
    "Was the early signal honest?",
    "Classes: recalls and confusions",
    "Embeddings of the validation images",
    "Edges of the ranges",
    "Cost",
    "How to reproduce",
]


def near_a_tenth(trial) -> float:
    """A stand-in for training: best at τ = 0.1, whatever η and γ are."""
    worth = 0.5 + 0.4 * math.exp(-abs(math.log10(trial.config["loss"]["temperature"]) + 1))
    return worth + random.Random(trial.number).uniform(-0.002, 0.002)


def play(root, overrides, *, name="played", worth=near_a_tenth, until=math.inf, end="done") -> SearchFolder:
    """Tell a search from its first trial to its last, or to its epoch `until` over all trials."""
    spec = load_spec("digits", overrides, name=name)
    made = provenance({"description": "digits", "fingerprint": "0" * 64, "train": CLASSES, "validation": CLASSES})
    folder = create_folder(root, spec, made)
    conductor = Conductor(spec, folder.history(), folder.open_journal(), SearchAgenda(spec, 2))
    conductor.open(slots=2)
    told = 0
    while told < until and (trial := conductor.next_trial()) is not None:
        conductor.launched(trial.number)
        for epoch in range(1, spec.base.last_epoch + 1):
            value = worth(trial) - 0.1 / epoch
            metrics = {conductor.metric: value} | {f"val_recall/{one}": value for one in CLASSES}
            told += 1
            if conductor.result(trial.number, epoch, metrics) == "stop" or told >= until:
                break
    conductor.close(end)
    return folder


@pytest.fixture(scope="session")
def played_once(tmp_path_factory) -> SearchFolder:
    return play(tmp_path_factory.mktemp("played"), [*RANDOM, "search.trials=24"])


@pytest.fixture
def played(played_once, tmp_path) -> SearchFolder:
    """A copy of a finished search with stopped trials, to spoil."""
    return SearchFolder(Path(shutil.copytree(played_once.path, tmp_path / "results" / played_once.name)))


def without_plotly(page: str) -> str:
    assert PLOTLY in page
    return page.replace(PLOTLY, "")


def headings(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", without_plotly(page))


def figures_in(page: str) -> dict[str, go.Figure]:
    """Every figure of a page by its slug, as plotly.py takes it in, which checks each name in it."""
    found = re.findall(r'<figure id="(.*?)">.*?<script type=application/json>(.*?)</script>', without_plotly(page))
    return {slug: go.Figure(json.loads(content)) for slug, content in found}


def section(view: View, title: str) -> str:
    """The text of one section."""
    return next(one for one in sections_of(view) if one.title == title).html


# the page


def test_the_sections_stand_in_their_order(played):
    page = render(played)
    assert headings(page) == HEADINGS
    assert "<div class=answer><p>Best: trial " in page


def test_the_page_is_one_file_that_asks_for_nothing(played):
    page = without_plotly(render(played))
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)
    assert not re.search(r"<(script|img|iframe)[^>]*\bsrc|@import|url\(", page)
    drawn = figures_in(render(played))
    assert {"learning-curves", "optimisation-history", "parallel-coordinates", "slots-busy"} <= set(drawn)


class Page(HTMLParser):
    """A page as a browser takes it: its elements and their attributes, its text, and what its figures show."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements, self.text, self.drawn, self._inside = [], "", [], None
        self.feed(without_plotly(page))

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, attrs))
        self._inside = (tag, *attrs)

    def handle_endtag(self, tag):
        self.elements.append((f"/{tag}", []))
        self._inside = None

    def handle_data(self, data):
        if self._inside == ("script", ("type", "application/json")):
            self.drawn.append(data)
        else:
            self.text += data


def named_by_a_user(folder: SearchFolder, word: str) -> SearchFolder:
    """The search, in which `word` is the name of all that people, files or machines may name."""
    about, names = folder.about(), [word, "b", "c"]
    made = about["provenance"]
    made["data"] |= {"description": word, "validation": dict.fromkeys(names, 40)}
    made |= {"versions": {word: word}, "git_commit": word, "machine": {"cpu": word}}
    (folder.path / "search.json").write_text(json.dumps(about))
    spec = folder.spec()
    tracking = spec.tracking.model_copy(update={"uri": word})
    (folder.path / "spec.yaml").write_text(spec.model_copy(update={"tracking": tracking}).dump_yaml())
    confirm(folder, caveats=(word,))
    for trial in folder.history().in_state("finished")[1:]:  # the first has no picture, which is a sentence
        result = {"recall": dict.fromkeys(names, 0.5), "confusion": [[1] * 3] * 3, "class_names": names}
        folder.trial(trial.number).write_result(result)
        points = {"class_names": names, "labels": [0, 1, 2], "points": [[0, 1], [1, 2], [2, 0]]}
        kept = {"method": "PCA", "checkpoint": "", "fingerprint": "", "explained": [0.5, 0.25]} | points
        folder.trial(trial.number).embedding.write_text(json.dumps(kept))
    return folder


def strings_in(content) -> list[str]:
    """All that is written in a figure."""
    if isinstance(content, dict | list):
        parts = content.values() if isinstance(content, dict) else content
        return [string for part in parts for string in strings_in(part)]
    return [content] if isinstance(content, str) else []


@pytest.mark.parametrize("word", ["<script>alert(1)</script>", "</script><b>", "R & D", "&lt;i&gt;", '" onclick="x'])
def test_what_a_user_wrote_is_read_as_text_in_every_section(word, played):
    """The page has the elements of one without such words: they make none, change none and end none."""
    plain, found = (Page(render(named_by_a_user(played, one))) for one in ("Plain: text", word))
    assert found.elements == plain.elements
    assert found.text.count(word) == plain.text.count("Plain: text") == 7
    assert [heading for heading in [*HEADINGS, "Verdict on fresh seeds"] if heading not in found.text] == []
    drawn, drawn_plain = (strings_in([json.loads(content) for content in one.drawn]) for one in (found, plain))
    assert drawn == [string.replace("Plain: text", html.escape(word)) for string in drawn_plain]
    assert drawn != drawn_plain
    of_plotly = {"<br>", "<extra>", "</extra>"}
    assert set(re.findall("<[^>]*>?", " ".join(drawn))) <= of_plotly, "it would make elements of others"


@pytest.mark.parametrize("told", [0, 1, 6])
def test_a_search_of_no_or_one_trial_has_a_page(told, tmp_path):
    """Nothing asked yet; one trial in its first epoch; one trial at its end."""
    one = [*SHORT, "search.trials=0", "search.baselines=[CL]", "space={}"]
    folder = play(tmp_path, one, until=told, end="interrupted")
    page = render(folder)
    assert [heading for heading in HEADINGS if heading in headings(page)] == headings(page)
    assert ("No trial has finished yet." in page) == (told < 6)
    assert ("Learning curves" in headings(page)) == (told > 0)
    assert "(interrupted)" in page
    figures_in(page)


def test_a_running_search_says_so(played):
    with played.lock():
        assert "(running)" in render(played)
    assert "(done)" in render(played)


@pytest.mark.slow
def test_two_thousand_trials_make_a_page_that_can_be_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # a disk's patience is not what is tested
    folder = play(tmp_path, [*RANDOM, "search.trials=1997"])
    written = report(folder.name, results=tmp_path)
    history = folder.history()
    finished = len(history.in_state("finished"))
    assert len(history.trials) == 2000
    assert finished > 2 * SHOWN
    assert written.page.stat().st_size < 10_000_000
    page = written.page.read_text()
    table = without_plotly(page).split("<h2>Leaderboard</h2>")[1].split("</table>")[0]
    assert table.count("<tr>") == SHOWN + 1
    assert f"{finished - SHOWN} more finished trials" in page
    curves = [trace for trace in figures_in(page)["learning-curves"].data if trace.hovertemplate]
    assert len(curves) == figures.LINES
    assert sum("<br>finished at epoch" in trace.hovertemplate for trace in curves) == figures.FINISHED
    assert sum(" baseline<br>" in trace.hovertemplate for trace in curves) == 3
    assert f"Of 2000 trials {figures.LINES} are drawn" in page
    with folder.leaderboard.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2000


# tables


def test_the_csv_has_every_trial_and_ranks_the_finished_alone(played):
    view = read_view(played)
    rows = list(csv.DictReader(as_csv(view).splitlines()))
    assert sorted(int(row["trial"]) for row in rows) == list(view.history.trials)
    ranked = [row for row in rows if row["rank"]]
    assert [int(row["trial"]) for row in ranked] == [trial.number for trial in view.ranked]
    assert rows[: len(ranked)] == ranked
    for row in rows:
        trial = view.history.trials[int(row["trial"])]
        assert (row["state"], row["reason"] or None) == (trial.state, trial.reason)
        assert row["score"] == ("" if trial.score is None else repr(trial.score))
        assert float(row["loss.temperature"]) == trial.config["loss"]["temperature"]
    assert {"finished", "stopped"} == {row["state"] for row in rows}


def test_each_score_has_the_error_that_its_recalls_give(played):
    view = read_view(played)
    best = view.ranked[0]
    smoothed = (best.score * 40 + 1) / 42
    expected = math.sqrt(smoothed * (1 - smoothed) / 40 / 3)
    assert view.error_of(best) == pytest.approx(expected)
    assert f">{expected:.4f}</td>" in section(view, "Leaderboard")
    assert view.error_of(view.history.in_state("stopped")[0]) is None


def test_a_recall_of_one_is_no_certainty():
    assert balanced_accuracy_error([40, 40], [1.0, 1.0]) > 0.01
    assert balanced_accuracy_error([40, 40], [1.0, 0.5]) > balanced_accuracy_error([40, 40], [1.0, 1.0])


def test_the_leaderboards_headers_can_be_clicked_and_carry_their_order(played):
    table = section(read_view(played), "Leaderboard")
    assert table.count("aria-sort=") == table.count("<th ") == table.count("<button type=button>")
    assert table.count('aria-sort="ascending"') == 1
    assert '<i class=dot style="background:#' in table


# figures


def test_learning_curves_mark_rungs_stops_and_the_classifier(played):
    view, drawn = read_view(played), figures_in(render(played))["learning-curves"]
    assert [note.text for note in drawn.layout.annotations] == ["rung 0", "rung 1", "rung 2", "classifier"]
    stops = [x for trace in drawn.data if not trace.hovertemplate for x in trace.x if x is not None]
    assert sorted(stops) == sorted(trial.epoch for trial in view.history.in_state("stopped"))
    widths = {("baseline" in trace.hovertemplate): trace.line.width for trace in drawn.data if trace.mode == "lines"}
    assert widths[True] > widths[False]


def test_parallel_coordinates_put_stopped_trials_and_zero_apart(played):
    view, (drawn,) = read_view(played), figures_in(render(played))["parallel-coordinates"].data
    shown = view.history.in_state("finished", "stopped")
    score = drawn.dimensions[-1]
    assert [d.label for d in drawn.dimensions] == ["η (log)", "γ", "τ (log)", "score"]
    for trial, height in zip(shown, score["values"], strict=True):
        assert (height < 0.2) == (trial.state == "stopped")
    assert max(score["values"]) == 1.0
    eta, share = drawn.dimensions[0], view.spec.space["loss.eta"].share
    for trial, place in zip(shown, eta["values"], strict=True):
        assert (place < share) == (trial.values["loss.eta"] == 0)
    assert eta.ticktext[0] == "0"
    assert eta.ticktext[-1] == "300"


def test_only_finished_trials_are_coloured_by_score_on_the_map(played):
    view, drawn = read_view(played), figures_in(render(played))["map-eta-temperature"]
    by_name = {trace.name: trace for trace in drawn.data}
    assert len(by_name["finished"].x) == len(view.ranked)
    assert list(by_name["finished"].marker.color) == [trial.score for trial in view.ranked[::-1]]
    assert isinstance(by_name["stopped"].marker.color, str)


@pytest.mark.parametrize(
    ("range_", "labels"),
    [
        (Uniform(0.5, 10), ["0.5", "2", "4", "6", "8", "10"]),
        (LogUniform(0.03, 1.0), ["0.03", "0.1", "0.3", "1"]),
        (LogUniform(1e-4, 1e-1), ["0.0001", "0.001", "0.01", "0.1"]),
        (LogUniform(2.0, 2.5), ["2", "2.5"]),
        (IntUniform(1, 3), ["1", "2", "3"]),
        (Choice(("adamw", "sgd")), ["adamw", "sgd"]),
        (ZeroOr(LogUniform(1, 300), share=0.25), ["0", "1", "10", "100", "300"]),
    ],
)
def test_ticks_read_as_values_and_stand_where_the_values_do(range_, labels):
    ticks = axes.ticks(range_)
    assert [label for _, label in ticks] == labels
    for at, label in ticks:
        value = label if isinstance(range_, Choice) else float(label)
        assert at == pytest.approx(range_.to_unit(value), abs=1e-3)


def test_the_field_that_decides_is_the_most_important(tmp_path):
    view = read_view(play(tmp_path, [*ALL, "search.trials=40"]))
    found = measure(view, view.ranked)
    assert found[0].path == "loss.temperature"
    assert sum(each.share for each in found) == pytest.approx(1)
    assert all(each.low <= each.share <= each.high for each in found)
    assert measure(view, view.ranked) == found


def test_importances_of_too_few_trials_are_refused_in_words(told):
    view = read_view(SearchFolder(told / "told"))
    said = importances(view)
    assert "Too few trials" in said.html
    assert not said.figures


def test_importances_of_trials_that_share_a_score_are_refused_in_words(tmp_path):
    view = read_view(play(tmp_path, [*ALL, "search.trials=12"], worth=lambda trial: 0.9 if trial.number < 2 else 0.5))
    said = importances(view)
    assert "share a score" in said.html
    assert not said.figures


def test_recalls_and_confusions_are_those_of_the_trials_files(played):
    view = read_view(played)
    confusion, names = [[30, 10, 0], [5, 35, 0], [0, 0, 40]], list(CLASSES)
    recall = dict(zip(names, (0.75, 0.875, 1.0), strict=True))
    baselines = [trial for trial in view.ranked if trial.baseline]
    for trial in {view.ranked[0].number: view.ranked[0], 0: baselines[0], 1: baselines[1]}.values():
        played.trial(trial.number).write_result({"recall": recall, "confusion": confusion, "class_names": names})
    drawn = figures_in(render(played))
    (matrix,) = drawn[f"confusion-{view.ranked[0].number:04d}"].data
    assert [list(row) for row in matrix.text] == confusion
    assert matrix.z[0][1] == 0.25
    assert [list(trace.y) for trace in drawn["recalls"].data] == [[0.75, 0.875, 1.0]] * len(drawn["recalls"].data)
    assert drawn["recalls"].layout.xaxis.type == "category", "or classes 3, 8 and 9 would be numbers on an axis"
    missing = [trial for trial in baselines if not played.trial(trial.number).result.exists()]
    assert len(missing) == 1
    assert f"No result.json of trial {missing[0].number}, {missing[0].family} baseline" in render(played)


# the verdict


def confirm(folder: SearchFolder, caveats: tuple[str, ...]) -> None:
    """Leave a confirmation of two losses on three seeds, as `afcl confirm` does."""
    from search.evidence.candidates import Candidate
    from search.evidence.evidence import _FILE, TEST_METRICS, Evidence
    from search.evidence.verdict import judge

    scores = {"CL": {1: 0.7, 2: 0.71, 3: 0.72}, "AFCL": {1: 0.8, 2: 0.82, 3: 0.81}}
    made = Evidence(
        confirmation="confirm-1",
        candidates=(Candidate(5, "AFCL", 1), Candidate(0, "CL", 4)),
        seeds=(1, 2, 3),
        metric="val_balanced_accuracy",
        scores=dict.fromkeys((*TEST_METRICS, "val_balanced_accuracy"), scores),
        families=dict.fromkeys(TEST_METRICS, judge(scores)),
        winners=None,
        curses={},
        images=(),
        caveats=caveats,
    )
    inside = SearchFolder(folder.path / "confirm-1")
    inside.path.mkdir(exist_ok=True)
    shutil.copy(folder.path / "search.json", inside.path)
    inside.verdict.write_bytes(_FILE.dump_json(made))


def test_a_confirmed_search_has_its_verdict_after_the_leaderboard(played):
    begun = SearchFolder(played.path / "confirm-1")
    begun.path.mkdir()
    shutil.copy(played.path / "search.json", begun.path)
    assert "Verdict on fresh seeds" not in headings(render(played))
    confirm(played, caveats=("A caveat.",))
    page = render(played)
    assert headings(page)[:3] == ["Leaderboard", "Verdict on fresh seeds", "Learning curves"]
    assert "<p>A caveat.</p>" in page
    drawn = figures_in(page)["verdict"]
    assert [list(trace.x) for trace in drawn.data if len(trace.x) == 3] == [[0.7, 0.71, 0.72], [0.8, 0.82, 0.81]]


# edges


@pytest.mark.parametrize(("at", "side"), [(0.03, "low"), (1.0, "high"), (0.17, None)])
def test_a_best_value_near_an_end_is_flagged(at, side, tmp_path):
    def worth(trial):
        return 0.9 - 0.1 * abs(math.log(trial.config["loss"]["temperature"] / at))

    ends_and_between = ["space={loss.temperature: {loguniform: [0.03, 1.0]}}", "search.sampler=grid", "search.trials=5"]
    view = read_view(play(tmp_path, [*ALL, *ends_and_between], worth=worth))
    said = section(view, "Edges of the ranges")
    advice = re.findall(r"<li>(τ.*?)</li>", said)
    assert len(advice) == (side is not None)
    if side is not None:
        assert f"near the {side} end of 0.03 … 1" in advice[0]
        assert ("downwards" if side == "low" else "upwards") in advice[0]


def test_a_zero_that_may_be_chosen_is_no_edge(tmp_path):
    def worth(trial):
        return 0.9 - 0.001 * trial.config["loss"]["eta"]

    view = read_view(play(tmp_path, [*ALL, "search.trials=20"], worth=worth))
    assert view.ranked[0].values["loss.eta"] == 0
    assert "<li>η" not in section(view, "Edges of the ranges")


def test_a_zero_outside_of_the_range_is_no_edge_and_another_value_outside_is():
    """With a search for each loss CL's η is 0 where only 1 to 300 is searched; a baseline may lie below it."""
    assert edge_of(LogUniform(1, 300), 0.0) is None
    assert edge_of(LogUniform(1, 300), 0.5) == "low"
    assert edge_of(LogUniform(1, 300), 290.0) == "high"


# cost


def event(kind: str, second: float, **details) -> dict:
    return {"event": kind, "time": int(1000 * second), **details}


def test_slots_are_busy_from_launch_to_end_and_idle_between_sessions():
    events = [
        event("start", 100, slots=2),
        event("launched", 101, trial=0),
        event("launched", 103, trial=1),
        event("end", 106, trial=0),
        event("result", 108, trial=1),  # the driver is killed here
        event("start", 9000, slots=1),
        event("launched", 9002, trial=1),
        event("end", 9005, trial=1),
        event("close", 9006),
    ]
    used = cost.usage(events)
    assert used.wall == 8 + 6
    assert used.busy == 5 + 5 + 3
    assert (used.slots, used.sessions) == (2, (0.0, 8.0))
    assert used.steps == ((0.0, 0), (1.0, 1), (3.0, 2), (6.0, 1), (8.0, 0), (10.0, 1), (13.0, 0), (14.0, 0))


def test_many_steps_are_shown_as_means_that_keep_the_total():
    lives = [event("launched" if second % 2 else "end", second, trial=0) for second in range(1, 2001)]
    used = cost.usage([event("start", 0, slots=1), *lives, event("close", 2000)])
    bins = cost._binned(used)
    assert len(bins) == cost.BINS
    assert sum(busy for _, busy in bins) * used.wall / cost.BINS == pytest.approx(used.busy) == 1000
    assert {round(busy, 6) for _, busy in bins} == {0.5}


def test_what_asha_saved_is_what_its_stopped_trials_had_left(played):
    view = read_view(played)
    done = sum(len(trial.epochs) for trial in view.history.trials.values())
    left = 6 * len(view.history.trials) - done
    assert cost.spared_epochs(view) == left > 0
    said = section(view, "Cost")
    assert f"{done:,} epochs were computed" in said
    assert f"would have taken {left:,} more: ASHA saved {left / (done + left):.0%}" in said


# embeddings


@pytest.fixture(scope="session")
def trained(tmp_path_factory, digits, tiny_config):
    """The checkpoint of one real trial."""
    folder = tmp_path_factory.mktemp("trained")
    run_trial(tiny_config, digits, lambda step, metrics: None, save=lambda made: save_checkpoint(made, folder, keep=1))
    return folder


def with_checkpoint(folder: SearchFolder, number: int, trained: Path) -> None:
    shutil.copytree(trained, folder.trial(number).checkpoints)


def test_an_embedding_is_computed_once_and_outlives_its_checkpoint(played, trained, digits):
    with_checkpoint(played, 0, trained)
    trial = played.trial(0)
    made = points_of(trial, lambda: digits)
    assert len(made["points"]) == len(made["labels"]) == len(digits.validation.labels)
    assert sorted(made["labels"]) == sorted(digits.validation.labels.tolist())
    spread = [max(p[n] for p in made["points"]) - min(p[n] for p in made["points"]) for n in (0, 1)]
    assert spread[0] > 0
    assert made["explained"][0] >= made["explained"][1] > 0

    def not_again():
        raise AssertionError("it stands in the trial's folder")

    assert points_of(trial, not_again) == made
    trial.drop_checkpoints()
    assert points_of(trial, not_again) == made
    trial.embedding.unlink()
    with pytest.raises(InputError, match="its checkpoint is gone"):
        points_of(trial, not_again)


def test_an_embedding_is_the_same_when_it_is_made_again(played, trained, digits):
    with_checkpoint(played, 0, trained)
    made = points_of(played.trial(0), lambda: digits)
    played.trial(0).embedding.unlink()
    assert points_of(played.trial(0), lambda: digits) == made


def test_a_checkpoint_of_another_code_makes_no_picture(played, trained, digits):
    """Its content has a field less than a checkpoint has here."""
    checkpoints = played.trial(0).checkpoints
    checkpoints.mkdir(parents=True)
    stored = torch.load(next(trained.glob("*.pt")), weights_only=True)
    del stored["class_names"]
    buffer = io.BytesIO()
    torch.save(stored, buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()[:16]
    (checkpoints / f"epoch-00007-{digest}.pt").write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match="written by other code"):
        points_of(played.trial(0), lambda: digits)


def test_the_winners_picture_stands_beside_that_of_the_best_cl_trial(played, trained, digits):
    view = read_view(played)
    contrast = next(trial for trial in view.ranked if trial.family == "CL")
    assert contrast is not view.ranked[0]
    for trial in (view.ranked[0], contrast):
        with_checkpoint(played, trial.number, trained)
        points_of(played.trial(trial.number), lambda: digits)
    made = embeddings(view)
    assert [one.slug for one in made.figures] == [f"embedding-{t.number:04d}" for t in (view.ranked[0], contrast)]
    assert "A picture and no evidence" in made.html
    assert "No picture" not in made.html


def test_a_picture_that_cannot_be_had_is_a_sentence(played, trained):
    """The winner's data is not what this machine has; CL's checkpoint is gone."""
    view = read_view(played)
    with_checkpoint(played, view.ranked[0].number, trained)
    said = embeddings(view)
    assert not said.figures
    assert f"No picture of trial {view.ranked[0].number}" in said.html
    assert "the data here is not what the search ran on" in said.html
    assert "its checkpoint is gone" in said.html


# pictures


def test_a_machine_without_a_browser_is_told_how_to_mend_it(typed, told):
    ended = typed("report", "told", "--png", results=told, BROWSER_PATH="/nowhere/chrome")
    assert ended.returncode == 3
    (line,) = ended.stderr.splitlines()
    assert "/nowhere/chrome is not on this machine; install one" in line
    assert not (told / "told" / "figures").exists()


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no {CHROMIUM}: apt-get install chromium")
def test_every_figure_is_a_picture_under_its_slug(typed, told):
    folder = SearchFolder(told / "told")
    folder.figures.mkdir()
    (folder.figures / "of-an-older-report.png").touch()
    printed = typed("report", "told", "--png", results=told)
    assert printed.returncode == 0, printed.stderr
    drawn = {path.stem: path for path in folder.figures.iterdir()}
    assert set(drawn) == set(figures_in(folder.report.read_text()))
    assert printed.stdout.split() == [str(folder.report), *(str(drawn[slug]) for slug in sorted(drawn))]
    for path in drawn.values():
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert int.from_bytes(content[16:20]) == png.WIDTH * png.SCALE


# MLflow


@pytest.mark.slow
def test_the_report_is_an_artifact_of_the_parent_run(told):
    folder = SearchFolder(told / "told")
    outbox.sync(folder)
    assert report("told", results=told).problem is None
    picture = told / "a.png"
    picture.touch()
    assert report_upload.log_report(folder, [picture]) is None
    from mlflow import MlflowClient

    delivered = json.loads(folder.delivered.read_text())
    client = MlflowClient(delivered["uri"])
    paths = {one.path for one in client.list_artifacts(delivered["parent"])}
    assert {"index.html", "leaderboard.csv", "figures"} <= paths
    assert [one.path for one in client.list_artifacts(delivered["parent"], "figures")] == ["figures/a.png"]


@pytest.mark.slow
def test_a_server_that_is_down_is_one_line_and_the_report_stands(told, typed):
    folder = SearchFolder(told / "told")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{probe.getsockname()[1]}"  # bound and not listening: it refuses
        folder.delivered.write_text(json.dumps({"uri": uri, "offset": 0, "parent": "run", "runs": {}}))
        ended = typed("report", "told", results=told, MLFLOW_TRACKING_URI=uri)
    assert ended.returncode == 0
    assert ended.stdout.split() == [str(folder.report)]
    (line,) = ended.stderr.splitlines()
    assert line.startswith("MLflow has not got the report (no server answers); `afcl report told")


def test_a_copied_search_writes_to_no_store_but_its_own(told):
    """Its runs stand in the store that the original delivered to."""
    folder = SearchFolder(told / "told")
    there = {"uri": "sqlite:////elsewhere/mlflow.db", "offset": 0, "parent": "run", "runs": {}}
    folder.delivered.write_text(json.dumps(there))
    assert report_upload.log_report(folder) is None


def test_a_store_that_is_gone_is_said_and_not_made_anew(told):
    folder = SearchFolder(told / "told")
    uri = mlflow_store.tracking_uri(folder.spec(), told)
    folder.delivered.write_text(json.dumps({"uri": uri, "offset": 0, "parent": "run", "runs": {}}))
    assert "mlflow.db is gone" in report_upload.log_report(folder)
    assert not (told / "mlflow.db").exists()
