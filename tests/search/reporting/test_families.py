"""A search over losses with and without η, γ and τ: what its page and its tables make of fields that are not there."""

import csv
import re
import shutil

import pytest
from consoles import paper
from pages import RANDOM, confirm, figures_in, headings, play

from search.display import tables
from search.evidence.candidates import candidates
from search.evidence.rung_reliability import signal_at
from search.journal.frames import frames
from search.reporting.context import COLOURS, read_view
from search.reporting.families import families
from search.reporting.importance import importances
from search.reporting.leaderboard import as_csv, leaderboard
from search.reporting.range_edges import edges
from search.reporting.report import render
from trainers.loss_config import END_TO_END, FAMILIES

LRS = [f"space.{name}.lr={{loguniform: [0.0001, 0.1]}}" for name in END_TO_END.values()]
ALL = ["space.loss.name={choice: [afcl, cross_entropy, focal, logit_adjusted]}", *LRS]
BASELINES = "search.baselines=[CE, CL, FCL, ACL, FOCAL, LA]"


def worth(trial) -> float:
    """The best is a trial of one stage; each loss is worth what its own fields are."""
    if trial.family in END_TO_END:
        return 0.9 - abs(trial.config[trial.config["loss"]["name"]]["lr"] - 0.001)
    return 0.7 - trial.config["loss"]["temperature"] / 10


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A search whose sampler proposes every loss."""
    return play(tmp_path_factory.mktemp("mixed"), [*RANDOM, *ALL, BASELINES, "search.trials=48"], worth=worth)


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """A search of the AFCL in which CE is the best, and a baseline alone."""
    changes = [*RANDOM, "search.baselines=[CE, CL]", "search.trials=12"]
    return play(tmp_path_factory.mktemp("beside"), changes, worth=worth)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A search of a loss of the user's own, beside another one as a baseline."""
    space = "space={own_loss.triplet.margin: {uniform: [0.1, 1]}}"
    losses = [f"loss.name=pkg.losses:triplet#sha256={'0' * 64}", "search.baselines=[CL, 'pkg.losses:other']"]
    changes = [*RANDOM, space, *losses, "search.trials=4"]
    return play(tmp_path_factory.mktemp("own"), changes, worth=lambda trial: 0.6 + 0.1 * (trial.family == "triplet"))


@pytest.mark.slow
@pytest.mark.parametrize("which", [pytest.param("mixed", marks=pytest.mark.slow), "beside"])
def test_the_page_is_whole_and_every_figure_can_be_drawn(which, request):
    page = render(request.getfixturevalue(which))
    assert {"Leaderboard", "Learning curves", "Parallel coordinates", "Edges of the ranges"} <= set(headings(page))
    assert "trained end to end; the value is that of the head" in page
    assert figures_in(page)


def test_every_family_has_a_colour_of_its_own(own):
    assert tuple(COLOURS) == FAMILIES
    assert len(set(COLOURS.values())) == len(FAMILIES)
    view = read_view(own)
    colours = [view.colour_of(family) for family in (*FAMILIES, "triplet", "other")]
    assert len(set(colours)) == len(colours)


@pytest.mark.slow
def test_losses_of_ones_own_are_families_on_the_page_in_tables_and_for_a_confirmation(own):
    view = read_view(own)
    table = leaderboard(view).html
    assert {"triplet", "other (baseline)", "margin of triplet"} <= set(re.findall(r">([^<>]+)<", table))
    assert "sha256" not in table
    assert [one.label for one in candidates(view.history, 1)] == ["triplet", "CL", "other"]
    assert figures_in(render(own))


@pytest.mark.slow
def test_a_value_that_a_loss_has_not_is_an_empty_cell_in_page_and_csv(mixed):
    view = read_view(mixed)
    rows = {int(row["trial"]): row for row in csv.DictReader(as_csv(view).splitlines())}
    for trial in view.history.trials.values():
        row = rows[trial.number]
        assert (row["loss.eta"] == "") == (trial.family in END_TO_END)
        assert (row["focal.lr"] == "") == (trial.family != "FOCAL")
        assert row["loss.name"] == trial.config["loss"]["name"]
    table = leaderboard(view).html
    heads = table.split("</thead>")[0]
    assert heads.count("lr of CE") == heads.count("lr of LA") == 1
    assert table.count("<tr>") == len(view.ranked) + 1
    assert frames(view.history).trials["loss.eta"].isna().sum() == sum(
        trial.family in END_TO_END for trial in view.history.trials.values()
    )


@pytest.mark.slow
def test_on_an_axis_that_a_loss_has_not_its_trials_stand_apart_below_all_values(mixed):
    drawn = figures_in(render(mixed))["parallel-coordinates"]
    heights = [y for trace in drawn.data for x, y in zip(trace.x, trace.y, strict=True) if x == 0]
    there = [value for value in heights if value > 0]
    assert 0 < len(there) < len(heights)
    assert min(there) > 0.1
    notes = [note for note in drawn.layout.annotations if note.font.weight != "bold"]
    assert next(note.text for note in notes if note.x == 0) == "none"
    names = [note.text for note in drawn.layout.annotations if note.font.weight == "bold"]
    assert "none" not in [note.text for note in notes if note.x == names.index("loss")]


@pytest.mark.slow
def test_edges_and_importances_look_at_trials_that_have_the_field(mixed, beside):
    assert "learning rate of FOCAL" in edges(read_view(mixed)).html
    assert "judged by the best trials that have it" in edges(read_view(mixed)).html
    told = importances(read_view(mixed))
    assert "with loss.name: " in told.html
    assert "η" in edges(read_view(beside)).html


def test_the_signal_of_probes_is_judged_by_trials_that_have_probes(mixed):
    history = mixed.history()
    two = [trial for trial in history.in_state("finished") if trial.family not in END_TO_END]
    assert signal_at(history, mixed.spec().search.metric_key, 1).trials == len(two) > 0


@pytest.mark.slow
def test_the_terminal_and_json_show_what_there_is(mixed):
    history, console = mixed.history(), paper(200)
    for part in tables.overview(mixed, history, 200):
        console.print(part)
    assert "lr of CE" in console.file.getvalue()
    told = {one["id"]: one for one in tables.as_json(mixed, history)["trials"]}
    assert "loss.eta" not in told[0]["config"]
    assert (told[0]["family"], told[0]["config"]["loss.name"]) == ("CE", "cross_entropy")


def test_the_best_of_every_family_is_a_candidate(mixed):
    chosen = candidates(mixed.history(), 1)
    assert {one.label for one in chosen} >= set(END_TO_END)


def test_the_losses_stand_side_by_side_with_what_each_was_measured_to_do(mixed):
    view = read_view(mixed)
    section = families(view)
    rows = re.findall(r"</i>([A-Z]+)</td><td>(\d+)</td>", section.html)
    present = {trial.family for trial in view.ranked}
    assert [name for name, _ in rows] == [family for family in FAMILIES if family in present]
    assert "one seed; nothing is confirmed yet" in section.html
    assert "so there is no minority recall" in section.html
    assert "An empty cell was not measured" in section.html
    confirm(mixed, caveats=())
    told = families(read_view(mixed)).html
    shutil.rmtree(mixed.path / "confirm-1")
    assert "Measured on the test split; each value is the mean over 3 fresh seeds." in told
    assert "0.8100" in told
