"""Which brokers hold new partitions, and which of them leads each: the same for the same cluster.

What                     Rule
----                     ----
replicas of a partition  of different racks while racks are left, and in one rack of different
                         hosts while hosts are left; who names no rack stands in that of its host
replicas on a broker     as even within the call as racks allow; what is left over goes to who
                         holds fewer replicas already
leaders (first replica)  as even within the call as the replicas allow; what is left over goes to
                         who leads less already
who leads after them     (second replica) the leaders of one broker fall to all others alike

Even within the call comes first: a broker that has just joined gets its share of a new topic, not
all of it. To give it older ones is balance's work (balance.py).
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import zip_longest

from bus.errors import InvalidReplicationFactor

REPLICATION_FACTOR_MAX = 3  # by default
PARTITIONS = 4  # by default


@dataclass(frozen=True, slots=True)
class Load:
    """What a broker has already."""

    replicas: int = 0
    leaders: int = 0  # partitions that name it first


NO_LOAD = Load()
NO_HOSTS: Mapping[int, str] = {}


def default_replication_factor(brokers: int) -> int:
    """Of a topic that is made without saying how many, in a cluster of so many (5.4)."""
    assert brokers > 0, "somebody asks"
    return min(REPLICATION_FACTOR_MAX, brokers)


def default_min_isr(replication_factor: int) -> int:
    """A majority: two such sets always share a replica (5.4)."""
    assert replication_factor > 0, "a partition has a replica"
    return replication_factor // 2 + 1


def load_of(partitions: Iterable[Sequence[int]]) -> dict[int, Load]:
    """What each broker has of partitions with these replicas, the preferred leader first."""
    replicas: Counter[int] = Counter()
    leaders: Counter[int] = Counter()
    for held in partitions:
        replicas.update(held)
        leaders[held[0]] += 1
    return {broker: Load(count, leaders[broker]) for broker, count in replicas.items()}


def place(
    partitions: int,
    replication_factor: int,
    brokers: Mapping[int, str],
    load: Mapping[int, Load],
    hosts: Mapping[int, str] = NO_HOSTS,
) -> list[tuple[int, ...]]:
    """The replicas of each of so many new partitions, its preferred leader first.

    `brokers` are those that may be given any, with their racks; "" is no rack. `hosts` says which
    of them fall together; who is not in it stands alone. Raises InvalidReplicationFactor if they
    are too few.
    """
    if not 1 <= replication_factor <= len(brokers):
        raise InvalidReplicationFactor(
            f"The replication factor is {replication_factor}; {len(brokers)} brokers can be given "
            "replicas."
        )
    racks = _Racks(brokers, load, hosts)
    held = [racks.take(replication_factor) for _ in range(partitions)]
    leaders = lead_evenly(held, load)
    return _in_order(held, leaders)


def lead_evenly(held: Sequence[Sequence[int]], load: Mapping[int, Load]) -> list[int]:
    """Who shall lead each of these sets of replicas, so that all lead about as many."""
    counts: Counter[int] = Counter()
    leaders: list[int] = []
    for replicas in held:
        leader = min(replicas, key=lambda b: (counts[b], load.get(b, NO_LOAD).leaders, b))
        counts[leader] += 1
        leaders.append(leader)
    while path := _relief(held, leaders, counts, load):
        counts[leaders[path[0][0]]] -= 1
        for index, broker in path:
            leaders[index] = broker
        counts[path[-1][1]] += 1
    return leaders


def rack_of(broker: int, racks: Mapping[int, str], hosts: Mapping[int, str]) -> str | int:
    """Where it stands: who names no rack stands in that of its host."""
    return racks.get(broker) or host_of(broker, hosts)


def host_of(broker: int, hosts: Mapping[int, str]) -> str | int:
    """With whom it falls; who names no host stands alone."""
    return hosts.get(broker) or broker


class _Racks:
    """The brokers of each rack, those that have least first; and the racks by their first."""

    def __init__(
        self, brokers: Mapping[int, str], load: Mapping[int, Load], hosts: Mapping[int, str]
    ) -> None:
        self._hosts = hosts
        by_rack: dict[str | int, list[int]] = {}
        for broker in sorted(brokers):
            by_rack.setdefault(rack_of(broker, brokers, hosts), []).append(broker)
        mixed = [b for row in zip_longest(*by_rack.values()) for b in row if b is not None]
        place_of = {broker: number for number, broker in enumerate(mixed)}
        self._racks = [
            [(0, load.get(b, NO_LOAD).replicas, place_of[b], b) for b in rack]
            for rack in by_rack.values()
        ]
        for rack in self._racks:
            heapify(rack)
        self._order = [(rack[0], number) for number, rack in enumerate(self._racks)]
        heapify(self._order)

    def take(self, count: int) -> list[int]:
        """So many brokers, each rack's first before any rack's second."""
        taken: list[tuple[tuple[int, int, int, int], int]] = []
        touched: dict[int, None] = {}
        hosts: set[str | int] = set()
        while len(taken) < count:
            turn: list[int] = []
            while self._order and len(taken) < count:
                _, number = heappop(self._order)
                taken.append((self._take_of(number, hosts), number))
                turn.append(number)
            touched.update(dict.fromkeys(turn))
            if len(taken) < count:
                for number in turn:
                    self._line_up(number)
        waiting = {number for _, number in self._order}
        for (held, before, at, broker), number in taken:
            heappush(self._racks[number], (held + 1, before, at, broker))
        if touched.keys() & waiting:
            self._order = [each for each in self._order if each[1] not in touched]
            heapify(self._order)
        for number in touched:
            self._line_up(number)
        return [entry[3] for entry, _ in taken]

    def _take_of(self, number: int, hosts: set[str | int]) -> tuple[int, int, int, int]:
        """The first of a rack that shares no host with who is taken, if there is one."""
        rack, passed = self._racks[number], []
        while rack and host_of(rack[0][3], self._hosts) in hosts:
            passed.append(heappop(rack))
        found = heappop(rack) if rack else passed.pop(0)
        for entry in passed:
            heappush(rack, entry)
        hosts.add(host_of(found[3], self._hosts))
        return found

    def _line_up(self, number: int) -> None:
        if self._racks[number]:
            heappush(self._order, (self._racks[number][0], number))


def _relief(
    held: Sequence[Sequence[int]],
    leaders: Sequence[int],
    counts: Counter[int],
    load: Mapping[int, Load],
) -> list[tuple[int, int]]:
    """Partitions with another leader each, so that one broker leads one less and another, which
    led too few, one more; empty if that would help nobody."""
    handing: dict[int, dict[int, int]] = {}  # leader -> another one of its replicas -> partition
    for index, leader in enumerate(leaders):
        for broker in held[index]:
            if broker != leader:
                handing.setdefault(leader, {}).setdefault(broker, index)
    total = {
        broker: load.get(broker, NO_LOAD).leaders + counts[broker] for b in held for broker in b
    }
    for first in sorted(handing, key=lambda b: (-counts[b], -total[b], b)):
        reached: dict[int, list[tuple[int, int]]] = {first: []}
        queue = deque([first])
        while queue:
            at = queue.popleft()
            for broker, index in handing.get(at, {}).items():
                if broker in reached:
                    continue
                reached[broker] = [*reached[at], (index, broker)]
                queue.append(broker)
                less = counts[first] - counts[broker]
                if less > 1 or (less == 1 and total[first] > total[broker] + 1):
                    return reached[broker]
    return []


def _in_order(held: Sequence[Sequence[int]], leaders: Sequence[int]) -> list[tuple[int, ...]]:
    """The leader first; of the others the one first that has followed that leader least."""
    heirs: Counter[tuple[int, int]] = Counter()
    found: list[tuple[int, ...]] = []
    for replicas, leader in zip(held, leaders, strict=True):
        others = [broker for broker in replicas if broker != leader]
        others.sort(key=lambda b: (heirs[leader, b], b))
        if others:
            heirs[leader, others[0]] += 1
        found.append((leader, *others))
    return found
