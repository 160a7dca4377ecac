"""Placement: who holds and who leads new partitions."""

import pytest

from bus.control.placement import (
    Load,
    default_min_isr,
    default_replication_factor,
    lead_evenly,
    load_of,
    place,
)
from bus.errors import InvalidReplicationFactor

THREE = {1: "", 2: "", 3: ""}


def test_each_broker_leads_its_share_and_its_leaders_fall_to_all_others_alike():
    assert place(6, 3, THREE, {}) == [
        (1, 2, 3),
        (2, 1, 3),
        (3, 1, 2),
        (1, 3, 2),
        (2, 3, 1),
        (3, 2, 1),
    ]


def test_a_single_partition_goes_where_least_is():
    load = {1: Load(5, 5), 2: Load(4, 0), 3: Load(1, 1)}
    assert place(1, 2, THREE, load) == [(2, 3)]


def test_who_has_just_joined_gets_its_share_of_a_new_topic_and_not_all_of_it():
    load = {1: Load(100, 50), 2: Load(100, 50)}
    placed = place(6, 1, THREE, load)
    assert sorted(placed) == [(1,), (1,), (2,), (2,), (3,), (3,)]


def test_no_two_replicas_share_a_rack_while_racks_are_left():
    racks = {1: "a", 2: "a", 3: "a", 4: "b", 5: "c"}
    for replicas in place(30, 3, racks, {}):
        assert {racks[broker] for broker in replicas} == {"a", "b", "c"}


def test_with_fewer_racks_than_replicas_each_rack_has_one_at_least():
    racks = {1: "a", 2: "a", 3: "a", 4: "b"}
    for replicas in place(30, 3, racks, {}):
        assert 4 in replicas


def test_more_replicas_than_brokers_are_refused():
    with pytest.raises(InvalidReplicationFactor, match="is 4; 3 brokers"):
        place(1, 4, THREE, {})


def test_leadership_is_handed_on_along_several_partitions():
    held = [(1, 2), (1, 2), (1, 3), (3, 4)]
    assert sorted(lead_evenly(held, {})) == [1, 2, 3, 4]


def test_the_load_counts_replicas_and_who_is_first():
    assert load_of([(1, 2), (1, 3)]) == {1: Load(2, 2), 2: Load(1, 0), 3: Load(1, 0)}


@pytest.mark.parametrize(
    ("brokers", "factor", "least"), [(1, 1, 1), (2, 2, 2), (3, 3, 2), (9, 3, 2)]
)
def test_by_default_a_majority_of_up_to_three_is_in_sync(brokers, factor, least):
    assert default_replication_factor(brokers) == factor
    assert default_min_isr(factor) == least


def test_shards_of_one_host_share_no_partition_while_there_are_hosts():
    hosts = {broker: f"host-{broker // 2}" for broker in range(6)}
    for rack in ("", "a"):
        placed = place(40, 3, dict.fromkeys(range(6), rack), {}, hosts)
        assert all(len({hosts[broker] for broker in held}) == 3 for held in placed)
        assert {broker for held in placed for broker in held} == set(range(6))


def test_where_hosts_are_too_few_their_shards_share():
    placed = place(4, 3, dict.fromkeys(range(4), ""), {}, dict.fromkeys(range(4), "one"))
    assert all(len(set(held)) == 3 for held in placed)
