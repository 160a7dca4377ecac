"""Replicas that move by themselves: off brokers that are drained, and towards an even cluster.

What is due                  When                                             As far as
-----------                  ----                                             ---------
a broker's replicas move     an operator drains it                            `moves_max` at a time
topics that follow the       all brokers are there, and have rested for a     the same
defaults gain replicas       moment; nobody is drained
replicas and leaders even    all brokers are there and have rested, nothing   the same
out                          moves, nobody is drained or about to stop
the broker is removed        by command: it is not there, and holds nothing   -

Each look plans anew from what the store holds, and begins what there is room for: whoever controls
next goes on. Nothing is looked at again before something has changed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bus.control import balance, election
from bus.control.change import Draft, Reply
from bus.control.commands import Command
from bus.control.placement import default_min_isr, default_replication_factor
from bus.control.policy import Policy
from bus.control.reassignment import room
from bus.errors import InvalidRequest
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.replication_errors import BrokerIdNotRegistered
from bus.model.stored_brokers import BrokerState

LOOK_MS = 1000
REST_MS = 10_000  # that all brokers have been there before anything is evened out
GROWTH_REST_MS = 2_000  # the same, before replicas are added: for brokers that join together


@dataclass(slots=True)
class Mover:
    """When to look again, and what was seen the last time."""

    due_ms: int = 0
    _even: int = -1  # the layout that needs no evening out

    def move(self, draft: Draft, policy: Policy) -> None:
        """Begin what is due and there is room for."""
        known = draft.known
        if known.now_ms < self.due_ms:
            return
        self.due_ms = known.now_ms + LOOK_MS
        draining = _draining(draft)
        left = room(draft, policy.moves_max)
        moves: balance.Moves = {}
        if draining:
            moves = _off(draft, draining, left)
        elif known.layout != self._even and _have_rested(draft, GROWTH_REST_MS):
            moves = _grown(draft, left)
            if not moves and _is_settled(draft):
                moves = _evened(draft, left) if policy.balances else {}
                if not moves:
                    self._even = known.layout
        for pid, replicas in moves.items():
            draft.put(pid, election.reassigned(draft.image(pid), replicas))

    def next_ms(self, draft: Draft) -> int | None:
        """When there may be something to move although nothing has changed."""
        known = draft.known
        is_draining = any(known.held.get(broker) for broker in _draining(draft))
        return self.due_ms if is_draining or known.layout != self._even else None


def obey(draft: Draft, asked: Mapping[int, Command]) -> None:
    """Commands about brokers, by ticket."""
    for ticket, command in asked.items():
        record = draft.record(command.broker)
        if record is None or record.state is BrokerState.REMOVED:
            draft.replies.append(Reply(ticket, BrokerIdNotRegistered.code))
            continue
        if command.is_removal:
            wrong = _why_not_removed(draft, command.broker)
            if wrong is not None:
                draft.replies.append(Reply(ticket, InvalidRequest.code, wrong))
                continue
            changed = replace(record, state=BrokerState.REMOVED, is_draining=False)
        else:
            changed = replace(record, is_draining=command.is_draining)
        draft.change.brokers[command.broker] = changed
        draft.change.granted.append(ticket)


def _why_not_removed(draft: Draft, broker: int) -> str | None:
    record = draft.record(broker)
    if record is not None and record.state is not BrokerState.FENCED:
        return f"Broker {broker} is there; stop it first."
    held = len(draft.known.held.get(broker, ()))
    if held:
        return f"Broker {broker} holds {held} partitions; drain it first."
    return None


def _draining(draft: Draft) -> set[int]:
    brokers = draft.known.brokers.items()
    return {
        broker
        for broker, record in brokers
        if record.is_draining and record.state is not BrokerState.REMOVED
    }


def _homes(draft: Draft) -> dict[int, str]:
    """Who may be given replicas, and its rack."""
    known = draft.known
    staying = sorted(draft.staying())
    return {b: known.racks.get(b, "") for b in staying if not known.brokers[b].is_draining}


def _off(draft: Draft, draining: set[int], left: int) -> balance.Moves:
    known = draft.known
    settled = {
        pid: known.partitions[pid].replicas
        for broker in sorted(draining)
        for pid in known.held.get(broker, ())
        if pid not in known.moving and pid not in draft.change.partitions
    }
    chosen = dict(list(settled.items())[:left])
    counts = {broker: len(pids) for broker, pids in known.held.items()}
    return balance.drained(chosen, _homes(draft), draining, counts, known.hosts)


def _grown(draft: Draft, left: int) -> balance.Moves:
    """Replicas that are to be added; of those that have enough, as many shall be in sync (5.4)."""
    known, homes = draft.known, _homes(draft)
    factor = default_replication_factor(max(1, len(homes)))
    small: dict[PartitionId, tuple[int, ...]] = {}
    for pid, image in _growing(draft):
        min_isr = default_min_isr(len(image.replicas))
        if len(image.replicas) < factor and pid not in known.moving:
            small[pid] = image.replicas
        elif image.min_isr < min_isr:
            draft.put(pid, election.with_min_isr(image, min_isr))
    counts = {broker: len(pids) for broker, pids in known.held.items()}
    return balance.grown(dict(list(small.items())[:left]), homes, factor, counts, known.hosts)


def _growing(draft: Draft) -> Iterator[tuple[PartitionId, PartitionImage]]:
    """Partitions of topics that follow a cluster's defaults, but for those that change anyhow."""
    known = draft.known
    for pid, image in known.partitions.items() if known.growing else ():
        if pid.topic_id in known.growing and pid not in draft.change.partitions:
            yield pid, image


def _evened(draft: Draft, left: int) -> balance.Moves:
    """All partitions are gone through only where the brokers differ at all."""
    known, homes = draft.known, _homes(draft)
    counts = {broker: len(known.held.get(broker, ())) for broker in homes}
    if balance.is_even(counts, {broker: known.named[broker] for broker in homes}):
        return {}
    held = {pid: image.replicas for pid, image in known.partitions.items()}
    moves = balance.balanced(held, homes, left, known.hosts)
    return moves or balance.led_evenly(held, left)


def _is_settled(draft: Draft) -> bool:
    """All brokers are there for good, and nothing moves."""
    return not (draft.known.moving or draft.change) and _have_rested(draft, REST_MS)


def _have_rested(draft: Draft, rest_ms: int) -> bool:
    """All brokers have been there for so long, and all partitions are led."""
    known = draft.known
    there = [(b, r.state) for b, r in known.brokers.items() if r.state is not BrokerState.REMOVED]
    return not known.leaderless and all(
        state is BrokerState.ACTIVE and known.now_ms - known.since_ms[broker] >= rest_ms
        for broker, state in there
    )
