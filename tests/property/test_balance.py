"""Plans of moves come to an end, never make anything worse, and leave nothing to be planned."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bus.control.balance import balanced, drained, led_evenly

RACKS = st.sampled_from(["", "a", "b", "c"])


@st.composite
def clusters(draw):
    brokers = draw(st.dictionaries(st.integers(1, 9), RACKS, min_size=1, max_size=7))
    sets = st.lists(st.sampled_from(sorted(brokers)), min_size=1, max_size=4, unique=True)
    held = dict(enumerate(draw(st.lists(sets.map(tuple), max_size=30))))
    return brokers, held


def crowding(replicas, brokers):
    racks = Counter(brokers[broker] or broker for broker in replicas)
    return sum(count - 1 for count in racks.values())


def after(held, moves):
    return held | moves


@given(clusters())
def test_evening_out_never_crowds_a_rack_and_keeps_the_number_of_replicas(cluster):
    brokers, held = cluster
    for pid, replicas in balanced(held, brokers, 100).items():
        assert len(set(replicas)) == len(held[pid])
        assert crowding(replicas, brokers) <= crowding(held[pid], brokers)


@given(clusters())
def test_what_was_evened_out_needs_no_more(cluster):
    brokers, held = cluster
    for _ in range(10):
        moves = balanced(held, brokers, 100) or led_evenly(held, 100)
        held = after(held, moves)
        if not moves:
            return
    raise AssertionError("it never ends")


@given(clusters(), st.data())
def test_a_drained_broker_is_left_with_what_nobody_else_can_take(cluster, data):
    brokers, held = cluster
    gone = data.draw(st.sampled_from(sorted(brokers)))
    homes = {broker: rack for broker, rack in brokers.items() if broker != gone}
    for replicas in after(held, drained(held, homes, {gone}, {})).values():
        assert gone not in replicas or set(homes) <= set(replicas)


@given(clusters())
def test_orders_change_nobody_s_replicas(cluster):
    _, held = cluster
    for pid, replicas in led_evenly(held, 100).items():
        assert sorted(replicas) == sorted(held[pid])
