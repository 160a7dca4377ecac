"""What happens to a large cluster, one after the other, and what each costs whom."""

import gc
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bus.broker.metadata import Metadata
from bus.broker.mirror import Mirror
from bus.control.policy import Policy
from bus.model.keys import Kind
from bus.model.stored_brokers import BrokerState
from tests.sim.plane.counted import Count
from tests.sim.plane.plane import KEYS, Plane

REPLICAS = 3
PARTITIONS_PER_TOPIC = 50
RACKS = 10


@dataclass
class Event:
    """One row."""

    what: str
    partitions: int  # whose records it changed
    simulated_s: float  # with a store that answers within 4 ms
    controller: Count
    broker: Count  # who looks on: any other broker


@dataclass
class Standing:
    """What there is in the end."""

    keys: dict[str, int]
    bytes_in_store: int
    records_per_group: float
    read_all_s: float  # CPU of a broker that starts: list, parse, index
    memory_mb: float  # of what it has made of it, the values themselves too


class Events:
    """Of one plane; each leaves it as it found it, but for who leads."""

    def __init__(self, brokers: int, partitions: int) -> None:
        self.partitions = partitions
        self.plane = Plane(brokers, min(RACKS, brokers), Policy(balances=False))

    def run(self) -> Iterator[Event]:
        """In this order."""
        topics = max(1, self.partitions // PARTITIONS_PER_TOPIC)
        each = PARTITIONS_PER_TOPIC, REPLICAS
        yield self._event(f"{topics:,} topics are there", lambda: self.plane.fill(topics, *each))
        yield self._event(
            "one more topic", lambda: self.plane.create("more", PARTITIONS_PER_TOPIC, REPLICAS)
        )
        yield self._event("one in-sync set changes", self._one_set)
        victim = max(self.plane.racks)
        yield self._event("a broker dies", lambda: self._die([victim]))
        yield self._event("it is back, and joins again", lambda: self._return([victim]))
        yield self._event("its leaderships go back", self._restore)
        yield self._event("another broker takes control", self._change_controller)
        rack = [n for n, rack in self.plane.racks.items() if rack == self.plane.racks[victim]]
        yield self._event(f"a rack of {len(rack)} dies", lambda: self._die(rack))
        yield self._event("it is back, and joins again", lambda: self._return(rack))
        yield self._event("a broker is drained", lambda: self._drain(victim - 1))

    def standing(self) -> Standing:
        """Of the store, and of a broker that starts."""
        entries = self.plane.mirror.entries
        keys = {kind: len(self.plane.mirror.under(KEYS.prefix(kind))) for kind in KINDS}
        groups = self.plane.controller.metadata.groups.all().values()
        gc.collect()
        before, begun = _resident_bytes(), time.process_time()
        mirror = Mirror(self.plane.bench.store("starts"), KEYS.root)
        metadata = Metadata(mirror, KEYS, dict, lambda: 1)
        self.plane.until(lambda: mirror.is_ready)
        metadata.refresh()
        read_all_s = time.process_time() - begun
        gc.collect()
        values = sum(len(entry.value) for entry in entries.values())
        memory = _resident_bytes() - before + values  # which the simulated store shares with us
        assert len(metadata.image.topics) == keys[Kind.TOPIC]
        return Standing(
            {str(kind): count for kind, count in keys.items()},
            values + sum(map(len, entries)),
            sum(map(len, groups)) / max(1, len(groups)),
            read_all_s,
            memory / 1e6,
        )

    # --- events ------------------------------------------------------------------------------

    def _one_set(self) -> None:
        """A follower falls behind, and catches up."""
        plane = self.plane
        pid, image = next(iter(plane.known.partitions.items()))
        plane.ask(pid, image.isr[:2], {})
        plane.until(lambda: len(plane.image(pid).isr) == 2)
        plane.join_sets([pid])
        plane.until(lambda: len(plane.image(pid).isr) == REPLICAS)

    def _die(self, numbers: list[int]) -> None:
        plane = self.plane
        plane.kill(numbers)
        plane.until(lambda: all(plane.is_in(n, BrokerState.FENCED) for n in numbers))

    def _return(self, numbers: list[int]) -> None:
        plane = self.plane
        for number in numbers:
            plane.come_back(number)
        plane.until(lambda: all(plane.is_in(n, BrokerState.ACTIVE) for n in numbers))
        plane.caught_up()
        left = list({pid for number in numbers for pid in plane.known.held[number]})
        plane.join_sets(left)

        def have_joined() -> bool:
            while left and len(plane.image(left[-1]).isr) == REPLICAS:
                left.pop()
            return not left

        plane.until(have_joined)

    def _restore(self) -> None:
        self.plane.until(lambda: not self.plane.known.strayed)

    def _change_controller(self) -> None:
        before = self.plane.controller
        self.plane.take_control(self.plane.observer)
        self.plane.until(lambda: before.mirror.revision >= self.plane.mirror.revision)

    def _drain(self, number: int) -> None:
        """The new replicas are in sync as soon as they are asked to be."""
        plane = self.plane
        plane.drain(number)

        def is_empty() -> bool:
            moving = [pid for pid in plane.known.moving if plane.image(pid).adding]
            plane.join_sets(pid for pid in moving if pid not in asked)
            asked.update(moving)
            return not plane.known.held[number]

        asked: set[object] = set()
        plane.until(is_empty)

    def _event(self, what: str, happen: Callable[[], None]) -> Event:
        plane = self.plane
        for broker in (plane.controller, plane.observer):
            broker.store.take()
        before = dict(plane.known.partitions)
        begun_ms = plane.bench.timeline.time_ms
        happen()
        plane.caught_up()
        seconds = (plane.bench.timeline.time_ms - begun_ms) / 1000
        after = plane.known.partitions
        changed = sum(before.get(pid) is not image for pid, image in after.items())
        controller, broker = plane.controller.store.take(), plane.observer.store.take()
        return Event(what, changed, seconds, controller, broker)


KINDS = (Kind.TOPIC, Kind.GROUP, Kind.BROKER, Kind.BROKER_EPOCH)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
