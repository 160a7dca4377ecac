"""Consumer groups of clients that others wrote, over TCP: members that come, go, and crash."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import bus
from bus.model.ids import TopicPartition

MEMBER = [sys.executable, "-m", "tests.integration.group_member"]
PARTITIONS = set(range(6))
SECONDS = 60
SHORT_MS = 3000  # the session of a member that is to crash
LONG_MS = 30_000  # of one that is to stay, however little of the machine it is given
CLIENTS = ["kafka-python", "confluent-kafka", "aiokafka"]


class Member:
    """A member in a process of its own."""

    def __init__(self, client: str, *told: str) -> None:
        """`told`: what comes behind the client, of tests/integration/group_member.py."""
        self.partitions: set[int] = set()
        self.assignments: list[set[int]] = []
        self.read: list[tuple[int, int]] = []  # partition, offset; committed
        self.process = subprocess.Popen(
            [*MEMBER, client, *told],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "has":
                self.partitions = {int(part) for part in rest.split(",") if part}
                self.assignments.append(self.partitions)
            elif word == "read":
                partition, _, offset = rest.partition(":")
                self.read.append((int(partition), int(offset)))

    def leave(self) -> None:
        """As its client leaves: the group is told, unless the member is static."""
        self.process.stdin.close()
        self._ended()

    def crash(self) -> None:
        self.process.kill()
        self._ended()

    def _ended(self) -> None:
        try:
            self.process.wait(SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
            self._listener.join()
            self.process.stdin.close()
            self.process.stdout.close()
        self.partitions = set()


class Group:
    """Its members, and what they share."""

    def __init__(self, broker: bus.Broker, client: str) -> None:
        """Positions are set before: librdkafka 2.16 asks where a log begins if there is none.

        If the partition is revoked before the answer, it asks again although it was told to stop,
        and reads from there when it gets the partition back, whatever was committed meanwhile.
        """
        self.broker, self.client = broker, client
        with broker.admin() as admin:
            admin.alter_group_offsets("g", {TopicPartition("t", part): 0 for part in PARTITIONS})
        self.members: list[Member] = []
        self.sent = 0

    def add(self, session_ms: int = LONG_MS, *instance: str) -> Member:
        told = (self.broker.bootstrap, "g", str(session_ms), *instance)
        self.members.append(Member(self.client, *told))
        return self.members[-1]

    def send(self, count: int) -> None:
        """Records to all partitions."""
        with self.broker.producer() as producer:
            for number in range(count):
                producer.send("t", b"%d" % number, partition=number % len(PARTITIONS))
            producer.flush()
        self.sent += count

    def wait(self, what: Callable[[], bool]) -> None:
        give_up = time.monotonic() + SECONDS
        while not what():
            assert time.monotonic() < give_up, self._told()
            time.sleep(0.01)

    def _told(self) -> str:
        has = [member.partitions for member in self.members]
        return f"{has} have read {len(self.read())} of {self.sent}: {self.read()}"

    def shares(self, *members: Member) -> bool:
        """Do these have all partitions, each one of them, as evenly as can be?"""
        sizes = [len(member.partitions) for member in members]
        have = set().union(*(member.partitions for member in members))
        return have == PARTITIONS and sizes == [len(PARTITIONS) // len(members)] * len(members)

    def read(self) -> list[tuple[int, int]]:
        return sorted(record for member in self.members for record in member.read)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[bus.Broker]:
    settings = {"group_min_session_timeout_ms": 500, "offsets_topic_num_partitions": 3}
    where = {"kafka": "127.0.0.1:0", "listen": "tcp://127.0.0.1:*"}
    with bus.Broker(str(tmp_path / "data"), **where, **settings) as broker:
        broker.create_topic("t", len(PARTITIONS))
        yield broker


def test_members_over_all_transports_share_the_work(broker: bus.Broker) -> None:
    with broker.producer() as producer:
        for number in range(60):
            producer.send("t", b"x", partition=number % len(PARTITIONS))
    members = [
        bus.Consumer(broker.url, group="g"),
        bus.Consumer(broker.kafka_url, group="g"),
        broker.consumer(group="g"),
    ]
    for member in members:
        member.subscribe("t")
    count, give_up = 0, time.monotonic() + SECONDS
    while count < 60 or [len(member.assignment()) for member in members] != [2, 2, 2]:
        assert time.monotonic() < give_up
        count += sum(len(member.poll_batch(timeout=0.02)) for member in members)
    for member in members:
        member.close()
    (group,) = broker.status().groups.groups
    assert (count, group.members, group.lag) == (60, 0, 0)


@pytest.fixture
def group(request: pytest.FixtureRequest, broker: bus.Broker) -> Iterator[Group]:
    made = Group(broker, request.param)
    yield made
    for member in made.members:
        if member.process.poll() is None:
            member.crash()


@pytest.mark.parametrize("group", [*CLIENTS, "cooperative"], indirect=True)
def test_members_share_the_work_of_those_who_leave_and_crash(group: Group) -> None:
    one, two, three = group.add(), group.add(SHORT_MS), group.add()
    group.wait(lambda: group.shares(one, two, three))
    group.send(60)
    group.wait(lambda: len(group.read()) == group.sent)
    three.leave()
    group.wait(lambda: group.shares(one, two))
    two.crash()
    group.wait(lambda: group.shares(one))
    group.send(60)
    group.wait(lambda: len(group.read()) == group.sent)
    assert group.read() == sorted((p, offset) for p in PARTITIONS for offset in range(20))


@pytest.mark.parametrize("group", CLIENTS, indirect=True)
def test_a_static_member_comes_back_to_its_work_and_nobody_notices(group: Group) -> None:
    one, two = group.add(LONG_MS, "i1"), group.add(LONG_MS, "i2")
    group.wait(lambda: group.shares(one, two))
    had, noticed = two.partitions, len(one.assignments)
    two.crash()
    again = group.add(SHORT_MS, "i2")
    group.wait(lambda: again.partitions == had)
    assert len(one.assignments) == noticed
    again.crash()
    group.wait(lambda: group.shares(one))


@pytest.mark.parametrize("group", ["cooperative"], indirect=True)
def test_a_cooperative_member_keeps_what_it_has_while_others_come(group: Group) -> None:
    one = group.add()
    group.wait(lambda: group.shares(one))
    two = group.add()
    group.wait(lambda: group.shares(one, two))
    assert all(one.partitions <= had for had in one.assignments[1:])


@pytest.mark.parametrize("group", ["confluent-kafka"], indirect=True)
def test_a_member_goes_on_where_the_one_before_has_committed(group: Group) -> None:
    one = group.add()
    group.send(30)
    group.wait(lambda: len(group.read()) == 30)
    one.leave()
    group.send(30)
    group.add()
    group.wait(lambda: len(group.read()) == 60)
    assert group.read() == sorted((p, offset) for p in PARTITIONS for offset in range(10))
