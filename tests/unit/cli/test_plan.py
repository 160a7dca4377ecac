"""What a wish comes to, and what a file says."""

from collections import Counter
from uuid import UUID

import pytest

from bus.cli.failure import UserError
from bus.cli.plan import Wish, below_default, from_json, planned, settled, to_json
from bus.client.admin_calls import PartitionDescription, TopicDescription
from bus.client.admin_cluster import BrokerDescription
from bus.client.admin_replicas import Reassignment
from bus.model.ids import TopicPartition

THERE = tuple(BrokerDescription(n, f"tcp://m{n}:1", None) for n in (1, 2, 3, 4))


def held(*replicas):
    return {TopicPartition("t", n): each for n, each in enumerate(replicas)}


def plan(before, factor=None, brokers=None, there=THERE):
    return planned(Wish(factor, brokers), before, before, there)


def topic(*replicas):
    parts = tuple(
        PartitionDescription(n, each[0], 0, each, each) for n, each in enumerate(replicas)
    )
    return TopicDescription("t", UUID(int=1), parts)


def test_more_replicas_are_added_behind_those_that_are_there():
    found = plan(held((1,), (2,)), factor=3)
    assert [each[0] for each in found.values()] == [1, 2]
    assert all(len(set(each)) == 3 for each in found.values())


def test_fewer_replicas_keep_the_first():
    found = plan(held((1, 2, 3), (2, 3, 1)), factor=2)
    assert [(each[0], len(each)) for each in found.values()] == [(1, 2), (2, 2)]


def test_replicas_on_brokers_that_were_not_named_go_first():
    assert set(plan(held((1, 2, 3)), factor=2, brokers=(2, 3)).values()) == {(2, 3)}


def test_what_is_as_wished_does_not_change():
    assert plan(held((1, 2, 3)), factor=3) == {}


def test_named_brokers_and_no_others_hold_it_about_as_much_each():
    found = plan(held(*[(1, 2)] * 6), brokers=(2, 3, 4))
    count = Counter(broker for each in found.values() for broker in each)
    assert count == {2: 4, 3: 4, 4: 4}


def test_a_wish_that_has_come_true_asks_for_nothing_more():
    before = held(*[(1, 2)] * 7, *[(3, 1)] * 4)
    done = before | plan(before, factor=3, brokers=(2, 3, 4))
    assert plan(done, factor=3, brokers=(2, 3, 4)) == {}


def test_more_replicas_than_brokers_are_refused():
    with pytest.raises(UserError, match="5 replicas on 4 brokers"):
        plan(held((1,)), factor=5)


def test_too_few_named_brokers_are_refused():
    with pytest.raises(UserError, match=r"t-0 has 2 replicas, and 1 broker cannot hold them"):
        plan(held((1, 2)), brokers=(3,))


def test_a_broker_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="Broker 9 is not there"):
        plan(held((1,)), brokers=(9,))


def test_a_drained_broker_is_given_nothing():
    there = (*THERE[:3], BrokerDescription(4, "tcp://m4:1", None, is_draining=True))
    found = plan(held(*[(1,)] * 6), factor=3, there=there)
    assert set(found.values()) == {(1, 2, 3)}
    with pytest.raises(UserError, match="busd broker drain 4 --cancel"):
        plan(held((1,)), brokers=(4,), there=there)


def test_what_is_moving_counts_as_being_where_it_goes():
    move = Reassignment((3, 1, 2), adding=(3,), removing=(1,))
    assert settled([topic((3, 1, 2))], {TopicPartition("t", 0): move}) == held((3, 2))


def test_a_topic_below_the_default_is_told_what_it_would_have():
    assert below_default(topic((1, 2, 3), (1,)), 5) == 3
    assert below_default(topic((1, 2)), 2) == 0


def test_a_plan_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "plan.json"
    wanted = held((1, 2), (3,))
    path.write_text(to_json(wanted))
    assert from_json(str(path)) == wanted


def test_kafkas_any_directory_is_understood(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(
        '{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1],"log_dirs":["any"]}]}'
    )
    assert from_json(str(path)) == held((1,))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is no plan"),
        ("[]", "is no plan"),
        ('{"partitions": 3}', "is no plan"),
        ('{"partitions": [{"topic": "t", "partition": 0}]}', "is no plan"),
        ('{"partitions": [{"topic": "t", "partition": 0, "replicas": []}]}', "is no plan"),
        ('{"partitions": [{"topic": "t", "partition": -1, "replicas": [1]}]}', "is no plan"),
        ('{"partitions": [{"topic": "t", "partition": true, "replicas": [1]}]}', "is no plan"),
        ('{"version": 2, "partitions": []}', "version 2"),
        (
            '{"partitions": [{"topic": "t", "partition": 0, "replicas": [1], "log_dirs": ["/x"]}]}',
            "chooses a directory",
        ),
        (
            '{"partitions": [{"topic": "t", "partition": 0, "replicas": [1]},'
            '{"topic": "t", "partition": 0, "replicas": [2]}]}',
            "names t-0 twice",
        ),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path, text, sentence):
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(UserError, match=sentence):
        from_json(str(path))
