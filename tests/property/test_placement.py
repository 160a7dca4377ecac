"""Placement is even, keeps racks apart, and is the same for the same cluster, whatever that is."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bus.control.placement import Load, load_of, place

NAMES = ["a", "b", "c", "d"]
NO_RACKS = st.just("")
SOME_RACKS = st.sampled_from(["", *NAMES])


@st.composite
def clusters(draw, racks=SOME_RACKS):
    brokers = draw(st.dictionaries(st.integers(0, 50), racks, min_size=1, max_size=9))
    loads = st.builds(Load, st.integers(0, 20), st.integers(0, 20))
    load = draw(st.dictionaries(st.sampled_from(sorted(brokers)), loads))
    return brokers, load, draw(st.integers(1, len(brokers))), draw(st.integers(0, 40))


@st.composite
def equal_racks(draw):
    size = draw(st.integers(1, 4))
    names = NAMES[: draw(st.integers(1, 4))]
    brokers = {number: names[number % len(names)] for number in range(size * len(names))}
    return brokers, draw(st.integers(1, len(names))), draw(st.integers(0, 40))


def spread(counts):
    return max(counts) - min(counts)


@given(clusters())
def test_each_partition_has_that_many_different_replicas(cluster):
    brokers, load, factor, count = cluster
    placed = place(count, factor, brokers, load)
    assert len(placed) == count
    assert all(len(set(replicas)) == factor for replicas in placed)
    assert all(set(replicas) <= brokers.keys() for replicas in placed)


@given(clusters())
def test_no_rack_has_a_second_replica_while_another_has_none(cluster):
    brokers, load, factor, count = cluster
    racks = {broker: rack or broker for broker, rack in brokers.items()}
    sizes = Counter(racks.values())
    for replicas in place(count, factor, brokers, load):
        used = Counter(racks[broker] for broker in replicas)
        fullest = max(used.values())
        assert all(used[rack] >= min(size, fullest - 1) for rack, size in sizes.items())


@given(clusters(racks=NO_RACKS))
def test_without_racks_replicas_and_leaders_are_even_to_one(cluster):
    brokers, load, factor, count = cluster
    found = load_of(place(count, factor, brokers, load))
    loads = [found.get(broker, Load()) for broker in brokers]
    assert spread([each.replicas for each in loads]) <= 1
    assert spread([each.leaders for each in loads]) <= 1


@given(equal_racks())
def test_with_racks_of_one_size_replicas_and_leaders_are_even_to_one(cluster):
    brokers, factor, count = cluster
    found = load_of(place(count, factor, brokers, {}))
    loads = [found.get(broker, Load()) for broker in brokers]
    assert spread([each.replicas for each in loads]) <= 1
    assert spread([each.leaders for each in loads]) <= 1


@given(clusters(racks=NO_RACKS), st.integers(1, 30))
def test_topics_of_one_partition_even_out_what_is_uneven(cluster, more):
    brokers, load, factor, _ = cluster
    held = []
    for _ in range(more):
        total = {
            broker: Load(
                load.get(broker, Load()).replicas + sum(broker in each for each in held),
                load.get(broker, Load()).leaders + sum(broker == each[0] for each in held),
            )
            for broker in brokers
        }
        (replicas,) = place(1, factor, brokers, total)
        least = sorted(each.replicas for each in total.values())[:factor]
        assert sorted(total[broker].replicas for broker in replicas) == least
        held.append(replicas)


@given(clusters())
def test_the_order_in_which_brokers_are_named_does_not_count(cluster):
    brokers, load, factor, count = cluster
    turned = dict(reversed(brokers.items()))
    assert place(count, factor, turned, load) == place(count, factor, brokers, load)
