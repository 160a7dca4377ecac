"""An operator has a partition led by who may lack what was committed (R7, R13).

Command about                                    Answer
-------------                                    ------
an unknown partition                             UnknownTopicOrPartition
one that is led                                  ElectionNotNeeded
one of whose isr or elr somebody has a session   InvalidRequest: that one will lead, without loss
the same, who is away and not said to be lost    InvalidRequest: it may come back
a named leader that is no replica                InvalidRequest
nobody who could lead, or not the named one      EligibleLeadersNotAvailable
any other                                        the named one leads; or of those that are there the
                                                 one with the latest epoch and the longest log

How far a log goes is known of suspects alone, which report it; a hint, as no choice makes it safe.
"""

from collections.abc import Mapping

from bus.control import election
from bus.control.change import Draft, Reply
from bus.control.commands import UncleanElection
from bus.control.recovery import known_ends
from bus.errors import InvalidRequest, UnknownTopicOrPartition
from bus.model.cluster import NO_LEADER, PartitionImage
from bus.model.recoveries import Cause, RecoveryRecord
from bus.model.replication_errors import ElectionNotNeeded, EligibleLeadersNotAvailable


def elect_unclean(draft: Draft, asked: Mapping[int, UncleanElection]) -> None:
    """By ticket."""
    for ticket, wanted in asked.items():
        image = draft.find(wanted.pid)
        if image is None:
            draft.replies.append(Reply(ticket, UnknownTopicOrPartition.code))
        elif image.leader != NO_LEADER:
            draft.replies.append(Reply(ticket, ElectionNotNeeded.code))
        elif (why_not := _why_not(draft, image, wanted)) is not None:
            draft.replies.append(Reply(ticket, InvalidRequest.code, why_not))
        else:
            _elect(draft, ticket, wanted, image)


def _why_not(draft: Draft, image: PartitionImage, wanted: UncleanElection) -> str | None:
    clean = sorted({*image.isr, *image.elr})
    there = [broker for broker in clean if broker in draft.known.lives]
    if there:
        return f"{_those(there)} all that was committed and will lead by itself; wait for it."
    if not set(clean) <= set(wanted.lost):
        return (
            f"{_those(clean)} all that was committed: start {'it' if len(clean) == 1 else 'one'}, "
            "and nothing is lost. Only if that can never be, say that they are lost."
        )
    if wanted.leader != NO_LEADER and wanted.leader not in image.replicas:
        return f"Broker {wanted.leader} holds no replica of it."
    return None


def _those(brokers: list[int]) -> str:
    if len(brokers) == 1:
        return f"Broker {brokers[0]} holds"
    return f"Brokers {', '.join(map(str, brokers))} hold"


def _elect(draft: Draft, ticket: int, wanted: UncleanElection, image: PartitionImage) -> None:
    ends = known_ends(draft, wanted.pid, image)
    if wanted.leader != NO_LEADER:
        ends = {broker: end for broker, end in ends.items() if broker == wanted.leader}
    if not ends:
        draft.replies.append(Reply(ticket, EligibleLeadersNotAvailable.code))
        return
    leader = max(ends, key=lambda broker: ends[broker])  # of equal ones the first replica
    end_offset = ends[leader].end_offset if wanted.end_offset < 0 else wanted.end_offset
    record = RecoveryRecord(
        image.leader_epoch + 1,
        leader,
        Cause.OPERATOR,
        image.isr,
        image.elr,
        image.last_elr,
        end_offset,
        wanted.seen_offset,
        wanted.by,
    )
    draft.put(wanted.pid, election.recovered(image, leader))
    draft.change.recovered[wanted.pid] = record
    draft.change.granted.append(ticket)
