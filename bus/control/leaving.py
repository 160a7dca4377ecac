"""Controlled shutdown: a broker that will stop hands over what it leads, and leaves.

It asks       State    Change
-------       -----    ------
to leave      active   leaving: it joins no in-sync set any more
                       what it leads, and another one in sync can lead: led by that one
                       where enough others are in sync: without it
again         leaving  the same, until nothing is left that others could take over soon
              leaving  then fence it, with what it is still in, and this life is over (clean_epoch)
at its time   leaving  the same at once

Two steps, so that no leader proposes a set with it again. Its partitions are led on by it until the
store says otherwise: nobody is without a leader for a moment longer than the news takes.
"""

from dataclasses import replace

from bus.control import election
from bus.control.change import Draft
from bus.model.cluster import PartitionImage
from bus.model.stored_brokers import BrokerState


def leave(draft: Draft, due: dict[int, int]) -> None:
    """`due`: who has asked, and must go now, in which epoch."""
    for broker in list(draft.known.in_state(BrokerState.LEAVING)):
        if broker not in draft.change.brokers:
            _hand_over(draft, broker, is_due=_is_due(draft, broker, due))


def begin(draft: Draft, asked: dict[int, int]) -> None:
    """`asked`: who wants to leave, in which epoch."""
    for broker, epoch in asked.items():
        record = draft.known.brokers.get(broker)
        if record is None or record.epoch != epoch or broker in draft.change.brokers:
            continue
        if record.state is BrokerState.ACTIVE:
            draft.change.brokers[broker] = replace(record, state=BrokerState.LEAVING)


def _is_due(draft: Draft, broker: int, due: dict[int, int]) -> bool:
    return due.get(broker) == draft.known.brokers[broker].epoch


def _hand_over(draft: Draft, broker: int, *, is_due: bool) -> None:
    staying = draft.staying()
    is_waiting = has_changed = False
    for pid in draft.known.held.get(broker, ()):
        image = draft.image(pid)
        if broker not in image.isr:
            continue
        left = election.left(image, broker, staying)
        has_changed |= draft.put(pid, left)
        is_waiting |= broker in left.isr and _can_wait(left, broker, staying)
    if is_due or not (has_changed or is_waiting):
        _let_go(draft, broker)


def _can_wait(image: PartitionImage, broker: int, staying: object) -> bool:
    """Could others take its place soon: are there enough that are there?"""
    assert isinstance(staying, set), "of brokers"
    others = sum(other in staying for other in image.replicas if other != broker)
    return others >= (1 if image.leader == broker else image.min_isr)


def _let_go(draft: Draft, broker: int) -> None:
    record = draft.known.brokers[broker]
    gone = replace(record, state=BrokerState.FENCED, clean_epoch=record.epoch)
    draft.change.brokers[broker] = gone
    active, staying = draft.active(), draft.staying()
    for pid in draft.known.held.get(broker, ()):
        draft.put(pid, election.fenced(draft.image(pid), broker, active, staying))
