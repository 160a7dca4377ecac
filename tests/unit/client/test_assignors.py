"""Range and round robin share out as Kafka's do; the sticky ones keep what can be kept."""

import pytest

from bus.client.assignors import ASSIGNORS, Member
from bus.model.ids import TopicPartition


def member(name, *topics, owned=(), generation=-1, instance=None):
    partitions = frozenset(TopicPartition(topic, index) for topic, index in owned)
    return Member(name, frozenset(topics), instance, partitions, generation)


def assigned(name, members, **counts):
    shares = ASSIGNORS[name].assign(members, counts)
    return {who: [f"{p.topic}{p.partition}" for p in share] for who, share in shares.items()}


def test_range_gives_runs_of_each_topic_and_the_first_members_one_more():
    shares = assigned("range", [member("b", "t", "u"), member("a", "t", "u")], t=3, u=2)
    assert shares == {"a": ["t0", "t1", "u0"], "b": ["t2", "u1"]}


def test_round_robin_passes_over_members_that_do_not_read_a_topic():
    members = [member("a", "t"), member("b", "t", "u"), member("c", "t", "u")]
    shares = assigned("roundrobin", members, t=2, u=3)
    assert shares == {"a": ["t0"], "b": ["t1", "u1"], "c": ["u0", "u2"]}


@pytest.mark.parametrize("name", ["range", "roundrobin"])
def test_members_with_an_instance_id_come_first_in_its_order(name):
    members = [member("a", "t"), member("z", "t", instance="2"), member("y", "t", instance="10")]
    shares = assigned(name, members, t=3)
    assert shares == {"y": ["t0"], "z": ["t1"], "a": ["t2"]}


@pytest.mark.parametrize("name", ASSIGNORS)
def test_topics_that_do_not_exist_are_left_out(name):
    assert assigned(name, [member("a", "t", "gone")], t=1) == {"a": ["t0"]}
    assert assigned(name, [member("a", "gone")]) == {"a": []}


def test_sticky_takes_only_what_balance_asks_for():
    had = [("t", index) for index in range(4)]
    members = [member("a", "t", owned=had, generation=1), member("b", "t")]
    assert assigned("sticky", members, t=4) == {"a": ["t0", "t1"], "b": ["t2", "t3"]}


def test_sticky_believes_the_youngest_claim_and_none_of_two_equal_ones():
    members = [
        member("a", "t", owned=[("t", 0), ("t", 1)], generation=1),
        member("b", "t", owned=[("t", 0)], generation=2),
    ]
    assert assigned("sticky", members, t=2) == {"a": ["t1"], "b": ["t0"]}
    members = [member(who, "t", owned=[("t", 1)], generation=1) for who in "ab"]
    assert assigned("sticky", members, t=2) == {"a": ["t0"], "b": ["t1"]}


def test_sticky_levels_members_that_read_different_topics():
    members = [
        member("a", "t", "u", owned=[("t", 0), ("t", 1), ("u", 0)], generation=1),
        member("b", "t"),
    ]
    assert assigned("sticky", members, t=2, u=1) == {"a": ["t1", "u0"], "b": ["t0"]}


def test_cooperative_gives_what_moves_only_after_its_owner_let_go():
    had = [("t", index) for index in range(4)]
    first = [member("a", "t", owned=had, generation=1), member("b", "t")]
    assert assigned("cooperative-sticky", first, t=4) == {"a": ["t0", "t1"], "b": []}
    second = [
        member("a", "t", owned=had[:2], generation=2),
        member("b", "t", generation=2),
    ]
    assert assigned("cooperative-sticky", second, t=4) == {"a": ["t0", "t1"], "b": ["t2", "t3"]}


def test_cooperative_gives_what_nobody_has_at_once():
    members = [member("a", "t", owned=[("t", 0)], generation=1), member("b", "t")]
    assert assigned("cooperative-sticky", members, t=2) == {"a": ["t0"], "b": ["t1"]}
