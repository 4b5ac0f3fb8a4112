"""Names become such as every MLflow server takes, and none becomes another's."""

import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.tracking.names import LONGEST_NAME, Keys, cut, experiment_name, key_for


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("val_recall/benign//nevus", "val_recall/benign/_/nevus"),
        ("val_recall/n/a /", "val_recall/n/a /_"),
        ("val_recall/mole (1)", "val_recall/mole _1_"),
        ("val_recall/..", "val_recall/__"),
        ("val_recall/10:1\n", "val_recall/10_1_"),
        ("val_recall/Nävus", "val_recall/Nävus"),
        ("/", "_/_"),
        ("", "_"),
    ],
)
def test_a_name_is_as_it_was_but_for_what_mlflow_refuses(name, key):
    assert key_for(name) == key


@pytest.fixture(scope="module")
def mlflows():
    """What MLflow takes; imported here, as it takes seconds."""
    return importlib.import_module("mlflow.utils.validation")


@given(text=st.text(max_size=300))
def test_any_text_becomes_a_name_that_mlflow_takes(text, mlflows):
    key = key_for(text)
    mlflows._validate_metric_name(key)
    mlflows._validate_tag_name(key)
    assert len(key) <= LONGEST_NAME
    assert key_for(key) == key
    mlflows._validate_experiment_name(experiment_name(text) or "empty")


@given(st.lists(st.text(alphabet="aA(/. é\N{COMBINING ACUTE ACCENT}", max_size=6), unique=True), st.integers(0, 5))
def test_names_that_differ_stay_apart_known_or_not(names, known):
    keys = Keys(names[:known])
    assert len({keys.of(name) for name in names}) == len(names)
    assert [keys.of(name) for name in names] == [keys.of(name) for name in names]


def test_two_that_would_become_one_are_both_marked_and_any_other_is_not():
    keys = Keys(["mole (1)", "mole [1]", "naevus", "Naevus", "scar"])
    assert keys.of("scar") == "scar"
    apart = [keys.of(name) for name in ("mole (1)", "mole [1]", "naevus", "Naevus")]
    assert len(set(apart)) == 4
    assert [key[:-9] for key in apart] == ["mole _1_", "mole _1_", "naevus", "Naevus"]


def test_long_names_that_differ_at_their_ends_stay_apart():
    long = "val_recall/" + "x" * 300
    assert key_for(long + "a") != key_for(long + "b")


def test_a_text_is_cut_with_a_mark_of_the_whole():
    assert cut("x" * 10, 10) == "x" * 10
    assert len(cut("x" * 100, 50)) == 50
    assert cut("x" * 100 + "a", 50) != cut("x" * 100 + "b", 50)
