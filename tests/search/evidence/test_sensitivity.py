"""A threshold for a wanted sensitivity, on a search that really ran and confirmations that are told by hand."""

import pytest
from scored import confirmed, scores_of

from search.evidence.sensitivity import in_words, operating_points
from trainers.data import load
from trainers.errors import InputError
from trainers.predictor import Predictor, score_split

THREE, OTHER = 0, 1  # labels
VALIDATION = [(0.9, THREE), (0.6, THREE), (0.3, THREE), (0.1, THREE), (0.5, OTHER), (0.2, OTHER)]
TEST = [(0.95, THREE), (0.4, THREE), (0.55, OTHER), (0.05, OTHER), (0.05, OTHER)]


@pytest.mark.slow
def test_a_threshold_is_chosen_on_what_the_kept_classifier_gives_validation_images(scored):
    (found,) = operating_points(scored, scored.history().ranked(), {"3": 0.9})
    validation = load(scored.spec().data).validation
    logits = score_split(Predictor(scored.trial(0).newest()), validation).logits.astype(float)
    shares = (2.718281828459045**logits)[:, 0] / (2.718281828459045**logits).sum(1)
    taken, is_three = shares >= found.threshold, validation.labels == 0
    assert (taken & is_three).sum() == found.validation.sensitivity.right >= 36
    assert (~taken & ~is_three).sum() == found.validation.specificity.right
    assert (found.validation.sensitivity.images, found.validation.specificity.images) == (40, 80)
    assert (found.trial, found.wanted, found.confirmation, found.seeds) == (0, 0.9, None, ())
    words = "\n".join(in_words(found))
    assert "not opened by a confirmation" in words
    assert "warning" not in words
    assert f"at least {found.threshold!r}" in words


def test_each_seed_of_a_confirmation_chooses_on_its_own_images_and_is_tried_on_the_test_split(scored):
    later = [(p / 2, label) for p, label in VALIDATION]
    confirmed(scored, {11: scores_of(VALIDATION, TEST), 12: scores_of(later, TEST)})
    (found,) = operating_points(scored, scored.history().ranked(), {"3": 0.75})
    assert [one.seed for one in found.seeds] == [11, 12]
    assert 0.2 < found.seeds[0].threshold < 0.3, "which 3 of the 4 reach"
    assert 0.1 < found.seeds[1].threshold < 0.15
    first, second = (one.test for one in found.seeds)
    assert (first.sensitivity.right, first.specificity.right) == (2, 2)
    assert (second.sensitivity.right, second.specificity.right) == (2, 2)
    (found,) = operating_points(scored, scored.history().ranked(), {"3": 0.5})
    one, other = (one.threshold for one in found.seeds)
    assert 0.5 < one <= 0.6
    assert 0.25 < other <= 0.3
    assert [one.test.sensitivity.value for one in found.seeds] == [0.5, 1.0]
    words = list(in_words(found))
    (told,) = [line for line in words if line.startswith("test split")]
    assert "test split (confirm-1)" in told
    assert f"each of 2 seeds ({other!r} to {one!r}): sensitivity 0.7500 on average, 0.5000 to 1.0000 by seed" in told
    assert "warning: only 2 test images are of 3" in words[-1]


def test_a_confirmation_of_an_older_version_left_no_scores_and_one_that_has_not_ended_does_not_count(scored):
    inside = confirmed(scored, {11: None, 12: None})
    (found,) = operating_points(scored, scored.history().ranked(), {"3": 1.0})
    assert (found.confirmation, found.seeds) == ("confirm-1", ())
    assert found.validation.sensitivity.value == 1
    assert any("confirm-1 left no scores of this configuration" in line for line in in_words(found))
    lines = inside.journal.read_bytes().splitlines(keepends=True)
    inside.journal.write_bytes(b"".join(lines[:4]))
    (found,) = operating_points(scored, scored.history().ranked(), {"3": 1.0})
    assert found.confirmation is None


def test_few_images_of_a_class_are_warned_of(scored):
    confirmed(scored, {11: scores_of(VALIDATION[:5], TEST[1:])})
    (found,) = operating_points(scored, scored.history().ranked(), {"3": 0.5})
    assert any("warning: only 1 test image is of 3, and under 30" in line for line in in_words(found))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"33": 0.9}, "--sensitivity: scored has no class '33'; did you mean 3?"),
        ({"mole": 0.9}, "--sensitivity: scored has no class 'mole'; known are 3, 8, 9"),
        ({"3": 0.0}, "--sensitivity: that of 3 must be above 0 and at most 1, but got 0.0"),
        ({"3": 1.01}, "--sensitivity: that of 3 must be above 0 and at most 1, but got 1.01"),
        ({"3": float("nan")}, "--sensitivity: that of 3 must be above 0 and at most 1, but got nan"),
    ],
)
def test_a_wish_that_cannot_be_met_is_a_line(scored, wanted, said):
    with pytest.raises(InputError) as refused:
        operating_points(scored, scored.history().ranked(), wanted)
    assert str(refused.value) == said


def test_a_search_with_nothing_to_score_is_a_line(scored):
    with pytest.raises(InputError, match="nothing has finished in scored, so there is nothing to score"):
        operating_points(scored, [], {"3": 0.9})
    scored.trial(0).drop_checkpoints()
    with pytest.raises(InputError, match=r"trial 0 of scored cannot be used: its checkpoint is gone$"):
        operating_points(scored, scored.history().ranked(), {"3": 0.9})
