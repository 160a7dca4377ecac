"""Who counts: the dead are fenced, and whoever has started is taken in (R1, R2, R6).

Fact                     Condition                 Change, in this order
----                     ---------                 ------
a broker is silent       it counts                 what it led and held, fence it (R6)
a broker has restarted   it counts, another life   what it led, fence it (R2)
it has reported          it suspects partitions    nothing counts on those (R2)
it has reported          nothing of that is left   accept its new life: active (R1)
a fenced one reports     in the accepted life      active, unless that life has taken its leave
a record is new          its leader is fenced      the next one leads

That a fenced broker is there again is believed of its own word alone, given since it was fenced: a
link comes up for the next life, too, and what the last one held may be gone by then (KIP-903).
Fencing a broker is one change, however many partitions it led.
"""

from dataclasses import replace

from bus.control import election
from bus.control.change import Draft
from bus.control.knowledge import COUNTED, Report
from bus.model.ids import PartitionId
from bus.model.stored_brokers import NO_EPOCH, BrokerEpochRecord, BrokerState


def fence(draft: Draft) -> None:
    """Whoever is silent, or lives another life than the accepted one."""
    known = draft.known
    for broker in sorted(known.unsettled & known.brokers.keys()):
        record = known.brokers[broker]
        is_silent = broker in known.silent
        has_restarted = known.lives.get(broker, record.epoch) != record.epoch
        if record.state not in COUNTED or not (is_silent or has_restarted):
            continue
        draft.change.brokers[broker] = replace(record, state=BrokerState.FENCED)
        lose = election.fenced if is_silent else election.restarted
        active, staying = draft.active(), draft.staying()
        for pid in known.held.get(broker, ()):
            draft.put(pid, lose(draft.image(pid), broker, active, staying))


def accept(draft: Draft) -> None:
    """Whoever is fenced and there: first what it suspects, then, in another change, itself."""
    known = draft.known
    for broker in sorted(known.unsettled & known.lives.keys()):
        epoch, record = known.lives[broker], known.brokers.get(broker)
        is_out = record is None or record.state in (BrokerState.FENCED, BrokerState.REMOVED)
        if not is_out or broker in known.silent or broker in draft.change.brokers:
            continue
        report = known.reports.get(broker)
        if report is None or report.epoch != epoch:
            continue
        if record is not None and record.epoch == epoch:
            if record.clean_epoch != epoch and record.state is BrokerState.FENCED:
                draft.change.brokers[broker] = replace(record, state=BrokerState.ACTIVE)
            continue
        if not _suspect(broker, report, draft):
            draft.change.brokers[broker] = _accepted(record, report)


def look_at_new(draft: Draft) -> None:
    """Who is fenced leads nothing, also of what was made while it was being fenced."""
    of_the_fenced: list[PartitionId] = []
    for pid in list(draft.known.new):
        leader = draft.record(draft.image(pid).leader)
        if leader is not None and leader.state not in COUNTED:
            of_the_fenced.append(pid)
        else:
            draft.known.new.discard(pid)
    if not of_the_fenced:
        return
    active, staying = draft.active(), draft.staying()
    for pid in of_the_fenced:
        image = draft.image(pid)
        draft.put(pid, election.restarted(image, image.leader, active, staying))


def _accepted(before: BrokerEpochRecord | None, report: Report) -> BrokerEpochRecord:
    """Its new life; what an operator has said of the broker stays."""
    return BrokerEpochRecord(
        report.epoch,
        BrokerState.ACTIVE,
        before.clean_epoch if before is not None else NO_EPOCH,
        report.disk_ids,
        report.boot_id,
        before is not None and before.is_draining,
        before.others if before is not None else {},
    )


def _suspect(broker: int, report: Report, draft: Draft) -> bool:
    """Take it out of all sets that count on what it may have lost; whether it was in any."""
    found = False
    active, staying = draft.active(), draft.staying()
    for pid in report.suspects.keys() & draft.known.held.get(broker, set()):
        image = draft.image(pid)
        if broker in (*image.isr, *image.elr):
            found = True
            draft.put(pid, election.suspected(image, broker, active, staying))
    return found
