"""Equal shares of a cluster among the searches on it."""

import json
from dataclasses import asdict
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from search.cluster.fair_share import NAMESPACE, Claim, claims_in, share_of
from spaces.sections import ResourcesConfig

ONE_CPU = ResourcesConfig().model_dump_json()


def claim(since, most=0, resources=ONE_CPU):
    return Claim(since, f"search {since}", resources, most)


def shares(claims, cpus):
    return [share_of(one, claims, [{"CPU": float(cpus)}]).slots for one in claims]


def test_a_search_alone_has_the_cluster():
    assert shares([claim(1)], 7) == [7]
    assert not share_of(claim(1), [], [{"CPU": 7.0}]).crowded


def test_what_does_not_divide_goes_to_one_and_none_is_left_over():
    assert shares([claim(1), claim(2)], 3) == [1, 2]
    assert shares([claim(1), claim(2), claim(3)], 8) == [2, 3, 3]


def test_what_a_bounded_search_cannot_use_goes_to_the_others():
    assert shares([claim(1, most=1), claim(2), claim(3)], 9) == [1, 4, 4]


def test_searches_that_ask_for_different_things_have_equal_parts_of_each():
    gpus = ResourcesConfig(cpus=1, gpus=0.25).model_dump_json()
    nodes = [{"CPU": 16.0, "GPU": 2.0}]
    claims = [claim(1), claim(2, resources=gpus)]
    assert [share_of(one, claims, nodes).slots for one in claims] == [8, 4]


def test_more_searches_than_places_have_one_each_and_are_told_so():
    claims = [claim(1), claim(2), claim(3)]
    assert shares(claims, 2) == [1, 1, 1]
    assert all(share_of(one, claims, [{"CPU": 2.0}]).crowded for one in claims)


def test_a_search_whose_claim_is_not_seen_yet_counts_itself():
    assert share_of(claim(2), [claim(1)], [{"CPU": 4.0}]).slots == 2


@given(st.lists(st.integers(0, 6), min_size=1, max_size=8), st.integers(1, 40))
def test_shares_fill_the_cluster_and_differ_by_one_at_most(most, cpus):
    claims = [claim(float(number), bound) for number, bound in enumerate(most)]
    found = shares(claims, cpus)
    wanted = sum(bound or cpus for bound in most)
    assert min(found) >= 1
    if len(claims) <= cpus:
        assert sum(found) <= max(cpus, len(claims)) or all(one == 1 for one in found)
        assert sum(found) >= min(wanted, cpus) - len(claims)
    free = [slots for slots, bound in zip(found, most, strict=True) if not bound]
    assert all(abs(one - other) <= 1 for one, other in pairwise(free))


def test_claims_of_another_version_do_not_count():
    mine = claim(1)
    names = [json.dumps(asdict(mine)), "{}", "no JSON", json.dumps(asdict(mine) | {"resources": '{"tpus": 3}'})]
    actors = [{"namespace": NAMESPACE, "name": name} for name in names]
    assert claims_in([*actors, {"namespace": "another", "name": names[0]}]) == [mine]
