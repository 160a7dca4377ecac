"""Bugs that are planted to see whether the simulator finds them: the check on the checker.

A bug is a name, the rule it breaks, and a way to switch it on for as long as worlds run; product
code knows nothing of it. Those of a cluster (replication.md, section 6) have their place here and
nothing behind it until replication stands.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from bus.control.leader import Leader
from bus.log import group_commit, records
from bus.log.partition_log import PartitionLog
from bus.log.producers import ProducerTable
from bus.log.recovery import _Recovery
from bus.log.store import LogStore
from tests.sim import cluster_bugs as cluster
from tests.sim.patched import patched

Switch = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Bug:
    """`breaks`: the rule of replication.md that forbids it."""

    breaks: str
    what: str
    brokers: int
    switch: Switch


def _ack_before_flush() -> AbstractContextManager[None]:
    def advance(leader: Leader) -> list:
        leader.flushed_offset, flushed = leader.end_offset, leader.flushed_offset
        effects = before(leader)
        leader.flushed_offset = flushed
        return effects

    before = Leader._advance
    return patched(Leader, "_advance", advance)


def _flush_journal_forgotten() -> AbstractContextManager[None]:
    return patched(records, "parse_entries", lambda payloads: {})


def _rolled_segment_not_synced() -> AbstractContextManager[None]:
    def begin_commit(log: PartitionLog, whole: bool) -> tuple[list, int]:
        taken, end = before(log, whole)
        return taken[-1:], end

    before = PartitionLog.begin_commit
    return patched(PartitionLog, "begin_commit", begin_commit)


def _producers_forgotten() -> AbstractContextManager[None]:
    def run(recovery: _Recovery) -> Any:
        recovered = before(recovery)
        recovered.producers = ProducerTable()
        return recovered

    before = _Recovery.run
    return patched(_Recovery, "run", run)


def _tail_not_written_again() -> AbstractContextManager[None]:
    return patched(PartitionLog, "write_uncommitted_again", lambda log: None)


def _epochs_not_synced() -> AbstractContextManager[None]:
    def persist(store: LogStore, entries: Any) -> None:
        for partition, epoch, start_offset in entries:
            store.get(partition).epochs.assign(epoch, start_offset)

    return patched(LogStore, "persist_epochs", persist)


def _sync_error_ignored() -> AbstractContextManager[None]:
    def on_done(commits: group_commit.GroupCommit, error: OSError | None) -> None:
        before(commits, None)

    before = group_commit.GroupCommit._on_done
    return patched(group_commit.GroupCommit, "_on_done", on_done)


BUGS: dict[str, Bug] = {
    "ack-before-flush": Bug(
        "R17", "what is written counts as committed in flush=group", 1, _ack_before_flush
    ),
    "flush-journal-forgotten": Bug(
        "S6", "a start takes the checkpoint's flushed offset for all", 1, _flush_journal_forgotten
    ),
    "rolled-segment-not-synced": Bug(
        "S3", "a commit syncs the last of the segments alone", 1, _rolled_segment_not_synced
    ),
    "producers-forgotten": Bug(
        "R25", "a start does not know what producers have sent", 1, _producers_forgotten
    ),
    "tail-not-written-again": Bug(
        "S4", "a start trusts a sync after one that failed", 1, _tail_not_written_again
    ),
    "epochs-not-synced": Bug(
        "R8", "an epoch is led in before it is durable", 1, _epochs_not_synced
    ),
    "sync-error-ignored": Bug("S4", "a failed sync counts as done", 1, _sync_error_ignored),
    # --- of a cluster ---
    "truncate-to-high-watermark": Bug("R12", "KIP-101", 3, cluster.truncate_to_high_watermark),
    "unknown-epoch-answered": Bug("R12", "KIP-279", 3, cluster.unknown_epoch_answered),
    "fetch-not-fenced": Bug("R11", "KIP-320", 3, cluster.fetch_not_fenced),
    "smaller-isr-at-once": Bug("R17", "KIP-497", 3, cluster.smaller_isr_at_once),
    "expansion-not-counted": Bug("R21", "KIP-497", 3, cluster.expansion_not_counted),
    "broker-epoch-not-compared": Bug("R4", "KIP-903", 3, cluster.broker_epoch_not_compared),
    "fenced-broker-joins": Bug("R4", "KIP-841", 3, cluster.fenced_broker_joins),
    "commits-below-min-isr": Bug("R17", "KIP-966", 3, cluster.commits_below_min_isr),
    "no-eligible-leaders": Bug(
        "R6", "KIP-966, last replica standing", 3, cluster.no_eligible_leaders
    ),
    "end-told-too-early": Bug("R9", "KIP-207", 3, cluster.end_told_too_early),
    "old-command-obeyed": Bug("R4", "KIP-570", 3, cluster.old_command_obeyed),
    "topic-known-by-name": Bug("R10", "KIP-516", 3, cluster.topic_known_by_name),
    "controller-not-fenced": Bug("R3", "a zombie writes", 3, cluster.controller_not_fenced),
    "unclean-election": Bug(
        "R6", "a replica outside isr and elr leads", 3, cluster.unclean_election
    ),
    "suspect-replica-kept": Bug("R2", "safety", 3, cluster.suspect_replica_kept),
    "shortest-log-recovers": Bug("R30", "who holds least leads", 3, cluster.shortest_log_recovers),
    "recovers-without-waiting": Bug(
        "R30", "who is back first leads", 3, cluster.recovers_without_waiting
    ),
    "follower-halts-at-a-loss": Bug(
        "R13",
        "flush=os: what its leader has lost it keeps (I20)",
        3,
        cluster.follower_halts_at_a_loss,
    ),
    "cut-index-kept": Bug("S7", "an index tells of what was cut", 3, cluster.cut_index_kept),
    "followers-tell-before-flush": Bug(
        "R15", "what is written is told as flushed (I15)", 3, cluster.followers_tell_before_flush
    ),
    "intact-replica-removed": Bug("R2", "liveness (I20)", 3, cluster.intact_replica_removed),
}


def switched(name: str | None) -> AbstractContextManager[None]:
    """With that bug, or with none."""
    if name is None:
        return nullcontext()
    return BUGS[name].switch()
