"""Whether scores that are there mean what those to come will."""

import json

import pytest

from search import api
from search.engine import compatibility
from search.engine.compatibility import known_event, older_search, refuse_other_code, refuse_other_data
from search.journal.history import ENDED, History
from search.storage import scoring_code
from search.storage.search_folder import SearchFolder
from spaces.spec import load_spec
from trainers.data import load
from trainers.errors import InputError


@pytest.mark.slow
def test_a_search_may_start_from_an_older_ones_trials(finished, root, shared_ray):
    spec_changes = [
        "search.trials=1",
        "search.baselines=[]",
        "representation.epochs=6",
        "classifier.solver=adamw",
        "classifier.epochs=3",
        "search.scheduler.grace=1",
        "search.scheduler.reduction=2",
    ]
    spec = load_spec("digits", spec_changes, name="younger")
    found = api.run(spec, results=root, start_from="Finished.1")
    assert len(found.history.known) == len(finished.history.trials)
    assert len(found.history.trials) == 1
    events = [json.loads(line)["event"] for line in found.folder.journal.read_text().splitlines()]
    assert events[0] == "known"
    with pytest.raises(InputError, match="other data"):
        api.run(
            load_spec("digits", [*spec_changes, "data.seed=1"], name="unlike"), results=root, start_from="Finished.1"
        )


@pytest.mark.slow
def test_other_code_or_data_is_refused_unless_it_is_wanted(finished, root, shared_ray, monkeypatch):
    monkeypatch.setattr(compatibility, "scoring_code_hash", lambda: "other")
    with pytest.raises(InputError, match=r"other code \(commit \w+.*than this one \((commit|of no commit).*--anyway"):
        api.resume("Finished.1", extend_by=1, results=root)


def test_a_new_word_in_a_report_stops_nobody(told, monkeypatch):
    """The hash of all files differs, that of the scoring code does not."""
    said: list[str] = []
    monkeypatch.setattr(compatibility, "code_hash", lambda: "other")
    refuse_other_code(SearchFolder(told / "begun"), anyway=False, say=said.append)
    assert said == []
    monkeypatch.setattr(scoring_code, "FILES", ("trainers/**/*.py",))
    with pytest.raises(InputError, match="began with other code"):
        refuse_other_code(SearchFolder(told / "begun"), anyway=False, say=said.append)


SMALL = [
    "representation.epochs=2",
    "search.trials=4",
    "search.scheduler={name: asha, grace: 1, reduction: 2}",
]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("classifier.solver=adamw", "has classifier.solver 'lbfgs', not 'adamw': other scores"),
        ("classifier.l2=0.5", "has classifier.l2 'auto', not 0.5: other scores"),
        ("classifier.l2_rules=1", "has classifier.l2_rules 2, not 1: other scores"),
        ("loss.normalize_by=positives", "has loss.normalize_by 'batch', not 'positives': other scores"),
        ("search.metric=accuracy", "has another metric (balanced_accuracy): its scores mean nothing here"),
        ("data.seed=1", "ran on other data"),
        ("search.per_family=true", "with per_family it would give some families a start over the others"),
        ("space.loss.temperature={choice: [0.5, 0.6]}", "no trial of told lies in the space of this search"),
    ],
)
def test_an_older_search_whose_scores_mean_something_else_is_no_start(change, complaint, told):
    more = ["search.baselines=[]"] if "per_family" in change else []
    spec = load_spec("digits", [*SMALL, *more, change], name="new")
    with pytest.raises(InputError) as refused:
        older_search(told, "told", spec, load(spec.data))
    assert complaint in str(refused.value)
    assert str(refused.value).startswith("--from: ")


def test_an_older_search_may_have_searched_other_fields_and_seeds(told):
    spec = load_spec("digits", [*SMALL, "search.seed=7", "search.trials=1"], name="new")
    assert older_search(told, "told", spec, load(spec.data)).name == "told"


def test_a_journal_that_begins_with_an_older_search_knows_its_ended_trials(told):
    folder = SearchFolder(told / "told")
    event = known_event(folder)
    assert (event["event"], event["search"], event["up"]) == ("known", "told", 0.0)
    history = History()
    history.apply(json.loads(json.dumps(event)))
    assert history.known == folder.history().in_state(*ENDED)


def test_other_data_than_a_folder_began_with_are_refused(told):
    folder = SearchFolder(told / "told")
    spec = folder.spec()
    refuse_other_data(folder, load(spec.data))
    with pytest.raises(InputError, match=r"told began on other data \(.*\) than this one \("):
        refuse_other_data(folder, load(spec.data.model_copy(update={"seed": 5})))


def test_other_scoring_code_is_refused_unless_somebody_says_anyway(told, monkeypatch):
    folder, said = SearchFolder(told / "told"), []
    monkeypatch.setattr(compatibility, "scoring_code_hash", lambda: "other")
    with pytest.raises(InputError, match=r"told began with other code \(.*; add --anyway to go on all the same$"):
        refuse_other_code(folder, anyway=False, say=said.append)
    refuse_other_code(folder, anyway=True, say=said.append)
    assert said == []
