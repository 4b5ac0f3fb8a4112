import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.range_yaml import parse_range
from spaces.ranges import NUMBER_WITHOUT_A_DOT, Choice, IntUniform, LogUniform, Range, Uniform, ZeroOr
from trainers.errors import InputError

positive = st.floats(1e-6, 1e6)


def ordered(numbers):
    return st.tuples(numbers, numbers).filter(lambda ends: ends[0] < ends[1] * (1 - 1e-9))


uniforms = ordered(positive).map(lambda ends: Uniform(*ends))
loguniforms = ordered(positive).map(lambda ends: LogUniform(*ends))
intuniforms = ordered(st.integers(1, 10_000)).map(lambda ends: IntUniform(*ends))
words = st.text(max_size=5).filter(lambda word: not NUMBER_WITHOUT_A_DOT.fullmatch(word))  # refused below
choices = st.lists(st.one_of(st.integers(), words), min_size=2, max_size=6, unique=True).map(
    lambda values: Choice(tuple(values))
)
zero_ors = st.builds(ZeroOr, st.one_of(uniforms, loguniforms, intuniforms), st.floats(0.01, 0.99))
ranges = st.one_of(uniforms, loguniforms, intuniforms, choices, zero_ors)
seeds = st.integers(0, 2**32)
units = st.floats(0, 1)


@given(ranges, seeds)
def test_a_range_contains_what_it_samples(one: Range, seed):
    assert one.contains(one.sample(np.random.default_rng(seed)))


@given(ranges, seeds)
def test_a_range_samples_the_same_from_the_same_generator(one: Range, seed):
    assert one.sample(np.random.default_rng(seed)) == one.sample(np.random.default_rng(seed))


@given(ranges, units)
def test_a_range_contains_the_value_of_every_place(one: Range, unit):
    assert one.contains(one.from_unit(unit))


@given(ranges, seeds)
def test_a_value_comes_back_from_its_place(one: Range, seed):
    value = one.sample(np.random.default_rng(seed))
    place = one.to_unit(value)
    assert 0 <= place <= 1
    back = one.from_unit(place)
    assert back == (value if isinstance(value, str | int) else pytest.approx(value, rel=1e-9))


@given(ranges, st.integers(1, 9))
def test_grid_points_lie_in_the_range_and_differ(one: Range, count):
    points = one.points(count)
    assert all(one.contains(point) for point in points)
    assert len(set(points)) == len(points) >= 1


@given(st.one_of(uniforms, loguniforms, intuniforms), st.integers(2, 9))
def test_grid_points_include_both_ends_exactly(one, count):
    points = one.points(count)
    assert (points[0], points[-1]) == (one.low, one.high)


@given(st.one_of(uniforms, loguniforms, intuniforms))
def test_the_ends_are_edges(one):
    assert one.near_edge(one.low) == "low"
    assert one.near_edge(one.high) == "high"


@given(st.one_of(uniforms, loguniforms), st.floats(0.051, 0.949))
def test_what_lies_further_in_than_the_margin_is_no_edge(one, unit):
    assert one.near_edge(one.from_unit(unit)) is None


@given(zero_ors)
def test_zero_of_a_zero_or_is_not_an_edge_but_the_ends_inside_are(one):
    assert one.near_edge(0) is None
    assert one.near_edge(one.range.low) == "low"
    assert one.near_edge(one.range.high) == "high"


@given(ranges)
def test_a_range_comes_back_from_its_yaml_form(one: Range):
    assert parse_range("space.x", one.as_yaml()) == one


def test_the_edge_of_a_log_range_is_measured_on_the_log_scale():
    assert LogUniform(1, 10_000).near_edge(1.4) == "low"
    assert Uniform(1, 10_000).near_edge(400) == "low"
    assert LogUniform(1, 10_000).near_edge(400) is None


def test_an_end_is_an_edge_among_three_numbers_but_not_among_two_or_words():
    assert Choice((0.1, 0.5, 0.2)).near_edge(0.5) == "high"
    assert Choice((0.1, 0.5, 0.2)).near_edge(0.1) == "low"
    assert Choice((0.1, 0.5, 0.2)).near_edge(0.2) is None
    assert Choice((0.1, 0.5)).near_edge(0.5) is None
    assert Choice(("adamw", "sgd", "other")).near_edge("sgd") is None


def test_zero_takes_its_share_of_the_draws_and_of_the_unit_interval():
    one, rng = ZeroOr(LogUniform(1, 300), share=0.25), np.random.default_rng(0)
    zeros = sum(one.sample(rng) == 0 for _ in range(4000))
    assert zeros / 4000 == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 4000))
    assert one.from_unit(0.2499) == 0
    assert one.from_unit(0.25) == 1
    assert one.from_unit(1) == 300


def test_half_of_the_draws_of_a_log_range_lie_below_its_geometric_middle():
    rng = np.random.default_rng(0)
    low = sum(LogUniform(1e-4, 1).sample(rng) < 1e-2 for _ in range(4000))
    assert low / 4000 == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / 4000))


def test_every_whole_number_and_every_choice_is_drawn_equally_often():
    rng = np.random.default_rng(0)
    for one, values in [(IntUniform(1, 4), [1, 2, 3, 4]), (Choice(("a", "b", "c", "d")), ["a", "b", "c", "d"])]:
        drawn = [one.sample(rng) for _ in range(4000)]
        for value in values:
            assert drawn.count(value) / 4000 == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 4000))


def test_points_of_a_log_range_have_equal_factors_and_zero_comes_first():
    assert LogUniform(1, 100).points(3) == pytest.approx([1, 10, 100])
    assert ZeroOr(LogUniform(1, 100)).points(4) == pytest.approx([0, 1, 10, 100])
    assert IntUniform(1, 3).points(9) == [1, 2, 3]
    assert Choice(("a", "b")).points(9) == ["a", "b"]


def test_a_number_outside_of_its_range_is_placed_at_the_nearest_end():
    assert [LogUniform(1, 10).to_unit(value) for value in (0, 0.5, 60)] == [0, 0, 1]
    assert [Uniform(1, 10).to_unit(value) for value in (0, 60)] == [0, 1]
    with pytest.raises(ValueError, match="none of"):
        Choice(("a", "b")).to_unit("c")


def test_contains_refuses_other_types():
    for one in (Uniform(0, 2), LogUniform(0.5, 2), IntUniform(0, 2), ZeroOr(Uniform(0.5, 2))):
        assert one.contains(1)
        assert not any(one.contains(value) for value in (True, "1", None, math.nan, math.inf, 3))
    assert not IntUniform(0, 2).contains(1.5)
    assert not Choice((1, 2)).contains(True)
    assert Choice((True, False)).contains(True)


def test_ranges_describe_themselves():
    assert ZeroOr(LogUniform(1, 300)).describe() == "0 or 1 … 300 (log)"
    assert Uniform(0.5, 10).describe() == "0.5 … 10"
    assert IntUniform(1, 5).describe() == "1 … 5 (whole)"
    assert Choice(("adamw", "sgd")).describe() == "adamw, sgd"
    assert Choice((0.1, True)).describe() == "0.1, true"


def test_numbers_that_yaml_1_1_reads_as_text_are_numbers():
    assert parse_range("space.x", {"loguniform": ["1e-3", "1E+2"]}) == LogUniform(0.001, 100)
    assert parse_range("space.x", {"choice": ["1e-3", "0.5"]}) == Choice((0.001, "0.5"))


REFUSED = [
    (0.5, "space.x: must be a range such as {uniform: [0, 1]}, but got 0.5"),
    (None, "must be a range such as {uniform: [0, 1]}, but got null"),
    ({}, "must be a range"),
    ({"share": 0.5}, "must name one kind of range, but got share alone"),
    ({"uniform": [0, 1], "loguniform": [1, 2]}, "must name one kind of range, but got uniform and loguniform"),
    ({"lognuniform": [1, 2]}, "unknown kind of range 'lognuniform'; did you mean loguniform?"),
    (
        {"randint": [1, 2]},
        "unknown kind of range 'randint'; known are uniform, loguniform, intuniform, choice, zero_or",
    ),
    ({"uniform": 3}, "uniform must hold [low, high], but got 3"),
    ({"uniform": [1, 2, 3]}, "uniform must hold [low, high], but got [1, 2, 3]"),
    ({"uniform": [300, 1]}, "space.x: low < high must hold, but got low=300, high=1"),
    ({"uniform": [1, 1]}, "low < high must hold, but got low=1, high=1"),
    ({"uniform": [math.nan, 1]}, "low must be a finite number, but got nan"),
    ({"uniform": [0, math.inf]}, "high must be a finite number, but got inf"),
    ({"uniform": [False, True]}, "low must be a finite number, but got false"),
    ({"uniform": ["a", 1]}, "low must be a finite number, but got 'a'"),
    ({"uniform": [0, "1"]}, "high must be a finite number, but got '1'"),
    ({"uniform": [0, 10**400]}, "high must be a finite number, but got 1000"),
    ({"uniform": [0, 10**5000]}, "high must be a finite number, but got a number too long to show"),
    ({"uniform": ["1e-3", "1e999"]}, "high must be a finite number, but got inf"),
    ({"loguniform": [0, 300]}, "but got low=0; for zero as well, write {zero_or: {loguniform: [1, 300]}}"),
    ({"loguniform": [-1, 300]}, "low > 0 must hold for loguniform, but got low=-1"),
    ({"loguniform": [5e-324, 1]}, "high / low must be above 1 and finite, but got low=5e-324, high=1"),
    ({"intuniform": [1.5, 3]}, "low and high must be whole numbers up to 2**53, but got 1.5"),
    ({"intuniform": [1, 10**30]}, "low and high must be whole numbers up to 2**53, but got 1000"),
    ({"choice": "adamw"}, "choice must hold a list of values, but got 'adamw'"),
    ({"choice": ["adamw"]}, "choice needs 2 values or more (one alone is no choice), but got ['adamw']"),
    ({"choice": [1, 2, 1.0]}, "choices must differ from each other, but got 1.0 twice"),
    ({"choice": [1, math.nan]}, "a choice must be a finite number, a word, true or false, but got nan"),
    ({"choice": [1, None]}, "a choice must be a finite number, a word, true or false, but got null"),
    ({"choice": [[1], [2]]}, "a choice must be a finite number, a word, true or false, but got [1]"),
    ({"zero_or": [1, 300]}, "zero_or must hold a range, such as {zero_or: {loguniform: [1, 300]}}, but got [1, 300]"),
    ({"zero_or": {"choice": [1, 2]}}, "zero_or takes uniform, loguniform or intuniform, but got choice"),
    ({"zero_or": {"zero_or": {"uniform": [1, 2]}}}, "zero_or takes uniform, loguniform or intuniform, but got zero_or"),
    ({"zero_or": {"uniform": [0, 2]}}, "low > 0 must hold inside zero_or, which adds the zero, but got low=0"),
    ({"zero_or": {"loguniform": [300, 1]}}, "space.x: low < high must hold, but got low=300, high=1"),
    ({"zero_or": {"uniform": [1, 2]}, "share": 1}, "share must lie between 0 and 1, but got 1"),
    ({"zero_or": {"uniform": [1, 2]}, "share": "half"}, "share must lie between 0 and 1, but got 'half'"),
    ({"uniform": [0, 1], "share": 0.5}, "share belongs to zero_or, but got it with uniform"),
]


@pytest.mark.parametrize(("raw", "expected"), REFUSED, ids=range(len(REFUSED)))
def test_a_malformed_range_is_one_line(raw, expected):
    with pytest.raises(InputError) as caught:
        parse_range("space.x", raw)
    message = str(caught.value)
    assert message.startswith("space.x: ")
    assert expected in message
    assert message.isprintable()


def test_a_choice_of_text_that_spells_a_number_is_refused_as_a_spec_would_read_the_number():
    with pytest.raises(InputError, match="a number or a word, but got the text '1E0'"):
        Choice((0, "1E0"))
