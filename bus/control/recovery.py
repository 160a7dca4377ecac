"""A partition that nobody may lead for certain: who leads it all the same (R30).

Its in-sync set and its eligible leaders are all gone, as after a power failure of all brokers where
records are not flushed before they are acknowledged (flush=os).

flush   Condition                                     Change
-----   ---------                                     ------
os      all that were eligible last are back, and     of all that are there the one of the latest
        have told how far their logs go               epoch, of these the longest log: it leads,
                                                      alone in sync
os      some are back, for RECOVERY_WAIT_MS           the same
group   always                                        none: only lost disks lead there, and an
                                                      operator has to know of it (unclean.py)

Who wrote in the latest epoch holds all that was committed before it, so with all of them back only
what nobody has any more is lost. It may have been acknowledged: each such change leaves a record.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bus.control import election
from bus.control.change import Draft
from bus.control.knowledge import LogEnd
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.recoveries import Cause, RecoveryRecord

RECOVERY_WAIT_MS = 30_000
UNKNOWN = LogEnd(-1, -1)  # of who has started again since it was removed: waited for, then last


@dataclass(slots=True)
class Recovery:
    """Since when partitions wait."""

    _since_ms: dict[PartitionId, int] = field(default_factory=dict)

    def recover(self, draft: Draft) -> None:
        """Those whose time has come."""
        known = draft.known
        lost = {pid for pid in known.leaderless if _is_lost(draft, pid)}
        for pid in self._since_ms.keys() - lost:
            del self._since_ms[pid]
        for pid in lost:
            since_ms = self._since_ms.setdefault(pid, known.now_ms)
            image = draft.image(pid)
            ends = known_ends(draft, pid, image)
            is_whole = all(ends.get(broker, UNKNOWN) != UNKNOWN for broker in image.last_elr)
            if ends and (is_whole or known.now_ms - since_ms >= RECOVERY_WAIT_MS):
                self._lead(draft, pid, ends)

    def next_ms(self) -> int | None:
        """When the first has waited for long enough."""
        first_ms = min(self._since_ms.values(), default=None)
        return None if first_ms is None else first_ms + RECOVERY_WAIT_MS

    def _lead(self, draft: Draft, pid: PartitionId, ends: Mapping[int, LogEnd]) -> None:
        image = draft.image(pid)
        leader = max(ends, key=lambda broker: (ends[broker], -broker))
        seen = max(end.end_offset for end in ends.values())
        draft.put(pid, election.recovered(image, leader))
        draft.change.recovered[pid] = RecoveryRecord(
            image.leader_epoch + 1,
            leader,
            Cause.BALANCED,
            image.isr,
            image.elr,
            image.last_elr,
            ends[leader].end_offset,
            seen,
        )


def _is_lost(draft: Draft, pid: PartitionId) -> bool:
    image = draft.image(pid)
    return not (image.isr or image.elr) and pid.topic_id in draft.known.unflushed


def known_ends(draft: Draft, pid: PartitionId, image: PartitionImage) -> Mapping[int, LogEnd]:
    """How far the logs of its replicas go, of those that are there."""
    known, staying = draft.known, draft.staying()
    found: dict[int, LogEnd] = {}
    for broker in image.replicas:
        if broker in staying:
            report = known.reports.get(broker)
            is_recent = report is not None and report.epoch == known.brokers[broker].epoch
            found[broker] = report.suspects.get(pid, UNKNOWN) if report and is_recent else UNKNOWN
    return found
