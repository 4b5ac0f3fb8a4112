"""How precise a score is."""

from search.evidence.standard_error import balanced_accuracy_error


def test_a_recall_of_one_is_no_certainty():
    assert balanced_accuracy_error([40, 40], [1.0, 1.0]) > 0.01
    assert balanced_accuracy_error([40, 40], [1.0, 0.5]) > balanced_accuracy_error([40, 40], [1.0, 1.0])
