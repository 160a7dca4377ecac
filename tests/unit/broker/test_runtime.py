"""The runtime: effects carried out in their order, and what the world does told to the machines."""

import errno
from random import Random
from uuid import UUID

import pytest

from bus.broker.counters import Counters
from bus.broker.roles import Roles
from bus.broker.runtime import Runtime
from bus.broker.stores import Stores
from bus.control.effects import Answer
from bus.errors import NONE, InvalidRequiredAcks, NotLeader, RequestTimedOut, StorageError
from bus.log.layout import partition_dir
from bus.log.room import Reserve
from bus.model.batch import BatchInfo
from bus.model.ids import PartitionId
from bus.model.limits import LEADER_EPOCH_MAX
from bus.model.topic_settings import TopicSettings
from bus.native.batch import check
from tests.fixtures.clocks import FakeClock
from tests.fixtures.node import batch_of
from tests.fixtures.seeded_random import SeededRandom
from tests.fixtures.sim_disk import SimDisk

TOPIC_ID = UUID(int=7)
ALL, LEADER = -1, 1
ME = 1
SEGMENT = 1 << 20  # which a simulated disk really allocates


class Hosted:
    """A runtime over a store on a simulated disk, with one partition of the topic "t"."""

    def __init__(self, disk: SimDisk, flush: str = "group") -> None:
        self.disk = disk
        self.clock = FakeClock()
        self.committed: list[int] = []
        self.counters = Counters()
        random = SeededRandom()
        told = self._on_flushed, self._on_failed
        self.stores = Stores([disk], self.clock, random, *told, Reserve())
        self.stores.open()
        (self.store,) = self.stores.all
        self.runtime = Runtime(self.stores, self.clock, self.counters, self._on_committed, ME)
        self.roles = Roles(self.runtime, self.stores, self.clock, ME, lambda _: -1)
        self.pid = PartitionId(TOPIC_ID, 0)
        settings = TopicSettings(flush=flush, segment_bytes=SEGMENT)
        (self.partition,) = self.host([(self.pid, settings)])

    def host(self, wanted):
        hosted = self.runtime.host("t", wanted)
        self.roles.lead_alone(hosted)
        return hosted

    def _on_flushed(self, log, offset) -> None:
        self.runtime.on_flushed(log, offset)

    def _on_failed(self, store, error) -> None:
        self.runtime.on_disk_failed(store)

    def _on_committed(self, partition) -> None:
        self.committed.append(partition.log.high_watermark)

    def produce(self, *values: bytes, acks: int = ALL, timeout_ms: int = 1000, producer=None):
        """The list that the answer will be in."""
        answers: list[Answer] = []
        records = batch_of(*values, producer=producer)
        info = BatchInfo(*check(records))
        self.runtime.produce(self.partition, records, info, acks, timeout_ms, answers.append)
        return answers

    def work(self) -> None:
        """Let the disk do all that it was asked for."""
        self.store.settle()

    def next_life(self, clean: bool = False) -> "Hosted":
        self.store.close(clean)
        while self.disk.wait(0):
            pass
        return Hosted(self.disk)


@pytest.fixture
def hosted() -> Hosted:
    return Hosted(SimDisk())


def errors(answers: list[Answer]) -> list[int]:
    return [answer.error for answer in answers]


def test_a_hosted_partition_is_found_by_its_name_and_led(hosted: Hosted) -> None:
    assert hosted.runtime.find("t", 0) is hosted.partition
    assert hosted.runtime.find("t", 1) is None
    assert hosted.partition.leader.epoch == 0


def test_the_epoch_rises_with_each_life(hosted: Hosted) -> None:
    assert hosted.next_life().partition.leader.epoch == 1


def test_the_epoch_is_durable_before_anything_is_served(hosted: Hosted) -> None:
    lost_power = Hosted(hosted.disk.crash(Random(1)))
    assert lost_power.partition.leader.epoch == 1


def test_many_partitions_are_led_with_one_sync(hosted: Hosted) -> None:
    syncs = []
    sync, hosted.disk.sync = hosted.disk.sync, lambda regions: (syncs.append(1), sync(regions))
    wanted = [(PartitionId(TOPIC_ID, index), TopicSettings()) for index in range(1, 50)]
    hosted.host(wanted)
    assert len(syncs) == 1


def test_a_produce_is_answered_when_it_is_flushed(hosted: Hosted) -> None:
    answers = hosted.produce(b"a", b"b")
    assert answers == []
    hosted.work()
    assert [(a.error, a.base_offset) for a in answers] == [(NONE, 0)]
    assert hosted.committed == [2]


def test_a_produce_with_acks_1_is_answered_when_it_is_written(hosted: Hosted) -> None:
    assert errors(hosted.produce(b"a", acks=LEADER)) == [NONE]
    assert hosted.committed == []


def test_with_flush_os_what_is_written_is_committed() -> None:
    hosted = Hosted(SimDisk(), flush="os")
    assert errors(hosted.produce(b"a")) == [NONE]
    assert hosted.committed == [1]


def test_what_was_written_is_counted(hosted: Hosted) -> None:
    hosted.produce(b"a", b"b")
    assert hosted.counters.records_in == 2
    assert hosted.counters.bytes_in == len(batch_of(b"a", b"b"))


def test_a_duplicate_is_answered_like_its_first_and_not_written(hosted: Hosted) -> None:
    hosted.produce(b"a", producer=(7, 0, 0))
    hosted.work()
    again = hosted.produce(b"a", producer=(7, 0, 0))
    assert [(a.error, a.base_offset) for a in again] == [(NONE, 0)]
    assert hosted.partition.log.end_offset == 1


def test_unknown_acks_are_refused(hosted: Hosted) -> None:
    assert errors(hosted.produce(b"a", acks=2)) == [InvalidRequiredAcks.code]


def test_a_produce_that_waits_too_long_is_told_so(hosted: Hosted) -> None:
    answers = hosted.produce(b"a", timeout_ms=100)
    assert hosted.runtime.next_tick_ms() == hosted.clock.now_ms() + 100
    hosted.runtime.tick(hosted.clock.now_ms() + 99)
    assert answers == []
    hosted.runtime.tick(hosted.clock.now_ms() + 100)
    assert errors(answers) == [RequestTimedOut.code]
    assert hosted.runtime.next_tick_ms() is None


def test_a_failed_disk_fences_its_partitions_for_good(hosted: Hosted) -> None:
    answers = hosted.produce(b"a")
    hosted.store.fail(OSError(errno.EIO, "gone"))
    assert errors(answers) == [StorageError.code]
    assert errors(hosted.produce(b"b")) == [StorageError.code]


def test_resigning_leaves_nobody_waiting(hosted: Hosted) -> None:
    answers = hosted.produce(b"a")
    hosted.runtime.resign_all()
    assert errors(answers) == [NotLeader.code]
    assert errors(hosted.produce(b"b")) == [NotLeader.code]


def test_a_released_partition_is_gone_with_its_files(hosted: Hosted) -> None:
    hosted.produce(b"a")
    hosted.work()
    hosted.runtime.release([hosted.pid, PartitionId(TOPIC_ID, 9)])
    assert hosted.runtime.find("t", 0) is None
    with pytest.raises(FileNotFoundError):
        hosted.disk.list(partition_dir(hosted.pid))


def test_a_flush_that_comes_after_the_release_changes_nothing(hosted: Hosted) -> None:
    answers = hosted.produce(b"a")
    log = hosted.partition.log
    hosted.runtime.release([hosted.pid])
    hosted.runtime.on_flushed(log, 1)
    assert errors(answers) == [NotLeader.code]


def test_going_over_to_flush_os_commits_what_is_written(hosted: Hosted) -> None:
    answers = hosted.produce(b"a")
    hosted.runtime.configure(hosted.partition, TopicSettings(flush="os", segment_bytes=SEGMENT))
    assert errors(answers) == [NONE]


def test_going_over_to_flush_group_flushes_what_is_written() -> None:
    hosted = Hosted(SimDisk(), flush="os")
    hosted.produce(b"a")
    hosted.runtime.configure(hosted.partition, TopicSettings(flush="group", segment_bytes=SEGMENT))
    hosted.work()
    assert hosted.partition.leader.flushed_offset == 1


def test_a_damaged_log_refuses_a_produce_with_its_sentence(hosted: Hosted) -> None:
    hosted.partition.log.read_only = "The log is damaged."
    (answer,) = hosted.produce(b"a")
    assert (answer.error, answer.detail) == (StorageError.code, "The log is damaged.")


def test_a_full_disk_refuses_a_produce_and_takes_the_next_when_there_is_room(
    hosted: Hosted,
) -> None:
    hosted.disk.room = 0
    (answer,) = hosted.produce(b"a" * 500_000)
    assert answer.error == StorageError.code
    assert "has no room" in (answer.detail or "")
    hosted.disk.room = 1 << 30
    answers = hosted.produce(b"b")
    hosted.work()
    assert [(a.error, a.base_offset) for a in answers] == [(NONE, 0)]


def test_a_log_whose_epochs_are_used_up_is_led_and_takes_nothing(hosted: Hosted) -> None:
    hosted.store.persist_epochs([(hosted.pid, LEADER_EPOCH_MAX, 0)])
    after = hosted.next_life()
    assert after.partition.leader.epoch == LEADER_EPOCH_MAX
    (answer,) = after.produce(b"a")
    assert answer.error == StorageError.code
    assert "none can follow" in (answer.detail or "")
