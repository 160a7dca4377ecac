"""Exchanging the replicas of partitions (R24): what may be asked for, and when it is done.

Asked for            Refused with               If
---------            ------------               --
other replicas       UnknownTopicOrPartition    there is no such partition
                     InvalidReplicaAssignment   they are none, one twice, fewer than have to be in
                                                sync, or one is unknown, removed or being drained
                     ThrottlingQuotaExceeded    as many partitions as may are moving
none: cancel it      NoReassignmentInProgress   it is not moving
                     NotEnoughReplicas          too few of the replicas before are in sync

New replicas are added first, and take part like any. Once all of them are in sync, one change takes
the old ones away, so that no fewer copies than before count at any time. The order of replicas
alone changes at once. While replicas are exchanged, another exchange may replace the first.
"""

from collections.abc import Collection, Mapping

from bus.control import election
from bus.control.change import Draft, Reply
from bus.control.commands import Reassignment
from bus.errors import (
    NONE,
    InvalidReplicaAssignment,
    NotEnoughReplicas,
    ThrottlingQuotaExceeded,
    UnknownTopicOrPartition,
)
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.replication_errors import NoReassignmentInProgress
from bus.model.stored_brokers import BrokerState

Refusal = tuple[int, str | None]


def reassign(draft: Draft, asked: Mapping[int, Reassignment], moves_max: int) -> None:
    """By ticket."""
    for ticket, wanted in asked.items():
        error, detail = _begin(draft, wanted, moves_max)
        if error == NONE and wanted.pid in draft.change.partitions:
            draft.change.granted.append(ticket)
        else:
            draft.replies.append(Reply(ticket, error, detail))


def complete(draft: Draft) -> None:
    """Those whose new replicas are all in sync."""
    active = draft.active() if draft.known.moving else ()
    for pid in draft.known.moving:
        draft.put(pid, election.completed(draft.image(pid), active))


def room(draft: Draft, moves_max: int) -> int:
    """How many more partitions may begin to move."""
    begun = sum(bool(image.adding) for image in draft.change.partitions.values())
    return max(0, moves_max - len(draft.known.moving) - begun)


def _begin(draft: Draft, wanted: Reassignment, moves_max: int) -> Refusal:
    image = draft.find(wanted.pid)
    if image is None:
        return UnknownTopicOrPartition.code, None
    is_moving = bool(image.adding or image.removing)
    if wanted.replicas is None:
        return (
            _cancel(draft, wanted.pid, image)
            if is_moving
            else (NoReassignmentInProgress.code, None)
        )
    wrong = _fault(draft, wanted.replicas, image.min_isr)
    if wrong is not None:
        return InvalidReplicaAssignment.code, wrong
    is_new = bool(set(wanted.replicas) - set(image.replicas))
    if is_new and not is_moving and room(draft, moves_max) == 0:
        return ThrottlingQuotaExceeded.code, (
            f"The replicas of {moves_max} partitions are being exchanged; ask again when some are "
            "done."
        )
    draft.put(wanted.pid, election.reassigned(image, wanted.replicas))
    return NONE, None


def _cancel(draft: Draft, pid: PartitionId, image: PartitionImage) -> Refusal:
    cancelled = election.cancelled(image, draft.active())
    if cancelled is image:
        return NotEnoughReplicas.code, "Too few of the replicas before are in sync."
    draft.put(pid, cancelled)
    return NONE, None


def _fault(draft: Draft, replicas: Collection[int], min_isr: int) -> str | None:
    if len(set(replicas)) != len(replicas):
        return "A broker is named twice."
    if len(replicas) < max(1, min_isr):
        return f"{len(replicas)} replicas are too few; {min_isr} have to be in sync."
    for broker in replicas:
        record = draft.record(broker)
        if record is None or record.state is BrokerState.REMOVED:
            return f"There is no broker {broker}."
        if record.is_draining:
            return f"Broker {broker} is being drained."
    return None
