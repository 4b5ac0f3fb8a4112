"""What the words return. See search.outcomes."""

import numpy as np

from search.engine.confirmation import Confirmed
from search.outcomes import BestTrial, Confirmation, Listed
from search.storage.search_folder import SearchFolder
from trainers.data.arrays import Split

NO_IMAGES = Split(np.zeros((0, 1, 8, 8), dtype=np.uint8), np.zeros(0, dtype=np.int64))


def test_a_listed_search_is_plain_values_for_a_program():
    listed = Listed(
        "mine", "done", 4, 4, "4 finished", BestTrial(2, "CL", 0.9), "2026-11-28T10:00:00Z", 61.5, ["confirm"], "digits"
    )
    assert listed.as_json()["best"] == {"trial": 2, "family": "CL", "score": 0.9}


def test_a_confirmation_that_came_to_nothing_has_no_sentences(told):
    confirmation = Confirmation(Confirmed(SearchFolder(told / "told"), None, NO_IMAGES))
    assert (confirmation.sentences, confirmation.model) == ([], None)
    assert repr(confirmation) == "<Confirmation told: done>", "and not every test image"
