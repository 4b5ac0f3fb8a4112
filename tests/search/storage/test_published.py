"""A search's folder without its journal, as the study is published: what its tables tell, and what they cannot.

See search.storage.published.
"""

import shutil

import pytest

import search
from search.storage.results_folder import refuse_existing
from trainers.errors import InputError

STUDY = "fmnist-98-2"


def test_a_published_study_is_listed_shown_and_opened_as_what_it_is(study, typed):
    listed = {one.name: one for one in search.list(results=study)}[STUDY]
    assert (listed.state, listed.trials, listed.planned, listed.waits) == ("published", 100, 100, [])
    assert listed.counts == "32 finished, 68 stopped"
    assert listed.verdict.startswith("On 20 fresh seeds")
    found = search.open(STUDY, results=study)
    assert (found.state, found.verdict) == ("published", listed.verdict)
    assert (found.best.number, found.best.score) == (listed.best.trial, listed.best.score)
    assert len(found.frames().decisions) > 100
    for words in (("list",), ("show", STUDY), ("show", f"{STUDY}/confirm-1")):
        printed = typed(*words, results=study).stdout
        assert "published: results without their journal" in printed
        assert "CL comes first with a mean of 0.7556" in printed
        assert "interrupted" not in printed
    assert "On 20 fresh seeds" in found._repr_html_()


def test_published_searches_are_compared_by_their_tables(published, told_once):
    shutil.copytree(told_once / "told", published / "again")
    first, second = search.compare(["told", "again"], results=published).sides
    assert first.best.score == second.best.score
    assert first.curve == second.curve
    assert first.seconds is None, "nobody knows how long its drivers ran"


@pytest.mark.parametrize(
    "words",
    [
        ("explain", "told", "0"),
        ("logs", "told"),
        ("logs", "told", "0"),
        ("resume", "told"),
        ("extend", "told", "--trials", "2"),
        ("report", "told"),
        ("export", "told"),
        ("export", "told", "--tables", "csv"),
        ("confirm", "told"),
        ("sync", "told"),
        ("search", "digits", "--name", "new", "--from", "told"),
    ],
    ids=" ".join,
)
@pytest.mark.slow
def test_what_needs_the_journal_says_so_in_one_line_and_writes_nothing(published, typed, words):
    before = {path: path.stat().st_mtime_ns for path in published.rglob("*") if path.is_file()}
    ended = typed(*words, results=published)
    assert ended.returncode == 2
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("afcl: ")]
    assert "published without its journal" in line
    assert {path: path.stat().st_mtime_ns for path in published.rglob("*") if path.is_file()} == before


def test_a_published_name_is_not_offered_to_be_resumed(published):
    with pytest.raises(InputError, match=r"a published search 'told' is in .*choose another --name or --results"):
        refuse_existing(published, "told")
