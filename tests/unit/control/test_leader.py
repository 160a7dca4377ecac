"""The leader of one partition with itself as its only replica: its table, row by row."""

from dataclasses import replace

import pytest

from bus.control.effects import Answer, Append, Committed, Effect, EpochEntry, Persist, Propose
from bus.control.insync import InSync, Standing
from bus.control.leader import ACKS_ALL, ACKS_LEADER, ACKS_NONE, Leader
from bus.errors import (
    NONE,
    FencedLeaderEpoch,
    InvalidRecord,
    InvalidRequiredAcks,
    MessageTooLarge,
    NotEnoughReplicas,
    NotEnoughReplicasAfterAppend,
    NotLeader,
    OffsetNotAvailable,
    RequestTimedOut,
    StorageError,
    UnknownLeaderEpoch,
)
from bus.model.batch import CONTROL_FLAG, BatchInfo
from bus.model.cluster import BrokerLife, PartitionImage
from bus.model.producer import ProducerEntry, SequencedBatch
from bus.model.replication_errors import StaleBrokerEpoch


def batch(count: int = 1, size: int = 100, attributes: int = 0, producer: int = -1) -> BatchInfo:
    sequence = 0 if producer >= 0 else -1
    return BatchInfo(0, size, -1, attributes, count - 1, 0, 0, producer, sequence, sequence, count)


ME = 1


def record(epoch: int, isr: tuple[int, ...] = (ME,), partition_epoch: int = 0) -> PartitionImage:
    return PartitionImage(ME, epoch, partition_epoch, 1, (ME, 2, 3), isr)


def candidate(*, group: bool = True) -> Leader:
    return Leader(InSync(ME, record(0), flush_group=group), message_bytes_max=1000)


def elected(*, group: bool = True, end: int = 0, epoch: int = 0) -> Leader:
    leader = candidate(group=group)
    leader.on_elected(record(epoch), end, end, 0, 0)
    return leader


def offer(leader: Leader, ticket: int, count: int = 1, acks: int = ACKS_ALL) -> list[Effect]:
    """Produce and append, as the runtime does; the effects behind the Append."""
    effects = leader.on_produce(ticket, batch(count), None, acks, deadline_ms=1000)
    assert effects == [Append(ticket, leader.end_offset, leader.epoch)]
    return leader.on_appended(ticket)


def test_an_epoch_is_persisted_before_anything_else() -> None:
    assert candidate().on_elected(record(4), 10, 10, 0, 0) == [
        Persist(EpochEntry(4, 10)),
        Committed(10),
    ]


def test_what_recovery_left_is_visible_once_it_is_flushed() -> None:
    leader = candidate()
    leader.on_elected(record(4), end_offset=10, flushed_offset=8, high_watermark=0, now_ms=0)
    assert leader.offset_error() == OffsetNotAvailable.code
    assert leader.on_flushed(10) == [Committed(10)]
    assert leader.offset_error() == NONE


def test_with_flush_group_a_record_is_acknowledged_after_its_flush() -> None:
    leader = elected(group=True)
    assert offer(leader, ticket=1, count=3) == []
    assert leader.on_flushed(3) == [Committed(3), Answer(1, NONE, base_offset=0)]


def test_with_flush_os_a_record_is_acknowledged_after_its_append() -> None:
    leader = elected(group=False)
    assert offer(leader, ticket=1, count=3) == [Committed(3), Answer(1, NONE, base_offset=0)]


@pytest.mark.parametrize("acks", [ACKS_NONE, ACKS_LEADER])
def test_acks_0_and_1_are_answered_after_the_append_and_not_visible_before_the_flush(
    acks: int,
) -> None:
    leader = elected(group=True)
    assert offer(leader, ticket=1, acks=acks) == [Answer(1, NONE, base_offset=0)]
    assert leader.high_watermark == 0


def test_a_flush_acknowledges_only_what_it_covers() -> None:
    leader = elected()
    offer(leader, 1, count=2)
    offer(leader, 2, count=2)
    assert leader.on_flushed(2) == [Committed(2), Answer(1, NONE, base_offset=0)]
    assert leader.on_flushed(4) == [Committed(4), Answer(2, NONE, base_offset=2)]


def test_a_failed_append_leaves_no_gap() -> None:
    leader = elected(group=False)
    leader.on_produce(1, batch(5), None, ACKS_ALL, 1000)
    assert leader.on_append_failed(1, StorageError.code, "full") == [
        Answer(1, StorageError.code, detail="full")
    ]
    assert offer(leader, 2) == [Committed(1), Answer(2, NONE, base_offset=0)]


def test_a_duplicate_of_a_committed_batch_is_answered_at_once_with_its_offset() -> None:
    leader = elected(group=True, end=50)
    entry = ProducerEntry(7, 0, [SequencedBatch(0, 0, 42, 42, 0)], 0)
    effects = leader.on_produce(9, batch(producer=7), entry, ACKS_ALL, 1000)
    assert effects == [Answer(9, NONE, base_offset=42)]


def test_a_duplicate_of_an_uncommitted_batch_waits_for_its_flush() -> None:
    leader = elected(group=True)
    offer(leader, 1)
    entry = ProducerEntry(7, 0, [SequencedBatch(0, 0, 0, 0, 0)], 0)
    assert leader.on_produce(2, batch(producer=7), entry, ACKS_ALL, 1000) == []
    assert leader.on_flushed(1) == [
        Committed(1),
        Answer(1, NONE, base_offset=0),
        Answer(2, NONE, base_offset=0),
    ]


def test_acks_all_is_refused_while_too_few_replicas_are_in_sync() -> None:
    leader = elected()
    leader.on_image(replace(record(0, partition_epoch=1), min_isr=2))
    effects = leader.on_produce(1, batch(), None, ACKS_ALL, 1000)
    assert effects == [Answer(1, NotEnoughReplicas.code)]


@pytest.mark.parametrize(
    ("info", "acks", "error"),
    [
        (batch(size=1001), ACKS_ALL, MessageTooLarge),
        (batch(), 2, InvalidRequiredAcks),
        (batch(attributes=CONTROL_FLAG), ACKS_ALL, InvalidRecord),
    ],
)
def test_what_may_not_be_written_is_refused(info: BatchInfo, acks: int, error: type) -> None:
    (answer,) = elected().on_produce(1, info, None, acks, 1000)
    assert isinstance(answer, Answer)
    assert answer.error == error.code


def test_a_wait_past_its_deadline_is_answered_as_indefinite() -> None:
    leader = elected()
    offer(leader, 1)
    assert leader.next_tick_ms() == 1000
    assert leader.on_tick(999) == []
    assert leader.on_tick(1000) == [Answer(1, RequestTimedOut.code, base_offset=0)]
    assert leader.on_flushed(1) == [Committed(1)]


def test_a_failed_disk_fences_the_partition() -> None:
    leader = elected()
    offer(leader, 1)
    assert leader.on_disk_failed() == [Answer(1, StorageError.code, base_offset=0)]
    assert leader.on_produce(2, batch(), None, ACKS_ALL, 1000) == [Answer(2, StorageError.code)]
    assert leader.epoch_error(-1) == StorageError.code


def test_a_leader_that_resigned_sends_all_to_the_next() -> None:
    leader = elected()
    offer(leader, 1)
    assert leader.on_resigned() == [Answer(1, NotLeader.code, base_offset=0)]
    assert leader.on_produce(2, batch(), None, ACKS_ALL, 1000) == [Answer(2, NotLeader.code)]


def test_readers_of_another_epoch_are_told() -> None:
    leader = elected(epoch=5)
    assert leader.epoch_error(-1) == NONE
    assert leader.epoch_error(5) == NONE
    assert leader.epoch_error(4) == FencedLeaderEpoch.code
    assert leader.epoch_error(6) == UnknownLeaderEpoch.code


def test_the_high_watermark_never_moves_back_when_the_flush_setting_changes() -> None:
    leader = elected(group=False)
    offer(leader, 1, count=4)
    assert leader.on_flush_mode(True) == []
    assert leader.high_watermark == 4
    offer(leader, 2)
    assert leader.on_flush_mode(False) == [Committed(5), Answer(2, NONE, base_offset=4)]


LIVES = {broker: BrokerLife(70 + broker, True) for broker in (ME, 2, 3)}


def stands(broker: int, end: int, epoch: int = 4) -> Standing:
    return Standing(epoch, 70 + broker, epoch, end, end)


def leading(*isr: int, end: int = 0) -> Leader:
    leader = candidate(group=False)
    leader.on_elected(record(4, isr), end, end, 0, 0)
    return leader


def test_acks_all_waits_for_every_replica_in_sync() -> None:
    leader = leading(ME, 2)
    assert offer(leader, 1) == []
    assert leader.on_fetch(2, stands(2, 1), LIVES, 0) == [
        Committed(1),
        Answer(1, NONE, base_offset=0),
    ]


def test_a_new_leader_tells_no_end_before_its_followers_were_heard() -> None:
    leader = leading(ME, 2, end=10)
    assert leader.offset_error() == OffsetNotAvailable.code
    leader.on_fetch(2, stands(2, 10), LIVES, 0)
    assert leader.offset_error() == NONE


def test_a_replica_that_has_caught_up_is_proposed() -> None:
    leader = leading(ME)
    (propose,) = leader.on_fetch(2, stands(2, 0), LIVES, 0)
    assert isinstance(propose, Propose)
    assert propose.proposal.isr == (ME, 2)


def test_who_waits_while_too_few_are_left_is_told_that_it_may_be_lost() -> None:
    leader = leading(ME, 2)
    offer(leader, 1)
    image = replace(record(4, (ME,), partition_epoch=1), min_isr=2)
    assert leader.on_image(image) == [Answer(1, NotEnoughReplicasAfterAppend.code, base_offset=0)]


@pytest.mark.parametrize(
    ("standing", "error"),
    [
        (stands(2, 0), None),
        (stands(2, 0, epoch=3), FencedLeaderEpoch),
        (stands(2, 0, epoch=5), UnknownLeaderEpoch),
        (stands(3, 0), StaleBrokerEpoch),
    ],
)
def test_a_replica_of_another_epoch_or_life_is_not_heard(standing: Standing, error: type) -> None:
    code = leading(ME, 2).fetch_error(2, standing, LIVES[2])
    assert code == (error.code if error else NONE)


def test_a_broker_that_is_no_replica_is_not_heard() -> None:
    assert leading(ME).fetch_error(9, stands(9, 0), BrokerLife(79, True)) == NotLeader.code
