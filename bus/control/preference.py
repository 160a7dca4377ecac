"""Preferred leaders: leadership goes back to the first replica, by itself or by command.

A partition strays when another one than its first replica leads it. That one leads it again when

    it is in sync, and its broker stays and is not being drained
    that broker has been active for REST_MS: one that comes and goes is not followed back and forth
    no replicas of the partition are being exchanged

at most RESTORED_MAX partitions each RESTORE_MS, so that clients find their leaders again a few at a
time. By command it is at once.

Command of          Answer
----------          ------
an unknown one      UnknownTopicOrPartition
one that strays     led by its first replica; PreferredLeaderNotAvailable if that cannot be
another one         ElectionNotNeeded
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bus.control import election
from bus.control.change import Draft, Reply
from bus.errors import UnknownTopicOrPartition
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.replication_errors import ElectionNotNeeded, PreferredLeaderNotAvailable

REST_MS = 5000
RESTORE_MS = 1000
RESTORED_MAX = 500


@dataclass(slots=True)
class Preference:
    """When the next batch is due."""

    due_ms: int = 0

    def restore(self, draft: Draft) -> None:
        """The next batch, if its time has come."""
        known = draft.known
        if not known.strayed or known.now_ms < self.due_ms:
            return
        self.due_ms = known.now_ms + RESTORE_MS
        rested = {b for b in _willing(draft) if known.now_ms - known.since_ms[b] >= REST_MS}
        count = 0
        for pid in known.strayed if rested else ():
            image = draft.image(pid)
            if _may_return(image, rested):
                count += draft.put(pid, election.moved(image, image.replicas[0]))
            if count == RESTORED_MAX:
                return


def elect(draft: Draft, asked: Mapping[int, PartitionId]) -> None:
    """By ticket."""
    willing = _willing(draft) if asked else ()
    for ticket, pid in asked.items():
        image = draft.find(pid)
        if image is None:
            draft.replies.append(Reply(ticket, UnknownTopicOrPartition.code))
        elif image.leader == image.replicas[0]:
            draft.replies.append(Reply(ticket, ElectionNotNeeded.code))
        elif not _may_return(image, willing):
            draft.replies.append(Reply(ticket, PreferredLeaderNotAvailable.code))
        else:
            draft.put(pid, election.moved(image, image.replicas[0]))
            draft.change.granted.append(ticket)


def _willing(draft: Draft) -> Collection[int]:
    """Who may be given more to lead."""
    brokers = draft.known.brokers
    return {broker for broker in draft.staying() if not brokers[broker].is_draining}


def _may_return(image: PartitionImage, willing: Collection[int]) -> bool:
    preferred = image.replicas[0]
    is_settled = not (image.adding or image.removing)
    return (
        preferred != image.leader and preferred in image.isr and preferred in willing and is_settled
    )
