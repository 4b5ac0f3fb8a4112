"""What a confirmation notices and refuses before anything runs."""

import pytest
from confirmations import begin_confirmation

from search.engine import confirmation
from search.engine.confirmation import confirm
from search.evidence.candidates import candidates
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError


class Told:
    """A display that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def view(self, *given):
        raise AssertionError("nothing is to run")


@pytest.fixture
def searched(told) -> SearchFolder:
    return SearchFolder(told / "told")


def test_new_winners_since_a_confirmation_are_told_with_what_to_type(searched):
    now = candidates(searched.history(), 2)
    folder = begin_confirmation(searched, now[:1], [1, 2])
    told = confirmation._new_candidates(folder, now[:1], now)
    assert f"new among the best since then: trial {now[1].trial} ({now[1].label})" in told
    assert "afcl confirm told --again" in told
    assert confirmation._new_candidates(folder, now, now[:1]) == "", "one that is no winner any more is no news"


def test_as_many_of_the_best_are_looked_for_as_the_confirmation_was_begun_with(searched):
    now = candidates(searched.history(), 2)
    assert confirmation._top_of(begin_confirmation(searched, now, [1], top=2)) == 2
    assert confirmation._top_of(begin_confirmation(searched, now, [1])) == 1, "an older one did not note it"


@pytest.mark.parametrize("smallest", [0.0, -0.1, 1.0])
def test_a_difference_that_no_accuracy_can_have_is_refused(searched, smallest):
    with pytest.raises(InputError, match="--smallest"):
        confirm(searched.name, smallest=smallest, results=searched.root, display=Told())
