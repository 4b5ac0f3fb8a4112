"""The measures of classes by their names in a journal."""

from search.journal.class_measures import by_split, class_keys, is_told_at_the_end


def test_measures_are_found_again_whatever_a_class_is_called():
    names = ["a/b", "", "recall/x", "val_recall", "Nävus ="]
    metrics = {key: float(place) for place, key in enumerate(class_keys(names))}
    found = by_split(metrics | {"val_recall": 9.0, "val_accuracy": 9.0, "lr/a": 9.0, "train_recall/a": 9.0})
    assert list(found) == ["validation", "test"]
    told = [value for classes in found.values() for measures in classes.values() for value in measures.values()]
    assert sorted(told) == sorted(metrics.values())
    assert all(list(classes) == names for classes in found.values())
    assert found["test"]["a/b"]["precision"] == metrics["test_precision/a/b"]


def test_only_the_recall_on_validation_images_is_told_at_every_epoch():
    assert [is_told_at_the_end(f"{name}/a") for name in ("val_recall", "test_recall", "val_precision")] == [0, 1, 1]
    assert not is_told_at_the_end("val_expected_calibration_error")
    assert not is_told_at_the_end("val_specificity")
