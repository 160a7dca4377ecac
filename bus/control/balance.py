"""Which replicas should be where: moves towards an even cluster, as few as that takes.

In this order, and the next only where the one before asks for nothing:

drained    a replica of a broker that is being drained goes to the one that has fewest and stands
           in a rack of its own, if one does, or else on a host of its own; the order of the others
           stays
grown      partitions with fewer replicas than they should have are given more, in the same way
replicas   from the broker that has most to one that has fewest, while they differ by more than a
           tenth of what each should have, and by more than one; never into a rack that has one
leaders    the order of replicas alone: so that all are named first about as often

Nothing else is known here: not who is in sync, nor what is moving. The same for the same cluster.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bus.control.placement import NO_HOSTS, host_of, rack_of
from bus.model.ids import PartitionId

Held = Mapping[PartitionId, Sequence[int]]
Moves = dict[PartitionId, tuple[int, ...]]
NOBODY = -1
TOLERANCE = 10  # one part of so many


def drained(
    held: Held,
    brokers: Mapping[int, str],
    draining: Collection[int],
    counts: Mapping[int, int],
    hosts: Mapping[int, str] = NO_HOSTS,
) -> Moves:
    """Of each of these partitions the replicas on `draining` elsewhere, as far as that is possible.

    `brokers` are those that may be given replicas, with their racks; `counts` is what they have;
    `hosts` says which brokers fall together.
    """
    moves: Moves = {}
    count, places = Counter(counts), Places(brokers, hosts)
    for pid, replicas in held.items():
        wanted = list(replicas)
        for place, broker in enumerate(replicas):
            if broker not in draining:
                continue
            found = _substitute(wanted, broker, places, count)
            if found is not None:
                wanted[place] = found
                count[found] += 1
        if tuple(wanted) != tuple(replicas):
            moves[pid] = tuple(wanted)
    return moves


def grown(
    held: Held,
    brokers: Mapping[int, str],
    factor: int,
    counts: Mapping[int, int],
    hosts: Mapping[int, str] = NO_HOSTS,
) -> Moves:
    """So many replicas of each of these partitions that have fewer, as far as that is possible."""
    moves: Moves = {}
    count, places = Counter(counts), Places(brokers, hosts)
    for pid, replicas in held.items():
        wanted = list(replicas)
        while len(wanted) < factor:
            found = _substitute(wanted, NOBODY, places, count)
            if found is None:
                break
            wanted.append(found)
            count[found] += 1
        if len(wanted) > len(replicas):
            moves[pid] = tuple(wanted)
    return moves


def shrunk(
    held: Held,
    brokers: Mapping[int, str],
    factor: int,
    counts: Mapping[int, int],
    hosts: Mapping[int, str] = NO_HOSTS,
) -> Moves:
    """So few replicas of each of these partitions that have more; the first stays, if it is there.

    Those go first that are not among `brokers`, then those that share a rack with another, or in it
    a host, then those of who has most.
    """
    assert factor > 0, "a partition has a replica"
    moves: Moves = {}
    count, places = Counter(counts), Places(brokers, hosts)
    for pid, replicas in held.items():
        left = list(replicas)
        while len(left) > factor:
            company = places.company(left)
            others = left[1:] if left[0] in brokers else left
            gone = max(others, key=lambda b: (b not in brokers, *company(b), count[b], b))
            left.remove(gone)
            count[gone] -= 1
        if len(left) < len(replicas):
            moves[pid] = tuple(left)
    return moves


def is_even(counts: Mapping[int, int], named: Mapping[int, int]) -> bool:
    """Is there certainly nothing to even out? Both of all brokers that may be given replicas."""
    if not counts:
        return True
    spread = max(counts.values()) - min(counts.values())
    spread_first = max(named.values()) - min(named.values())
    return spread <= _tolerated(sum(counts.values()), len(counts)) and spread_first < 2


def balanced(
    held: Held, brokers: Mapping[int, str], moves_max: int, hosts: Mapping[int, str] = NO_HOSTS
) -> Moves:
    """Moves that even out how many replicas each broker has; none if they are even enough."""
    count = Counter({broker: 0 for broker in brokers})
    on: dict[int, dict[PartitionId, None]] = {broker: {} for broker in brokers}
    for pid, replicas in held.items():
        for broker in replicas:
            if broker in brokers:
                count[broker] += 1
                on[broker][pid] = None
    most = _tolerated(sum(count.values()), len(brokers))
    moves: Moves = {}
    places = Places(brokers, hosts)
    while len(moves) < moves_max:
        found = next(_candidates(held, places, count, on, moves, most), None)
        if found is None:
            return moves
        pid, giver, taker = found
        moves[pid] = tuple(taker if broker == giver else broker for broker in held[pid])
        count[giver] -= 1
        count[taker] += 1
        del on[giver][pid]
    return moves


def led_evenly(held: Held, moves_max: int) -> Moves:
    """Orders of replicas that even out who is named first, a replica of the same partition."""
    count: Counter[int] = Counter()
    handing: dict[tuple[int, int], list[PartitionId]] = {}  # who leads, and who could
    for pid, replicas in held.items():
        count.update(dict.fromkeys(replicas, 0))
        count[replicas[0]] += 1
        for broker in replicas[1:]:
            handing.setdefault((replicas[0], broker), []).append(pid)
    moves: Moves = {}
    while len(moves) < moves_max:
        found = next(_handed(count, handing, moves), None)
        if found is None:
            return moves
        pid, giver, taker = found
        moves[pid] = (taker, *(broker for broker in held[pid] if broker != taker))
        count[giver] -= 1
        count[taker] += 1
    return moves


def _handed(
    count: Mapping[int, int], handing: Mapping[tuple[int, int], list[PartitionId]], moves: Moves
) -> Iterator[tuple[PartitionId, int, int]]:
    """As `_candidates`; who has moved once stays."""
    fewest_first = sorted(count, key=lambda broker: (count[broker], broker))
    for giver in reversed(fewest_first):
        for taker in fewest_first:
            if count[giver] - count[taker] < 2:
                break
            pids = handing.get((giver, taker), [])
            while pids and pids[-1] in moves:
                pids.pop()
            if pids:
                yield pids[-1], giver, taker


@dataclass(frozen=True, slots=True)
class Places:
    """Who may be given replicas, and where they stand."""

    racks: Mapping[int, str]
    hosts: Mapping[int, str]

    def company(self, others: Iterable[int]) -> Callable[[int], tuple[int, int]]:
        """Of a broker: how many of these stand in its rack, and on its host. The fewer, the
        better."""
        known = list(others)
        racks = Counter(rack_of(broker, self.racks, self.hosts) for broker in known)
        hosts = Counter(host_of(broker, self.hosts) for broker in known)

        def of(broker: int) -> tuple[int, int]:
            rack = rack_of(broker, self.racks, self.hosts)
            return racks[rack], hosts[host_of(broker, self.hosts)]

        return of


def _substitute(
    replicas: Sequence[int], gone: int, places: Places, count: Mapping[int, int]
) -> int | None:
    """Who takes the place of `gone`; None if nobody is left."""
    company = places.company(broker for broker in replicas if broker != gone)
    others = [broker for broker in places.racks if broker not in replicas]
    return min(others, key=lambda b: (*company(b), count.get(b, 0), b), default=None)


def _candidates(
    held: Held,
    places: Places,
    count: Mapping[int, int],
    on: Mapping[int, Mapping[PartitionId, None]],
    moves: Moves,
    difference: int,
) -> Iterator[tuple[PartitionId, int, int]]:
    """Partitions that would do better elsewhere: which, from whom, to whom."""
    fewest_first = sorted(places.racks, key=lambda broker: (count[broker], broker))
    for giver in reversed(fewest_first):
        for taker in fewest_first:
            if count[giver] - count[taker] <= difference:
                break
            for pid in on[giver]:
                if pid not in moves and _may_take(held[pid], giver, taker, places):
                    yield pid, giver, taker


def _may_take(replicas: Sequence[int], giver: int, taker: int, places: Places) -> bool:
    if taker in replicas:
        return False
    company = places.company(broker for broker in replicas if broker != giver)
    return company(taker) <= company(giver)


def _tolerated(replicas: int, brokers: int) -> int:
    return max(1, replicas // max(1, brokers) // TOLERANCE)
