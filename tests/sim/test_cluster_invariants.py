"""Each rule of replication finds a violation that is planted for it, and passes what is right."""

from dataclasses import replace

from bus.model.cluster import NO_LEADER, PartitionImage
from tests.sim import cluster_invariants as rules
from tests.sim.batches import Batch, batches_at
from tests.sim.cluster_invariants import Advance, Change

IMAGE = PartitionImage(1, 4, 7, 2, (1, 2, 3), (1, 2, 3))
ADVANCE = Advance(1, 4, 7, 20, frozenset({1, 2, 3}))


def log_of(*batches: tuple[int, int, int]) -> list[Batch]:
    """Of (base, epoch, crc), each batch of ten records."""
    return [Batch(base, base + 10, epoch, crc) for base, epoch, crc in batches]


GOOD = log_of((0, 1, 100), (10, 1, 101), (20, 2, 102))
COMMITTED = GOOD[:2]


def test_who_may_lead_holds_all_that_is_committed() -> None:
    logs = {1: GOOD, 2: GOOD[:2], 3: GOOD}
    assert rules.eligible_lacks_committed(IMAGE, logs, {}, COMMITTED) is None
    short = logs | {2: GOOD[:1]}
    assert "broker 2" in rules.eligible_lacks_committed(IMAGE, short, {}, COMMITTED)
    other = logs | {3: log_of((0, 1, 100), (10, 1, 999))}
    assert "broker 3" in rules.eligible_lacks_committed(IMAGE, other, {}, COMMITTED)


def test_a_batch_is_found_however_far_below_the_end_it_stands() -> None:
    log = log_of(*((base, 1, base) for base in range(0, 5000, 10)))
    assert batches_at(log, 30) == [log[3]]
    assert batches_at(log, 35) == batches_at(log, 5000) == batches_at([], 0) == []


def test_eligible_leaders_are_held_to_it_and_others_are_not() -> None:
    image = replace(IMAGE, isr=(1,), elr=(2,))
    logs = {1: GOOD, 2: GOOD[:1], 3: []}
    assert "broker 2" in rules.eligible_lacks_committed(image, logs, {}, COMMITTED)
    assert rules.eligible_lacks_committed(replace(image, elr=()), logs, {}, COMMITTED) is None


def test_what_was_deleted_from_the_start_is_not_missed() -> None:
    assert rules.lacks_committed(GOOD[1:], COMMITTED, 10) is None
    assert rules.lacks_committed(GOOD[1:], COMMITTED, 0) is not None


def test_a_leader_without_what_is_committed_is_found() -> None:
    assert rules.leader_lacks_committed(1, GOOD, 0, COMMITTED) is None
    assert "broker 1 leads" in rules.leader_lacks_committed(1, GOOD[:1], 0, COMMITTED)


def test_logs_may_part_and_not_meet_again() -> None:
    parted = log_of((0, 1, 100), (10, 3, 555))
    assert rules.logs_contradict(GOOD, parted) is None
    met = log_of((0, 1, 100), (10, 1, 555), (20, 2, 102))
    assert "crc" in rules.logs_contradict(GOOD, met)
    gap = [GOOD[0], GOOD[2]]
    assert rules.logs_contradict(GOOD, gap) is not None


def test_an_epoch_has_one_leader() -> None:
    history = [IMAGE, replace(IMAGE, leader=2, leader_epoch=5, partition_epoch=8)]
    assert rules.history_is_wrong(history) is None
    twice = [*history, replace(history[1], leader=3, partition_epoch=9)]
    assert "was led by 2 and by 3" in rules.history_is_wrong(twice)


def test_epochs_of_a_record_only_rise() -> None:
    again = [IMAGE, replace(IMAGE, isr=(1, 2))]
    assert "partition epoch 7" in rules.history_is_wrong(again)
    back = [IMAGE, replace(IMAGE, leader=2, leader_epoch=3, partition_epoch=8)]
    assert "leader epoch 3" in rules.history_is_wrong(back)


def test_who_leads_is_in_sync() -> None:
    assert rules.leader_is_not_in_sync(IMAGE) is None
    assert rules.leader_is_not_in_sync(replace(IMAGE, leader=NO_LEADER, isr=())) is None
    assert rules.leader_is_not_in_sync(replace(IMAGE, isr=(2, 3))) is not None


def change(**fields: object) -> Change:
    after = replace(IMAGE, isr=(1, 2), partition_epoch=8)
    return replace(Change(IMAGE, after, IMAGE, 50, 50, {}, {1: 30, 2: 31, 3: 32}), **fields)


def test_a_change_by_who_knew_an_older_record_is_found() -> None:
    assert rules.stale_change(change()) is None
    old = replace(IMAGE, partition_epoch=6)
    assert "partition epoch 6" in rules.stale_change(change(known=old))
    older = replace(IMAGE, leader_epoch=3)
    assert "leader epoch 3" in rules.stale_change(change(known=older))


def test_a_change_by_a_controller_of_old_is_found() -> None:
    assert "controller 49" in rules.stale_change(change(author_epoch=49))


def test_a_broker_that_has_begun_another_life_is_not_added() -> None:
    assert rules.stale_change(change(added={3: 32})) is None
    assert "lives in 32" in rules.stale_change(change(added={3: 31}))


def test_a_suspect_replica_may_not_lead() -> None:
    assert rules.suspect_may_lead(IMAGE, set()) is None
    assert "broker 3" in rules.suspect_may_lead(IMAGE, {3})
    assert "broker 3" in rules.suspect_may_lead(replace(IMAGE, isr=(1,), elr=(3,)), {3})


def test_a_high_watermark_of_one_leader_only_rises() -> None:
    up = [ADVANCE, replace(ADVANCE, high_watermark=30)]
    assert rules.true_high_watermark_falls(20, up) is None
    assert "back to 10" in rules.true_high_watermark_falls(
        20, [*up, replace(ADVANCE, high_watermark=10)]
    )


def test_what_was_committed_stays_so_under_the_next_leader() -> None:
    lower = [replace(ADVANCE, leader=2, leader_epoch=5, high_watermark=10)]
    assert "20 was committed" in rules.true_high_watermark_falls(20, lower)


def test_all_who_may_lead_are_counted() -> None:
    assert rules.not_all_are_counted(ADVANCE, IMAGE) is None
    fewer = replace(ADVANCE, maximal=frozenset({1, 2}))
    assert "[3] may lead" in rules.not_all_are_counted(fewer, IMAGE)
    assert rules.not_all_are_counted(fewer, replace(IMAGE, leader_epoch=5)) is None


def test_nothing_is_committed_with_too_few_in_sync() -> None:
    assert rules.too_few_in_sync(ADVANCE, IMAGE) is None
    assert rules.too_few_in_sync(ADVANCE, replace(IMAGE, isr=(1,))) is not None


def test_an_acknowledgement_is_durable_on_enough_disks() -> None:
    assert rules.too_few_durable(20, {1: 20, 2: 25, 3: 0}, 2) is None
    assert "[1]" in rules.too_few_durable(20, {1: 20, 2: 19, 3: 0}, 2)


def recovered(leader: int, there: dict[int, tuple[int, int]], waited_ms: float = 0, **more: bool):
    before = replace(IMAGE, leader=NO_LEADER, isr=(), elr=(), last_elr=(2, 3))
    after = replace(before, leader=leader, isr=(leader,), last_elr=())
    return rules.recovered_wrongly(before, after, there, waited_ms, more.get("flush_group", False))


def test_where_nobody_may_lead_the_longest_log_of_the_latest_epoch_leads() -> None:
    there = {2: (4, 90), 3: (5, 60)}
    assert recovered(3, there) is None
    assert "3 has (5, 60)" in recovered(2, there)
    assert "nobody of isr or elr" in recovered(3, there, flush_group=True)


def test_all_who_were_eligible_are_waited_for() -> None:
    assert "[2] were not waited for" in recovered(3, {3: (5, 60)})
    assert recovered(3, {3: (5, 60)}, rules.RECOVERY_WAIT_MS) is None
