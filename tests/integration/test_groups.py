"""Members of a group share its topics, keep what they have, and go on where the group left off."""

import asyncio
import threading
import time
from contextlib import suppress

import pytest

from bus import aio
from bus.client.consumer import Consumer
from bus.client.group_messages import leave_request
from bus.embedded import Broker
from bus.errors import BadSetting, FencedInstanceId, IllegalGeneration, InconsistentGroupProtocol
from bus.model.ids import TopicPartition

pytestmark = pytest.mark.filterwarnings("ignore:.*is on .*:UserWarning")

SESSION_MS = 2000  # so long is nobody kept from its heartbeat
ALL = [TopicPartition("t", index) for index in range(4)]


class Members:
    """Consumers of one group over one kind of link, polled in turn."""

    def __init__(self, broker, url):
        self.broker, self.url, self.open = broker, url, []

    def member(self, group="g", topics=("t",), **options):
        made = (
            Consumer(self.url, group=group, **options)
            if self.url
            else self.broker.consumer(group=group, **options)
        )
        self.open.append(made)
        if topics:
            made.subscribe(*topics)
        return made

    def poll_until(self, condition, *members, seconds=60.0):
        """Poll each in turn; what came, in order."""
        deadline, seen = time.monotonic() + seconds, []
        while not condition(seen):
            assert time.monotonic() < deadline, "it never happened"
            for member in members or self.open:
                seen += [(r.partition, r.offset) for r in member.poll_batch(timeout=0.02)]
        return seen

    def settle(self, *shares, members=None):
        """Until everybody holds that many partitions."""
        held = list(members or self.open)
        self.poll_until(lambda _: tuple(len(m.assignment()) for m in held) == shares, *held)

    def send(self, count=10, topic="t", partitions=range(4)):
        with self.broker.producer() as producer:
            for partition in partitions:
                values = [b"%d" % index for index in range(count)]
                producer.send_batch(topic, values, partition=partition)
            producer.flush()

    def close(self):
        for member in self.open:
            member.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    settings = {"kafka": "127.0.0.1:0", "group_min_session_timeout_ms": 100}
    data = str(tmp_path_factory.mktemp("groups"))
    with Broker(data, listen="tcp://127.0.0.1:0", **settings) as broker:
        yield broker


@pytest.fixture
def broker(served):
    served.create_topic("t", 4, config={"flush": "os"})
    yield served
    with served.admin() as admin:
        for topic in admin.list_topics():
            if not topic.startswith("__"):
                admin.delete_topic(topic)


@pytest.fixture(params=["embedded", "zeromq", "kafka"])
def members(request, broker):
    urls = {"embedded": "", "zeromq": broker.url, "kafka": broker.kafka_url}
    made = Members(broker, urls[request.param])
    yield made
    made.close()


@pytest.fixture
def group(broker, request):
    """Members by plain calls, for what does not depend on the link."""
    made = Members(broker, "")
    yield made
    made.close()


@pytest.mark.parametrize("assignor", ["cooperative-sticky", "range"])
def test_two_members_share_and_the_second_goes_on_where_the_first_left(members, assignor):
    name = f"two-{assignor}"
    members.send()
    first = members.member(name, assignor=assignor)
    seen = members.poll_until(lambda seen: len(seen) == 40)
    second = members.member(name, assignor=assignor)
    members.settle(2, 2)
    assert sorted(first.assignment() + second.assignment()) == ALL
    members.send()
    seen += members.poll_until(lambda seen: len(seen) == 40)
    first.close()
    members.open.remove(first)
    members.settle(4)
    members.send()
    seen += members.poll_until(lambda seen: len(seen) == 40)
    assert sorted(seen) == [(p, offset) for p in range(4) for offset in range(30)]


def test_what_stays_is_not_given_up_and_what_moves_is_told(group):
    told = []
    first = group.member(
        on_assigned=lambda parts: told.append(("got", len(parts))),
        on_revoked=lambda parts: told.append(("gave", len(parts))),
    )
    group.settle(4)
    second = group.member(on_assigned=lambda parts: told.append(("second got", len(parts))))
    group.settle(2, 2)
    second.close()
    group.open.remove(second)
    group.settle(4)
    first.close()
    assert told == [("got", 4), ("gave", 2), ("second got", 2), ("got", 2), ("gave", 4)]


def test_work_longer_than_the_session_loses_nothing(group):
    lost = []
    busy = group.member("busy", session_timeout_ms=SESSION_MS, heartbeat_ms=50, on_lost=lost.append)
    group.settle(4)
    other = group.member("busy", session_timeout_ms=SESSION_MS, heartbeat_ms=50)
    over = time.monotonic() + 1.5 * SESSION_MS / 1000
    while time.monotonic() < over:  # the first one works, the second one polls
        other.poll_batch(timeout=0.05)
    assert other.assignment() == []
    assert len(busy.assignment()) == 4
    group.settle(2, 2)
    assert not lost


def test_who_does_not_poll_in_the_time_it_set_loses_and_comes_back(group):
    lost = []
    slow = group.member("slow", max_poll_interval_ms=1500, on_lost=lost.append)
    group.settle(4)
    other = group.member("slow")
    group.poll_until(lambda _: len(other.assignment()) == 4, other)
    assert len(slow.assignment()) == 4
    group.settle(2, 2)
    assert lost == [ALL]


def test_positions_are_committed_by_batch_by_record_and_by_offset(members):
    members.send()
    member = members.member("commits", auto_commit=False)
    batch = None
    while not batch:
        batch = member.poll_batch(max_records=3, timeout=60)
    member.commit(batch)
    where = (batch.topic, batch.partition)
    assert member.committed(where) == {where: 3}
    member.commit(next(iter(batch)))
    assert member.committed(where) == {where: 1}
    member.commit({where: 7})
    assert member.committed(where) == {where: 7}
    member.commit()
    assert member.committed()[where] == 3
    member.close()
    assert members.member("commits", auto_commit=False).committed(where) == {where: 3}


def test_partitions_assigned_by_hand_begin_where_the_group_is(members):
    members.send()
    reader = members.member("by-hand", topics=())
    reader.assign([("t", 0)])
    seen = members.poll_until(lambda seen: len(seen) == 10)
    reader.close()
    members.send()
    reader = members.member("by-hand", topics=())
    reader.assign([("t", 0)])
    seen += members.poll_until(lambda seen: len(seen) == 10, reader)
    assert seen == [(0, offset) for offset in range(20)]


def test_a_record_in_hand_is_not_committed_when_its_work_fails(group):
    group.send(partitions=[0])
    with suppress(ZeroDivisionError), group.member("fails", topics=()) as reader:
        reader.assign([("t", 0)])
        for record in reader:
            1 / (record.offset - 4)
    with group.member("fails", topics=()) as reader:
        assert reader.committed(("t", 0)) == {("t", 0): 4}
        reader.assign([("t", 0)])
        for record in reader:
            if record.offset == 6:
                break
    assert group.member("fails", topics=()).committed(("t", 0)) == {("t", 0): 7}


def test_positions_are_committed_during_long_work(group):
    group.send(partitions=[0])
    reader = group.member("long", topics=(), auto_commit_interval_ms=20)
    reader.assign([("t", 0)])
    rows = iter(reader)
    for _ in range(6):
        record = next(rows)
    watcher = group.member("long", topics=())
    deadline = time.monotonic() + 60
    while watcher.committed(("t", 0)) != {("t", 0): record.offset}:
        assert time.monotonic() < deadline


def test_a_static_member_comes_back_to_its_partitions_without_a_rebalance(members):
    told = []
    options = {"instance_id": "one", "auto_commit": False}
    first = members.member("static", **options)
    other = members.member(
        "static",
        instance_id="two",
        on_assigned=lambda parts: told.append("got"),
        on_revoked=lambda parts: told.append("gave"),
    )
    members.settle(2, 2)
    had, told[:] = first.assignment(), []
    first.close()
    members.open.remove(first)
    again = members.member("static", **options)
    members.settle(2, 2, members=[other, again])
    assert again.assignment() == had
    assert told == []


def test_a_second_member_with_the_same_instance_id_fences_the_first(group):
    first = group.member("fenced", instance_id="one", heartbeat_ms=50)
    group.settle(4)
    second = group.member("fenced", instance_id="one")
    group.poll_until(lambda _: len(second.assignment()) == 4, second)
    with pytest.raises(FencedInstanceId):
        group.poll_until(lambda _: False, first)
    with pytest.raises(FencedInstanceId):
        first.poll_batch(timeout=0)
    assert first.assignment() == []


def test_members_that_share_no_assignor_are_told(group):
    group.member("shares", assignor="range")
    group.settle(4)
    other = group.member("shares", assignor="cooperative-sticky")
    with pytest.raises(InconsistentGroupProtocol):
        group.poll_until(lambda _: False, other)


def test_a_callback_may_seek_and_what_it_raises_reaches_the_poll(group):
    group.send()
    member = group.member("seeks", topics=())

    def begin(partitions):
        for topic, index in partitions:
            member.seek(topic, index, 8)

    member.session._callbacks = type(member.session._callbacks)(on_assigned=begin)
    member.subscribe("t")
    seen = group.poll_until(lambda seen: len(seen) == 8)
    assert sorted(seen) == [(p, offset) for p in range(4) for offset in (8, 9)]

    def fail(partitions):
        raise ZeroDivisionError

    failing = group.member("fails-too", on_assigned=fail)
    with pytest.raises(ZeroDivisionError):
        group.poll_until(lambda _: False, failing)
    assert group.poll_until(lambda seen: len(seen) == 40, failing)


def test_what_is_lost_cannot_be_committed_and_is_read_again_by_who_has_it(group):
    group.send()
    member = group.member("lost", auto_commit=False, heartbeat_ms=20_000)
    group.poll_until(lambda seen: len(seen) == 40)
    throw_out(member)
    with pytest.raises(IllegalGeneration):
        member.commit()
    seen = group.poll_until(lambda seen: len(seen) == 40)
    assert sorted(seen) == [(p, offset) for p in range(4) for offset in range(10)]


def throw_out(member):
    """As an operator does it."""
    done = threading.Event()
    request = leave_request(member.session.options, member_id(member), "the test wants it")
    call = member.reading.receiver.cluster.call_any
    member._io.post(call, request, 5000, lambda _: done.set())
    assert done.wait(60)


def member_id(member):
    return member.session._group.machine.member_id


def test_pauses_last_through_a_rebalance(group):
    first = group.member("pauses")
    group.settle(4)
    first.pause()
    group.member("pauses")
    group.settle(2, 2)
    group.send()
    seen = group.poll_until(lambda seen: len(seen) == 20)
    assert not {p for p, _ in seen} & {p.partition for p in first.assignment()}
    first.resume()
    group.poll_until(lambda seen: len(seen) == 20)


def test_lag_is_told_in_records_and_seconds(members):
    before = time.time()
    members.send(100, partitions=[0])
    reader = members.member("lag", topics=())
    reader.assign([("t", 0)])
    assert reader.lag()[ALL[0]].seconds is None
    while reader.position("t", 0) < 100:
        reader.poll_batch(max_records=60, timeout=60)
        lag = reader.lag()[ALL[0]]
        assert lag.records == 100 - reader.position("t", 0)
        assert lag.seconds <= time.time() - before + 0.01
    assert (lag.records, lag.seconds) == (0, 0.0)


def test_a_topic_that_grows_is_shared_out_anew(group):
    group.broker.create_topic("grows", 1)
    first = group.member("grows", topics=["grows"])
    second = group.member("grows", topics=["grows"])
    group.poll_until(lambda _: len(first.assignment() + second.assignment()) == 1)
    with group.broker.admin() as admin:
        admin.create_partitions("grows", 4)
    for member in (first, second):
        member._io.post(member.reading.receiver.cluster.stale)
    group.settle(2, 2)


def test_a_callback_does_not_poll(group):
    def poll(partitions):
        member.poll_batch(timeout=0)

    member = group.member("polls", on_assigned=poll)
    with pytest.raises(BadSetting, match="may not poll"):
        group.poll_until(lambda _: False, member)


async def together(broker):
    told = []

    async def on_assigned(partitions):
        told.append(len(partitions))

    options = {"group": "aio", "on_assigned": on_assigned}
    async with aio.Consumer(broker.kafka_url, **options) as first:
        await first.subscribe("t")
        seen = []
        while len(seen) < 40:
            batch = await first.poll_batch(timeout=60)
            seen += [(batch.partition, int(offset)) for offset in batch.offsets]
        await first.commit()
        async with aio.Consumer(broker.url, **options) as second:
            await second.subscribe("t")
            while len(await second.assignment()) < 2:
                assert not await first.poll_batch(timeout=0.02)
                assert not await second.poll_batch(timeout=0.02)
            assert set((await second.committed()).values()) == {10}
            assert {lag.records for lag in (await first.lag()).values()} == {0}
    assert told == [4, 2]
    return seen


def test_coroutines_are_members_too(broker):
    Members(broker, "").send()
    seen = asyncio.run(together(broker))
    assert sorted(seen) == [(p, offset) for p in range(4) for offset in range(10)]
