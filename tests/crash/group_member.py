"""One member of a group that is being broken, in a process of its own; it notes all it sees.

    python -m tests.crash.group_member CLIENT SERVER GROUP ASSIGNOR NOTES

CLIENT is one of CLIENTS. NOTES is a file of lines, each written before anything is
done that follows from it, so that a SIGKILL leaves all that mattered:

    join
    share GENERATION 0,1,2          the partitions that it was given
    read PARTITION FIRST LAST       offsets, without a gap between
    commit PARTITION OFFSET BEGUN ANSWERED      monotonic times in ns; only what was answered well

The end of its standard input has it leave.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from tests.fixtures.ends_with_input import told_to_end
from tests.fixtures.kafka_python_joins import join_within_a_poll

TOPIC = "t"
SESSION_MS, HEARTBEAT_MS = 1500, 100
RECORDS_MAX = 50  # of one step, so that there are many commits
POLL_SECONDS = 0.05
COMMIT_MS = 500


class Notes:
    """Lines that are in the file when `note` returns."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(self, *words: object) -> None:
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())

    def share(self, generation: int, partitions: Iterable[int]) -> None:
        self.note("share", generation, ",".join(map(str, sorted(partitions))) or "-")


def runs(offsets: list[int]) -> Iterator[tuple[int, int]]:
    """First and last of each stretch without a gap."""
    for _, group in groupby(enumerate(offsets), lambda pair: pair[1] - pair[0]):
        stretch = [offset for _, offset in group]
        yield stretch[0], stretch[-1]


class Due:
    """What was read and is not committed yet: it is tried again as long as it is this member's."""

    def __init__(self, notes: Notes) -> None:
        self._notes, self._ends = notes, {}

    def read(self, partition: int, offsets: list[int]) -> None:
        """Note it first: a commit follows from it."""
        for first, last in runs(offsets):
            self._notes.note("read", partition, first, last)
        self._ends[partition] = offsets[-1] + 1

    def lose(self, partitions: Iterable[int]) -> None:
        """They are others' now, who go on from what is committed."""
        for partition in partitions:
            self._ends.pop(partition, None)

    def commit(self, commit: Callable[[int, int], str]) -> None:
        """Commit all of it by `commit(partition, offset)`, which returns what is wrong."""
        for partition, end in self.ends():
            begun = time.monotonic_ns()
            self.tried(partition, end, begun, commit(partition, end))

    def ends(self) -> Iterator[tuple[int, int]]:
        """What is to be committed, as long as it is this member's."""
        for partition in list(self._ends):
            if partition in self._ends:
                yield partition, self._ends[partition]

    def tried(self, partition: int, end: int, begun: int, problem: str) -> None:
        """A commit was answered."""
        if problem:
            self._notes.note("error", problem)
            return
        self._notes.note("commit", partition, end, begun, time.monotonic_ns())
        if self._ends.get(partition) == end:
            del self._ends[partition]


def ours(server: str, group: str, assignor: str, notes: Notes, told: threading.Event) -> None:
    import bus
    from bus.client.session import Session

    settle = Session._settle

    def noted(session, generation, share):
        notes.share(generation, (partition for _, partition in share))
        return settle(session, generation, share)

    def commit(partition: int, end: int) -> str:
        try:
            consumer.commit({(TOPIC, partition): end})
        except bus.BusError as error:
            return type(error).__name__
        return ""

    Session._settle = noted  # the user's thread learns of a generation here
    due = Due(notes)
    consumer = bus.Consumer(
        server,
        group=group,
        assignor=assignor,
        auto_commit=False,
        session_timeout_ms=SESSION_MS,
        heartbeat_ms=HEARTBEAT_MS,
        on_revoked=lambda gone: due.lose(partition for _, partition in gone),
    )
    is_subscribed = False
    while not told.is_set():
        try:
            if not is_subscribed:
                consumer.subscribe(TOPIC)
                is_subscribed = True
            batch = consumer.poll_batch(RECORDS_MAX, POLL_SECONDS)
        except bus.BusError as error:  # the broker is away
            notes.note("error", type(error).__name__)
            continue
        if batch:
            due.read(batch.partition, batch.offsets.tolist())
        due.commit(commit)
    consumer.close()


def confluent(server: str, group: str, assignor: str, notes: Notes, told: threading.Event) -> None:
    from confluent_kafka import Consumer, KafkaException, TopicPartition

    settings = {
        "bootstrap.servers": server,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "session.timeout.ms": SESSION_MS,
        "heartbeat.interval.ms": HEARTBEAT_MS,
        "partition.assignment.strategy": assignor,
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 200,
        "fetch.wait.max.ms": 100,
        "log_level": 0,
    }
    due = Due(notes)

    def given(consumer, partitions):
        has = {one.partition for one in (*consumer.assignment(), *partitions)}
        notes.share(generation_of(consumer), has)

    def gone(_consumer, partitions):
        due.lose(one.partition for one in partitions)

    def commit(partition: int, end: int) -> str:
        position = TopicPartition(TOPIC, partition, end)
        try:
            (kept,) = consumer.commit(offsets=[position], asynchronous=False)
        except KafkaException as error:
            return error.args[0].name()
        return kept.error.name() if kept.error else ""

    consumer = Consumer(settings)
    consumer.subscribe([TOPIC], on_assign=given, on_revoke=gone, on_lost=gone)
    count = 0
    while not told.is_set():
        record = consumer.poll(POLL_SECONDS)  # `consume` brings some that are lost by then
        if record is not None and not record.error():
            due.read(record.partition(), [record.offset()])
            count += 1
        if record is None or count == RECORDS_MAX:
            due.commit(commit)
            count = 0
    consumer.close()


def generation_of(consumer: object) -> int:
    """librdkafka tells it within a blob only: a magic that ends in a colon, then an int32."""
    blob = consumer.consumer_group_metadata()
    at = blob.index(b":") + 1
    return int.from_bytes(blob[at : at + 4], sys.byteorder, signed=True)


def attempted(make, error_type: type[Exception], notes: Notes, told: threading.Event):
    """What `make` returns once the broker is there; None if this member is to leave before."""
    while not told.is_set():
        try:
            return make()
        except error_type as error:
            notes.note("error", type(error).__name__)
            time.sleep(POLL_SECONDS)
    return None


def kafka_python(
    server: str, group: str, assignor: str, notes: Notes, told: threading.Event
) -> None:
    from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
    from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
    from kafka.coordinator.assignors.range import RangePartitionAssignor
    from kafka.errors import KafkaError

    assignors = {"range": RangePartitionAssignor, "cooperative-sticky": CooperativeStickyAssignor}
    due = Due(notes)

    class Listener(ConsumerRebalanceListener):
        def on_partitions_assigned(self, assigned) -> None:
            has = {one.partition for one in (*consumer.assignment(), *assigned)}
            notes.share(consumer.group_metadata().generation_id, has)

        def on_partitions_revoked(self, revoked) -> None:
            due.lose(one.partition for one in revoked)

        on_partitions_lost = on_partitions_revoked

    def commit(partition: int, end: int) -> str:
        position = {TopicPartition(TOPIC, partition): OffsetAndMetadata(end, "", -1)}
        try:
            consumer.commit(position, timeout_ms=COMMIT_MS)
        except KafkaError as error:
            return type(error).__name__
        return ""

    settings = {
        "bootstrap_servers": server,
        "group_id": group,
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "session_timeout_ms": SESSION_MS,
        "heartbeat_interval_ms": HEARTBEAT_MS,
        "partition_assignment_strategy": [assignors[assignor]],
        "fetch_max_wait_ms": 100,
        "reconnect_backoff_ms": 20,
        "reconnect_backoff_max_ms": 200,
    }
    consumer = attempted(lambda: KafkaConsumer(**settings), KafkaError, notes, told)
    if consumer is None:
        return
    join_within_a_poll(consumer)
    consumer.subscribe([TOPIC], listener=Listener())
    while not told.is_set():
        try:
            batches = consumer.poll(int(POLL_SECONDS * 1000), max_records=RECORDS_MAX)
        except KafkaError as error:
            notes.note("error", type(error).__name__)
            time.sleep(POLL_SECONDS)
            continue
        for place, records in batches.items():
            due.read(place.partition, [record.offset for record in records])
        due.commit(commit)
    consumer.close(autocommit=False)


def aio(server: str, group: str, assignor: str, notes: Notes, told: threading.Event) -> None:
    asyncio.run(aio_member(server, group, notes, told))


async def aio_member(server: str, group: str, notes: Notes, told: threading.Event) -> None:
    from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
    from aiokafka.coordinator.assignors.range import RangePartitionAssignor
    from aiokafka.errors import KafkaError

    due, commits = Due(notes), asyncio.Lock()

    class Listener(ConsumerRebalanceListener):
        async def on_partitions_revoked(self, revoked) -> None:
            async with commits:  # else one is sent again by a member of the next generation
                due.lose(one.partition for one in revoked)

        def on_partitions_assigned(self, assigned) -> None:
            notes.share(consumer._coordinator.generation, {one.partition for one in assigned})

    async def commit(partition: int, end: int) -> str:
        try:
            work = consumer.commit({TopicPartition(TOPIC, partition): end})
            await asyncio.wait_for(work, COMMIT_MS / 1000)
        except (KafkaError, TimeoutError) as error:
            return type(error).__name__
        return ""

    consumer = AIOKafkaConsumer(
        bootstrap_servers=server,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
        partition_assignment_strategy=[RangePartitionAssignor],
        fetch_max_wait_ms=100,
    )
    consumer.subscribe([TOPIC], listener=Listener())
    has_begun = False
    while not has_begun and not told.is_set():
        try:
            await consumer.start()
            has_begun = True
        except KafkaError as error:  # the broker is away
            notes.note("error", type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)
    while not told.is_set():
        batches = await consumer.getmany(timeout_ms=50, max_records=RECORDS_MAX)
        for place, records in batches.items():
            due.read(place.partition, [record.offset for record in records])
        async with commits:
            for partition, end in due.ends():
                begun = time.monotonic_ns()
                due.tried(partition, end, begun, await commit(partition, end))
    await consumer.stop()


CLIENTS = {
    "busd": ours,
    "confluent-kafka": confluent,
    "kafka-python": kafka_python,
    "aiokafka": aio,
}


def main() -> None:
    client, server, group, assignor, path = sys.argv[1:]
    told, notes = told_to_end(), Notes(path)
    notes.note("join")
    CLIENTS[client](server, group, assignor, notes, told)


if __name__ == "__main__":
    main()
