"""The hidden words that a submitted job runs. tests/cluster submits such jobs to a real cluster."""

import os

import pytest

from search.cli import job
from search.cluster import job_secrets
from search.storage.search_folder import SearchFolder
from search.storage.sent_folder import unpacked
from trainers.errors import InputError


def test_a_job_that_reads_has_the_variables_that_were_handed_over(told, typed, monkeypatch):
    """Which say where a search's store is, and let it in."""
    folder = SearchFolder(told / "told")
    folder.trial(0).path.mkdir(parents=True)
    folder.trial(0).log.write_text("epoch 1\n")
    monkeypatch.setenv("AWS_REGION", "")
    monkeypatch.setattr(job_secrets, "take_over", lambda: {"environment": {"AWS_REGION": "there"}})
    printed = typed("read-job", "logs", "told", "0", "--results", str(told))
    assert (printed.returncode, printed.stdout.strip()) == (0, "epoch 1")
    assert os.environ["AWS_REGION"] == "there"


def test_what_is_in_the_folder_must_be_the_search_that_is_submitted(told):
    folder = SearchFolder(told / "told")
    same = folder.spec()
    job._refuse_another(folder, same)
    tracked = same.model_copy(update={"tracking": same.tracking.model_copy(update={"uri": "http://mlflow"})})
    job._refuse_another(folder, tracked)
    for section, rules in (("data", "split_rules"), ("classifier", "l2_rules")):
        older = getattr(same, section).model_copy(update={rules: 1})
        job._refuse_another(folder, same.model_copy(update={section: older}))
    other = same.model_copy(update={"seed": 7})
    with pytest.raises(InputError, match=r"exists in .* with seed 0, not 7; submit it as it was to go on"):
        job._refuse_another(folder, other)


def test_a_folder_is_sent_as_one_line_for_the_live_page_of_another_machine(typed, told):
    printed = typed("send-folder", "told", "--since", "0", "--journals", '{"": 10}', results=told)
    assert printed.returncode == 0, printed.stderr
    (part,) = unpacked(printed.stdout)["folders"].values()
    assert part["begin"] == 10
    assert "spec.yaml" in part["files"]
