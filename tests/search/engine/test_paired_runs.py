"""Candidates on the same fresh seeds."""

from search.engine.paired_runs import PairedAgenda, paired_spec
from search.evidence.candidates import best_candidates
from search.journal.history import History
from search.storage.search_folder import SearchFolder
from spaces.spec import load_spec


def test_every_candidate_runs_on_the_first_seed_before_any_on_the_second(told):
    history = SearchFolder(told / "told").history()
    chosen = best_candidates(history, 2)
    agenda = PairedAgenda(history.trials, chosen, [7, 8, 9])
    assert agenda.planned(history) == 6
    asked = [agenda.question(number, History()) for number in range(6)]
    assert [one.config.seed for one in asked] == [7, 7, 8, 8, 9, 9]
    assert [one.config.data.seed for one in asked] == [7, 7, 8, 8, 9, 9]
    assert [one.note for one in asked[:3]] == [
        f"trial {chosen[0].trial}, seed 7",
        f"trial {chosen[1].trial}, seed 7",
        f"trial {chosen[0].trial}, seed 8",
    ]
    for one, candidate in zip(asked, chosen * 3, strict=True):
        searched = history.trials[candidate.trial]
        same = one.config.model_dump(mode="json", exclude=one.config.unused)
        same |= {"seed": searched.config["seed"], "data": same["data"] | {"seed": searched.config["data"]["seed"]}}
        assert same == searched.config


def test_nothing_is_stopped_and_no_step_follows():
    spec = paired_spec(load_spec("demo"), "final-1")
    assert spec.search.scheduler.name == "none"
    assert spec.search.final is None
    assert spec.name == "final-1"
