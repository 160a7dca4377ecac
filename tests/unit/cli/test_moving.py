"""A plan is carried out: what is asked for, again, and when it is done."""

from uuid import UUID

import pytest

from bus.cli.failure import Failure
from bus.cli.moving import Moving, carry_out
from bus.client.admin_calls import PartitionDescription, TopicDescription
from bus.client.admin_replicas import Reassignment
from bus.errors import InvalidReplicaAssignment, ThrottlingQuotaExceeded
from bus.model.ids import TopicPartition


class Controller:
    """The port of `bus.Admin`: moves so many partitions at a time, one a look."""

    def __init__(self, partitions, room=100, refuses=()):
        self.held = {TopicPartition("t", n): (1,) for n in range(partitions)}
        self.moving, self.asked, self.most = {}, [], 0
        self._room, self._refuses = room, refuses

    def describe_topics(self):
        if self.moving:
            partition = next(iter(self.moving))
            self.held[partition] = self.moving.pop(partition)
        parts = tuple(
            PartitionDescription(p.partition, 1, 0, replicas, replicas)
            for p, replicas in self.held.items()
        )
        return [TopicDescription("t", UUID(int=1), parts)]

    def list_reassignments(self):
        return {
            p: Reassignment((*to, 1), adding=to, removing=(1,)) for p, to in self.moving.items()
        }

    def reassign_partitions(self, wanted):
        refused = {}
        for partition, target in wanted.items():
            self.asked.append(partition.partition)
            if partition.partition in self._refuses:
                refused[partition] = InvalidReplicaAssignment("Broker 2 is being drained.")
            elif len(self.moving) == self._room:
                refused[partition] = ThrottlingQuotaExceeded()
            else:
                self.moving[partition] = target
        self.most = max(self.most, len(self.moving))
        return refused


class Counted:
    def __init__(self):
        self.count = 0

    def advance(self, count):
        self.count += count


def move(controller, at_a_time=None):
    bar = Counted()
    plan = dict.fromkeys(controller.held, (2,))
    carry_out(Moving(controller, plan, at_a_time), bar, lambda _: None)
    return bar.count


def test_all_partitions_are_moved_and_counted():
    controller = Controller(5)
    assert move(controller) == 5
    assert set(controller.held.values()) == {(2,)}
    assert controller.asked == [0, 1, 2, 3, 4]


def test_what_there_was_no_room_for_is_asked_again():
    controller = Controller(5, room=2)
    assert move(controller) == 5
    assert len(controller.asked) > 5


def test_no_more_are_asked_for_than_may_move_at_a_time():
    controller = Controller(7)
    assert move(controller, at_a_time=2) == 7
    assert controller.most == 2


def test_what_is_under_way_already_is_not_asked_for():
    controller = Controller(3)
    controller.moving[TopicPartition("t", 1)] = (2,)
    controller.moving[TopicPartition("t", 2)] = (2,)
    move(controller)
    assert controller.asked == [0]


def test_a_refusal_is_told_after_the_others_are_done():
    controller = Controller(3, refuses=(1,))
    with pytest.raises(Failure, match=r"t-1: Broker 2 is being drained\."):
        move(controller)
    assert list(controller.held.values()) == [(2,), (1,), (2,)]


def test_a_replica_that_is_not_in_sync_is_waited_for():
    partition = TopicPartition("t", 0)
    behind = PartitionDescription(0, 1, 0, (1, 2), (1,))
    controller = Controller(1)
    controller.describe_topics = lambda: [TopicDescription("t", UUID(int=1), (behind,))]
    moving = Moving(controller, {partition: (1, 2)})
    moving.step()
    assert (moving.left, controller.asked) == ([partition], [])
