import numpy as np
import pytest

from search.evidence.bootstrap import image_bootstrap
from search.evidence.verdict import judge
from trainers.errors import InputError


def drawn(rng, images, seeds=12):
    """Correctness [S, M] and classes [M]: images differ in difficulty, seeds in skill; two classes alike."""
    logits = 1 + rng.normal(0, 2, images) + rng.normal(0, 0.3, (seeds, 1))
    return rng.random((seeds, images)) < 1 / (1 + np.exp(-logits)), np.arange(images) % 2


def width(interval):
    return interval.high - interval.low


def test_values_are_mean_balanced_accuracies_and_their_differences():
    classes = np.array([3, 3, 3, 8])
    correct = {"a": np.array([[1, 1, 0, 1], [0, 0, 0, 1]], bool), "b": np.array([[1, 1, 1, 0], [1, 1, 1, 0]], bool)}
    a, b, pair = image_bootstrap(correct, classes, np.random.default_rng(0), draws=50)
    # a: recalls 2/3 and 1, then 0 and 1, so (5/6 + 1/2)/2; b: 1 and 0 twice
    assert (a.a, b.a, pair.a, pair.b) == ("a", "b", "a", "b")
    assert (a.value, b.value, pair.value) == pytest.approx((2 / 3, 1 / 2, 1 / 6))


@pytest.mark.slow
def test_the_interval_widens_with_fewer_images_and_not_so_that_of_seeds_alone():
    widths, of_seeds = {}, {}
    for images in (40, 4000):
        correct, classes = drawn(np.random.default_rng(1), images)
        (mean,) = image_bootstrap({"a": correct}, classes, np.random.default_rng(2), draws=500)
        widths[images] = width(mean.interval)
        scores = [(row[classes == 0].mean() + row[classes == 1].mean()) / 2 for row in correct]
        of_seeds[images] = width(judge({"a": dict(enumerate(scores))}).labels[0].interval)
    assert widths[40] > 3 * widths[4000]
    assert of_seeds[40] < widths[40] / 1.5


@pytest.mark.slow
def test_the_interval_covers_where_that_of_seeds_alone_does_not():
    rng = np.random.default_rng(3)
    truth = drawn(rng, 2000, seeds=2000)[0].mean()
    bootstrap, seeds_alone = [], []
    for _ in range(100):
        correct, classes = drawn(rng, 60)
        (mean,) = image_bootstrap({"a": correct}, classes, rng, draws=400)
        bootstrap.append(mean.interval.low <= truth <= mean.interval.high)
        interval = judge({"a": dict(enumerate(correct.mean(1)))}).labels[0].interval  # balanced: classes are as large
        seeds_alone.append(interval.low <= truth <= interval.high)
    assert 0.88 <= np.mean(bootstrap) <= 0.99
    assert np.mean(seeds_alone) < 0.8


def test_a_paired_difference_is_surer_than_its_two_means():
    """The same images and seeds are drawn for both: a label against itself differs by nothing in any draw."""
    correct, classes = drawn(np.random.default_rng(4), 200)
    worse = correct & (np.random.default_rng(5).random(correct.shape) < 0.95)
    a, _, _, twin, pair, _ = image_bootstrap(
        {"a": correct, "twin": correct, "worse": worse}, classes, np.random.default_rng(6), draws=300
    )
    assert (twin.a, twin.b, twin.interval.low, twin.interval.high) == ("a", "twin", 0, 0)
    assert (pair.a, pair.b) == ("a", "worse")
    assert width(pair.interval) < width(a.interval) / 2


def test_images_are_drawn_within_their_class():
    """One class all right and the other all wrong: every draw of it has a balanced accuracy of a half."""
    classes = np.array([0] * 19 + [1])
    (mean,) = image_bootstrap({"a": np.tile(classes == 0, (4, 1))}, classes, np.random.default_rng(7), draws=100)
    assert (mean.interval.low, mean.interval.high) == pytest.approx((0.5, 0.5), abs=1e-12)


def test_seeds_are_drawn_too():
    """Half of the seeds get all right, half nothing: images say nothing, seeds all."""
    correct = np.repeat([True, False], 50)[:, None] & np.ones((1, 30), bool)
    (mean,) = image_bootstrap({"a": correct}, np.arange(30) % 2, np.random.default_rng(8))
    error = 0.5 / np.sqrt(100)
    assert width(mean.interval) == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_the_generator_decides_the_draws():
    correct, classes = drawn(np.random.default_rng(9), 50)

    def interval(seed):
        return image_bootstrap({"a": correct}, classes, np.random.default_rng(seed), draws=100)[0].interval

    assert interval(0) == interval(0) != interval(1)


@pytest.mark.parametrize("shapes", [{}, {"a": (3, 4)}, {"a": (3, 5), "b": (4, 5)}, {"a": (0, 5)}, {"a": (5,)}])
def test_shapes_that_do_not_agree_are_refused(shapes):
    correct = {label: np.ones(shape, bool) for label, shape in shapes.items()}
    with pytest.raises(InputError, match="5 images"):
        image_bootstrap(correct, np.zeros(5, int), np.random.default_rng(0))
