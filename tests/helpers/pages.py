"""Searches that are told by hand for their report, and what is read back from its page."""

import json
import math
import random
import re
import shutil

import plotly.graph_objects as go
from told_trials import told_value

from search.algorithms.proposer import SearchAgenda
from search.engine.controller import Conductor
from search.reporting.html import Section
from search.reporting.packing import packed_plotly, unpack
from search.storage.provenance import provenance
from search.storage.results_folder import create_folder
from search.storage.search_folder import SearchFolder
from spaces.spec import load_spec

CLASSES = {"3": 40, "8": 40, "9": 40}
SHORT = [
    "representation.epochs=4",
    "classifier.solver=adamw",
    "classifier.epochs=2",
    "search.scheduler={name: asha, grace: 1, reduction: 2}",
]
RANDOM = [*SHORT, "search.sampler=random"]
ALL = ["search.scheduler.name=none", "search.sampler=random"]
HEADINGS = [
    "Leaderboard",
    "The losses side by side",
    "Learning curves",
    "Optimisation history",
    "Parallel coordinates",
    "Score over η, γ and τ",
    "Score over each field",
    "Score by one field, the others as they were",
    "Importances",
    "Did the rungs foretell the final scores?",
    "Classes: recalls and confusions",
    "The images",
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
            metrics = told_value(conductor, value) | {f"val_recall/{one}": value for one in CLASSES}
            told += 1
            if conductor.result(trial.number, epoch, metrics) == "stop" or told >= until:
                break
    conductor.close(end)
    return folder


def without_plotly(page: str) -> str:
    assert packed_plotly() in page
    return page.replace(packed_plotly(), "")


def headings(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", without_plotly(page))


def figures_in(page: str) -> dict[str, go.Figure]:
    """Every figure of a page by its slug, as plotly.py takes it in, which checks each name in it."""
    return {slug: go.Figure(content) for slug, content in contents_of(page).items()}


def contents_of(page: str) -> dict[str, dict]:
    """Every figure of a page by its slug, as plotly.js gets it."""
    (letters,) = re.findall("<script type=text/plain id=packed-figures>(.*?)</script>", page, re.DOTALL)
    found = json.loads(unpack(letters))
    assert list(found) == re.findall(r'<figure id="(.*?)">', page)
    return found


def drawn(section: Section) -> dict[str, go.Figure]:
    """The figures of one section by their slugs, taken in like those of a page."""
    return {made.slug: go.Figure(json.loads(made.figure.to_json())) for made in section.figures}


TWO_LOSSES = {"CL": {1: 0.7, 2: 0.71, 3: 0.72}, "AFCL": {1: 0.8, 2: 0.82, 3: 0.81}}


def confirm(folder: SearchFolder, caveats: tuple[str, ...], scores=TWO_LOSSES) -> None:
    """Leave a confirmation of two losses on three seeds, as `afcl confirm` does."""
    from search.evidence.candidates import Candidate
    from search.evidence.evidence import _FILE, TEST_METRICS, Evidence
    from search.evidence.verdict import judge

    made = Evidence(
        confirmation="confirm-1",
        candidates=tuple(one for one in (Candidate(5, "AFCL", 1), Candidate(0, "CL", 4)) if one.label in scores),
        seeds=tuple(dict.fromkeys(seed for of in scores.values() for seed in of)),
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
