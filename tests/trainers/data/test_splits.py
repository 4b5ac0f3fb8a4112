import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trainers.data.splits import class_order, left_out, split_indices, train_counts
from trainers.errors import InputError

RATIOS = [(60, 40), (70, 30), (80, 20), (90, 10), (95, 5), (98, 2)]
TWO = ("common", "rare")


def labels_of(*sizes):
    """Labels with that many images of each class, mixed."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return labels[np.argsort(np.random.PCG64(3).random_raw(len(labels)))]


def split(labels, names=TWO, **config):
    return split_indices(labels, range(len(names)), names, **{"val_per_class": 5, "seed": 0} | config)


def by_class(labels, indices):
    return {int(label): indices[labels[indices] == label].tolist() for label in np.unique(labels)}


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_ratio_of_percentages_shares_out_a_thousand_images_exactly(ratio):
    assert train_counts([6000, 6000], TWO, train_size=1000, ratio=ratio) == (10 * ratio[0], 10 * ratio[1])


@pytest.mark.parametrize("ratio", RATIOS)
def test_without_a_size_the_largest_set_of_the_ratio_is_taken(ratio):
    common, rare = train_counts([5750, 5750], TWO, ratio=ratio)
    assert common == 5750
    assert rare == pytest.approx(5750 * ratio[1] / ratio[0], abs=0.5)


def test_the_scarce_class_bounds_the_largest_set_even_if_it_is_the_rare_one():
    assert train_counts([6000, 10], TWO, ratio=(90, 10)) == (90, 10)


def test_a_ratio_written_in_decimals_is_the_ratio_that_was_meant():
    assert train_counts([900, 900], TWO, ratio=(0.9, 0.1)) == (900, 100)


def test_three_classes_share_out_what_does_not_divide_by_largest_remainder():
    # quotas 3.5, 2.1, 1.4: six whole, and the seventh to the remainder .5
    assert train_counts([100] * 3, "abc", train_size=7, ratio=(5, 3, 2)) == (4, 2, 1)


def test_ten_classes_without_a_shape_keep_their_proportions():
    sizes = [100 * k for k in range(1, 11)]
    assert train_counts(sizes, "abcdefghij", train_size=550) == tuple(range(10, 101, 10))
    assert train_counts(sizes, "abcdefghij") == tuple(sizes)


def test_a_long_tail_falls_geometrically_from_the_largest_class_to_a_factor_below_it():
    assert train_counts([1000, 1000, 1000], "abc", long_tail=100) == (1000, 100, 10)
    counts = train_counts([5000] * 10, "abcdefghij", long_tail=50)
    assert counts[0] / counts[-1] == 50
    assert np.allclose(np.array(counts[:-1]) / counts[1:], 50 ** (1 / 9), rtol=0.01)


def test_a_long_tail_with_a_size_has_that_size():
    assert sum(train_counts([5000] * 10, "abcdefghij", long_tail=50, train_size=5001)) == 5001


def test_a_long_tail_of_factor_one_is_balanced():
    assert train_counts([40] * 4, "abcd", long_tail=1, train_size=80) == (20, 20, 20, 20)


def test_counts_are_taken_as_given():
    labels = labels_of(50, 50)
    train, _ = split(labels, counts=(30, 4))
    assert np.bincount(labels[train]).tolist() == [30, 4]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"ratio": (98, 2), "train_size": 20},
            "data.ratio: class 'rare' would keep no training image (20 × 2/100 = 0.4 rounds to 0),"
            " but every class needs at least 1",
        ),
        (
            {"ratio": (9, 1), "train_size": 60},
            "data.train_size: class 'common' would need 54 training images, but validation leaves 45 of it",
        ),
        (
            {"counts": (46, 1)},
            "data.counts: class 'common' would need 46 training images, but validation leaves 45 of it",
        ),
        ({"ratio": (1, 2, 3)}, "data.ratio: needs one number per class, but got 3 for 2 classes"),
        (
            {"val_per_class": 20},
            "data.val_per_class: class 'rare' has 20 images, so 20 for validation leave none to train on",
        ),
    ],
)
def test_what_the_data_cannot_give_is_refused_in_one_line_with_the_arithmetic(config, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        split(labels_of(50, 20), **config)


def test_the_order_of_the_classes_is_the_order_of_the_ratio():
    labels = labels_of(40, 40)
    train, _ = split_indices(labels, (1, 0), ("b", "a"), val_per_class=5, seed=0, ratio=(3, 1), train_size=20)
    assert np.bincount(labels[train]).tolist() == [5, 15]
    assert labels[train[:15]].tolist() == [1] * 15


def test_the_shuffle_is_the_same_on_every_machine():
    # sorted by the stream's raw numbers, which NumPy keeps for ever: written down from NumPy 2.4 on x86-64
    assert class_order(np.zeros(8, dtype=np.int64), 0, seed=7).tolist() == [6, 3, 4, 0, 2, 7, 5, 1]


sizes = st.lists(st.integers(8, 60), min_size=2, max_size=5)
seeds = st.integers(0, 2**31 - 1)
unhurried = settings(deadline=None)  # a busy machine is no failure


@unhurried
@given(sizes, seeds, st.integers(1, 6), st.data())
def test_training_and_validation_are_disjoint_and_have_the_counts_asked_for(sizes, seed, val_per_class, data):
    labels, names = labels_of(*sizes), [str(k) for k in range(len(sizes))]
    wanted = data.draw(st.tuples(*(st.integers(1, size - val_per_class) for size in sizes)))
    train, validation = split(labels, names, counts=wanted, val_per_class=val_per_class, seed=seed)
    assert len({*train.tolist(), *validation.tolist()}) == len(train) + len(validation)
    assert np.bincount(labels[train], minlength=len(sizes)).tolist() == list(wanted)
    assert np.bincount(labels[validation]).tolist() == [val_per_class] * len(sizes)


@unhurried
@given(seeds, st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_a_smaller_count_is_a_prefix_and_the_other_class_does_not_notice(seed, few, many, other):
    labels = labels_of(50, 50)
    few, many = sorted((few, many))
    small = by_class(labels, split(labels, counts=(few, other), seed=seed)[0])
    large = by_class(labels, split(labels, counts=(many, other), seed=seed)[0])
    assert small[0] == large[0][:few]
    assert small[1] == large[1]


@unhurried
@given(seeds, st.sampled_from(RATIOS), st.integers(50, 200), st.sampled_from(RATIOS), st.integers(50, 200))
def test_validation_depends_on_neither_ratio_nor_size(seed, ratio, size, other_ratio, other_size):
    labels = labels_of(300, 300)
    _, one = split(labels, ratio=ratio, train_size=size, seed=seed)
    _, other = split(labels, ratio=other_ratio, train_size=other_size, seed=seed)
    assert one.tolist() == other.tolist()


@unhurried
@given(seeds, st.integers(1, 20), st.integers(1, 20))
def test_training_does_not_depend_on_how_many_images_validate(seed, one, other):
    labels = labels_of(60, 60)
    trained = [split(labels, counts=(30, 9), val_per_class=n, seed=seed)[0].tolist() for n in (one, other)]
    assert trained[0] == trained[1]


@unhurried
@given(seeds)
def test_the_same_seed_draws_the_same_images_and_another_seed_others(seed):
    labels = labels_of(60, 60)
    first, again = (split(labels, counts=(30, 9), seed=seed) for _ in range(2))
    assert [part.tolist() for part in first] == [part.tolist() for part in again]
    assert first[0].tolist() != split(labels, counts=(30, 9), seed=seed + 1)[0].tolist()


@unhurried
@given(st.lists(st.floats(0.1, 100), min_size=2, max_size=6), st.integers(100, 5000))
def test_any_ratio_sums_to_the_size_and_strays_less_than_one_image(ratio, size):
    quotas = size * np.array(ratio) / sum(ratio)
    assume(quotas.min() >= 1)  # so that no class is left empty
    counts = train_counts([5000] * len(ratio), "abcdef"[: len(ratio)], train_size=size, ratio=ratio)
    assert sum(counts) == size
    assert np.all(np.abs(np.array(counts) - quotas) < 1 + 1e-9)


def groups_of(labels, seed, most=3):
    """A group number per image: groups of one to `most` images, each within one class."""
    draws = np.random.PCG64(seed)
    groups, number = np.empty_like(labels), 0
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        while len(members):
            size = 1 + int(draws.random_raw() % most)
            groups[members[:size]] = number
            members, number = members[size:], number + 1
    return groups


@unhurried
@given(seeds, st.integers(1, 12), st.sampled_from([None, (90, 10)]))
def test_no_group_is_on_both_sides_and_none_validates_twice(seed, val_per_class, ratio):
    labels = labels_of(120, 60)
    groups = groups_of(labels, seed)
    train, validation = split(labels, groups=groups, val_per_class=val_per_class, ratio=ratio, seed=seed)
    assert np.bincount(labels[validation]).tolist() == [val_per_class] * 2
    assert len(set(groups[validation])) == 2 * val_per_class
    assert set(groups[train]).isdisjoint(groups[validation])
    assert len(set(train)) == len(train)


@unhurried
@given(seeds)
def test_without_a_shape_all_that_validation_leaves_trains(seed):
    labels = labels_of(120, 60)
    groups = groups_of(labels, seed)
    train, validation = split(labels, groups=groups, seed=seed)
    assert len(train) + len(validation) + left_out(labels, (0, 1), validation, groups) == 180
    assert left_out(labels, (0, 1), validation, np.arange(180)) == 0


@unhurried
@given(seeds)
def test_groups_of_one_image_are_as_good_as_no_groups(seed):
    labels = labels_of(50, 20)
    plain, grouped = split(labels, seed=seed), split(labels, seed=seed, groups=np.arange(70))
    assert [part.tolist() for part in plain] == [part.tolist() for part in grouped]


@unhurried
@given(seeds, st.integers(1, 15), st.integers(1, 15), st.integers(1, 60))
def test_grouped_validation_and_training_depend_on_no_other_size(seed, one, other, size):
    labels = labels_of(120, 60)
    groups = groups_of(labels, seed)
    config = {"groups": groups, "seed": seed, "counts": (size, 5)}
    (train, validation), (train_too, validation_too) = (split(labels, val_per_class=n, **config) for n in (one, other))
    assert train.tolist() == train_too.tolist()
    few = min(one, other)
    assert by_class(labels, validation)[1][:few] == by_class(labels, validation_too)[1][:few]
    larger, unchanged = split(labels, val_per_class=one, **config | {"counts": (size + 3, 5)})
    assert by_class(labels, larger)[0][:size] == by_class(labels, train)[0]
    assert unchanged.tolist() == validation.tolist()


def test_a_group_of_two_classes_that_validates_in_one_trains_in_neither():
    labels = labels_of(12, 12)
    groups = np.arange(24)
    groups[labels == 1] = groups[labels == 0]  # the k-th image of one class shows what the k-th of the other shows
    train, validation = split(labels, groups=groups, val_per_class=4)
    assert set(groups[train]).isdisjoint(groups[validation])


def test_large_groups_are_no_likelier_to_validate_than_small_ones():
    labels = np.zeros(400, dtype=np.int64)
    groups = np.concatenate([np.arange(100), 100 + np.arange(300) // 3])  # a hundred of one image, a hundred of three
    drawn = [large for seed in range(40) for large in groups[validating(labels, groups, seed)] >= 100]
    assert np.mean(drawn) == pytest.approx(0.5, abs=0.08)  # 800 draws: four standard errors


def validating(labels, groups, seed):
    return split_indices(labels, (0,), ("all",), val_per_class=20, seed=seed, groups=groups)[1]


def test_a_class_with_too_few_groups_says_so():
    labels, groups = labels_of(50, 20), np.arange(70)
    groups[labels == 1] = np.arange(20) // 4
    with pytest.raises(InputError) as refused:
        split(labels, groups=groups)
    assert str(refused.value) == (
        "data.val_per_class: class 'rare' has 5 groups of images that belong together,"
        " so 5 for validation leave none to train on (set data.val_per_group to let several of its"
        " 20 images validate for each group)"
    )


@unhurried
@given(seeds, st.integers(1, 10), st.integers(1, 4))
def test_more_than_one_image_of_a_group_may_validate(seed, val_per_class, per_group):
    labels = labels_of(120, 60)
    groups = groups_of(labels, seed, most=5)
    train, validation = split(labels, groups=groups, val_per_class=val_per_class, val_per_group=per_group, seed=seed)
    assert np.bincount(labels[validation]).tolist() == [val_per_class] * 2
    assert np.bincount(groups[validation]).max() <= per_group
    assert set(groups[train]).isdisjoint(groups[validation])
    assert len(set(validation)) == len(validation)
    if per_group == 1:
        assert validation.tolist() == split(labels, groups=groups, val_per_class=val_per_class, seed=seed)[1].tolist()


def test_whole_groups_validate_where_as_many_of_each_may():
    labels = np.repeat([0, 1], 30)
    groups = np.arange(60) // 3
    train, validation = split(labels, groups=groups, val_per_class=12, val_per_group=3)
    assert len(train) == 60 - 24
    assert np.bincount(groups[validation])[np.unique(groups[validation])].tolist() == [3] * 8


def test_groups_that_cannot_give_as_many_images_say_so():
    labels = np.repeat([0, 1], 20)
    with pytest.raises(
        InputError, match=r"'common' has 5 groups .* so 10 for validation, at most 2 of each, leave none"
    ):
        split(labels, groups=np.arange(40) // 4, val_per_class=10, val_per_group=2)
