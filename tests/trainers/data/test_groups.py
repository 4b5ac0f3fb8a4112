import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.data.groups import numbered, of_sets, united


def test_equal_names_are_a_group_and_an_empty_name_is_one_of_its_own():
    assert numbered(["b", "a", "", "b", ""]).tolist() == [0, 1, 2, 0, 4]


def test_what_is_alike_makes_one_group_of_all_that_it_touches():
    groups = np.array([0, 0, 1, 2, 2, 3, 4])
    alike = of_sets(7, [[1, 2], [3, 5]])
    assert united(united(groups, alike), of_sets(7, [[2, 4]])).tolist() == [0, 0, 0, 0, 0, 0, 6]
    assert united(groups, of_sets(7, [])).tolist() == [0, 0, 2, 3, 3, 5, 6]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=30))
def test_united_groups_are_what_can_be_reached_from_image_to_image(pairs):
    one, other = (np.array(side) for side in zip(*pairs, strict=True))
    reached = []
    for start in range(len(pairs)):
        seen, new = set(), {start}
        while new:
            seen |= new
            new = {k for k in range(len(pairs)) if k not in seen and any(is_kin(pairs[k], pairs[j]) for j in seen)}
        reached.append(min(seen))
    assert united(one, other).tolist() == reached


def is_kin(pair, other):
    return pair[0] == other[0] or pair[1] == other[1]
