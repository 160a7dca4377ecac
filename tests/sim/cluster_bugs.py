"""Bugs of replication, planted: each is what others had, and a rule of ours forbids."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from uuid import UUID

from bus.broker import judging
from bus.broker.following import Following
from bus.broker.mirror import Mirror
from bus.broker.partition import Partition
from bus.control import election, recovery, wishes
from bus.control.change import Draft
from bus.control.follower import Follower, LogEnds
from bus.control.insync import InSync
from bus.control.leader import Leader
from bus.control.recovery import UNKNOWN, Recovery
from bus.errors import NONE
from bus.log import truncation
from bus.log.epochs import EpochCache
from bus.log.standing import Verdict
from bus.model.stored_brokers import BrokerState
from tests.sim import churn
from tests.sim.patched import patched


def truncate_to_high_watermark() -> AbstractContextManager[None]:
    """KIP-101."""

    def assign(following: Following, changed: Any) -> None:
        for partition in changed:
            log = partition.log
            if partition.follower is not None and log.read_only is None:
                log.truncate(max(log.start_offset, min(log.high_watermark, log.end_offset)))
        before(following, changed)

    before = Following.assign
    return patched(Following, "assign", assign)


def unknown_epoch_answered() -> AbstractContextManager[None]:
    """KIP-279: an epoch that is not known ends where the log does."""

    def end_offset_for(cache: EpochCache, epoch: int, log_end: int) -> tuple[int, int]:
        found = before(cache, epoch, log_end)
        return found if found[0] == epoch else (epoch, log_end)

    before = EpochCache.end_offset_for
    return patched(EpochCache, "end_offset_for", end_offset_for)


def fetch_not_fenced() -> AbstractContextManager[None]:
    """KIP-320: whoever asks is heard, whatever epoch and life it is in."""
    return patched(Leader, "fetch_error", lambda leader, broker, standing, life: NONE)


def smaller_isr_at_once() -> AbstractContextManager[None]:
    """KIP-497: what was proposed counts, and the set that it replaces does not."""

    def count(insync: InSync) -> None:
        before(insync)
        proposal = insync.proposal
        insync.maximal = frozenset(insync.image.isr if proposal is None else proposal.isr)

    before = InSync._count
    return patched(InSync, "_count", count)


def expansion_not_counted() -> AbstractContextManager[None]:
    """KIP-497: who was proposed is not waited for until it is known to be in sync."""

    def count(insync: InSync) -> None:
        before(insync)
        insync.maximal = frozenset(insync.image.isr)

    before = InSync._count
    return patched(InSync, "_count", count)


def broker_epoch_not_compared() -> AbstractContextManager[None]:
    """KIP-903."""

    def lives_in(draft: Draft, broker: int, epoch: int) -> bool:
        record = draft.record(broker)
        return record is not None and record.state is BrokerState.ACTIVE

    return patched(Draft, "lives_in", lives_in)


def fenced_broker_joins() -> AbstractContextManager[None]:
    """KIP-841."""

    def lives_in(draft: Draft, broker: int, epoch: int) -> bool:
        record = draft.record(broker)
        return record is not None and record.epoch == epoch

    return patched(Draft, "lives_in", lives_in)


def commits_below_min_isr() -> AbstractContextManager[None]:
    """KIP-966."""

    def count(insync: InSync) -> None:
        before(insync)
        insync.is_enough = True

    before = InSync._count
    return patched(InSync, "_count", count)


def no_eligible_leaders() -> AbstractContextManager[None]:
    """KIP-966: the last replica standing may go, and another one leads."""

    def changed(image: Any, isr: Any, **rest: Any) -> Any:
        return replace(before(image, isr, **rest), elr=())

    before = election._changed
    return patched(election, "_changed", changed)


def end_told_too_early() -> AbstractContextManager[None]:
    """KIP-207."""
    return patched(Leader, "offset_error", lambda leader: NONE)


def old_command_obeyed() -> AbstractContextManager[None]:
    """KIP-570: what a leader has asked for in another term, or on another record, is done."""

    def refusal(wish: Any, image: Any, draft: Draft) -> int:
        if image is not None:
            epochs = {"leader_epoch": image.leader_epoch, "partition_epoch": image.partition_epoch}
            wish = replace(wish, **epochs)
        return before(wish, image, draft)

    before = wishes._refusal
    return patched(wishes, "_refusal", refusal)


def topic_known_by_name() -> AbstractContextManager[None]:
    """KIP-516: a topic that is made again is the one that was deleted."""
    return patched(churn, "new_id", lambda number: UUID(int=churn.FIRST_ID))


def controller_not_fenced() -> AbstractContextManager[None]:
    """R3: who has lost the control of the cluster, and does not know it, goes on writing."""

    def transact(mirror: Mirror, writes: Any, guards: Any, done: Any) -> None:
        before(mirror, writes, {}, done)

    before = Mirror.transact
    return patched(Mirror, "transact", transact)


def unclean_election() -> AbstractContextManager[None]:
    """Whoever is there may lead."""

    def first(replicas: Any, among: Any, active: Any) -> int:
        found = before(replicas, among, active)
        return found if found >= 0 else before(replicas, replicas, active)

    before = election._first
    return patched(election, "_first", first)


def shortest_log_recovers() -> AbstractContextManager[None]:
    """R30: of those who are left the one that holds least."""

    def lead(waiting: Recovery, draft: Draft, pid: Any, ends: Any) -> None:
        least = min((end, broker) for broker, end in ends.items() if end != UNKNOWN)
        before(waiting, draft, pid, {least[1]: least[0]})

    before = Recovery._lead
    return patched(Recovery, "_lead", lead)


def recovers_without_waiting() -> AbstractContextManager[None]:
    """R30: whoever is back first leads."""

    def ends(draft: Draft, pid: Any, image: Any) -> Any:
        found = before(draft, pid, image)
        back = [broker for broker, end in found.items() if end != UNKNOWN]
        return _Whole({broker: found[broker] for broker in back})

    before = recovery.known_ends
    return patched(recovery, "known_ends", ends)


class _Whole(dict):
    """Of all that are asked for."""

    def get(self, broker: Any, default: Any = None) -> Any:
        return super().get(broker)


def follower_halts_at_a_loss() -> AbstractContextManager[None]:
    """R13: a follower of flush=os halts where its leader has lost what was committed."""
    return patched(Follower, "_may_lose", lambda follower, ends: False)


def followers_tell_before_flush() -> AbstractContextManager[None]:
    """R15: what stands in a follower's log it tells as flushed."""

    def ends(partition: Any) -> LogEnds:
        own = before.fget(partition)
        return replace(own, flushed_offset=own.end_offset)

    before = Partition.ends
    return patched(Partition, "ends", property(ends))


def cut_index_kept() -> AbstractContextManager[None]:
    """S7: what a segment's index says of the records that were cut stays in it."""

    def cut(log: Any, segment: Any, *how: Any) -> None:
        index = segment.indexes()
        before(log, segment, *how)
        segment._indexes = index

    before = truncation._cut_segment
    return patched(truncation, "_cut_segment", cut)


def intact_replica_removed() -> AbstractContextManager[None]:
    """A start is never believed, so nobody is left who may lead."""
    return patched(judging, "judge", lambda *facts: Verdict(False, "It has restarted."))


def suspect_replica_kept() -> AbstractContextManager[None]:
    """A start is always believed."""
    return patched(judging, "judge", lambda *facts: Verdict(True, "It says so."))
