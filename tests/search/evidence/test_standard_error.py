"""How precise a score is."""

from told_trials import trial_of

from search.evidence.standard_error import balanced_accuracy_error, error_of_score, near_the_best, score_error


def test_a_recall_of_one_is_no_certainty():
    assert balanced_accuracy_error([40, 40], [1.0, 1.0]) > 0.01
    assert balanced_accuracy_error([40, 40], [1.0, 0.5]) > balanced_accuracy_error([40, 40], [1.0, 1.0])


def test_a_score_has_an_error_where_its_images_are_known_and_it_is_an_accuracy():
    trial = trial_of(0, score=0.8)
    counts = {"a": 40, "b": 40}
    assert error_of_score(trial, "balanced_accuracy", counts) == balanced_accuracy_error([40, 40], [0.8, 0.8])
    trial.epochs[3] |= {"val_recall/a": 0.9, "val_recall/b": 0.7}
    assert error_of_score(trial, "balanced_accuracy", counts) == balanced_accuracy_error([40, 40], [0.9, 0.7])
    assert error_of_score(trial, "accuracy", counts) == score_error(0.8, 80)
    assert error_of_score(trial, "auroc", counts) is None
    assert error_of_score(trial, "balanced_accuracy", {}) is None
    assert error_of_score(trial_of(1, state="stopped"), "accuracy", counts) is None


def test_those_that_lie_within_the_error_of_the_best_are_counted():
    ranked = [trial_of(number, score=score) for number, score in enumerate((0.8, 0.79, 0.76, 0.6))]
    assert near_the_best(ranked, 0.05).startswith("2 of the other 3 lie within one standard error of the best (0.0500,")
    assert near_the_best(ranked, 0.01 + 1e-9).startswith("1 of the other 3 lies ")
    assert near_the_best(ranked[:2], 0.05).startswith(
        "The other one lies within one standard error of the best (0.0500,"
    )
