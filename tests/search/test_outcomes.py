"""What the words return. See search.outcomes."""

from search.outcomes import BestTrial, Confirmation, Listed


def test_a_listed_search_is_plain_values_for_a_program():
    listed = Listed("mine", "done", 4, 4, "4 finished", BestTrial(2, "CL", 0.9), "digits")
    assert listed.as_json()["best"] == {"trial": 2, "family": "CL", "score": 0.9}


def test_a_confirmation_that_came_to_nothing_has_no_sentences():
    confirmation = Confirmation(confirmed=None)
    assert (confirmation.sentences, str(confirmation), confirmation.model) == ([], "", None)
