"""The links between brokers: ordered, carrying message objects, and as bad as a seed has it.

This is the Peers port as a broker sees it, `peers = net.endpoint(broker, process, ...)`:

    peers.send(broker, message)      to nobody knows whom if the link is down: then it is lost
    on_message(broker, message)      in the order of sending, none twice, gaps only where it broke
    on_link(broker, is_up)           a link that goes up is another one: nothing of an older one
                                     comes on it
    peers.close()                    no more of it

What happens       What arrives                            What both ends are told
------------       ------------                            -----------------------
delay              all, later                              nothing
cut, one way       nothing that way; kept for a while      down, once a heartbeat was missed
break_link         what was under way is lost              down, then up
an end dies        what was under way to it is lost        down; up with its next life

With `late` above 0, what was under way on a link that is gone comes nevertheless in so many cases,
up to seconds later, at whatever life the other end is in by then: it stood in somebody's queue
(R15). So does what a process that was paused had not read yet.
"""

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from itertools import combinations, count
from random import Random
from typing import Any

from tests.fixtures.timeline import Timeline
from tests.sim.process import Process

SILENCE_MS = 250  # a cut is noticed by then: ZMTP heartbeats
RECONNECT_MS = (1, 60)
LATE_MS = 4000
OnMessage = Callable[[int, Any], None]
OnLink = Callable[[int, bool], None]


class Endpoint:
    """One broker's side; see the module."""

    def __init__(
        self, net: "SimNet", number: int, process: Process, on_message: OnMessage, on_link: OnLink
    ) -> None:
        self.number = number
        self.process = process
        self.on_message = on_message
        self.on_link = on_link
        self.is_open = True
        self._net = net
        process.on_death(self.close)

    def send(self, broker: int, message: Any) -> None:
        if self.is_open:
            self._net.send(self.number, broker, message)

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._net.leave(self)


class Way:
    """One direction of a connection. What was sent is in `queue`; each message has a moment at
    which one message arrives. A moment that falls into a cut is made up for afterwards."""

    def __init__(self) -> None:
        self.queue: deque[Any] = deque()
        self.last_ms = 0.0  # the latest of the moments
        self.missed = 0


class Link:
    """Both directions between two brokers, from one connection to the next."""

    def __init__(self) -> None:
        self.is_up = False
        self.is_connecting = False
        self.begin()

    def begin(self) -> None:
        self.ways = {True: Way(), False: Way()}  # of the lower number to the higher, and back


class SimNet:
    """All links of a world."""

    def __init__(self, timeline: Timeline, chance: Random, brokers: int, late: float = 0.0) -> None:
        self.counts = {"sent": 0, "lost": 0, "broken": 0, "late": 0}
        self.numbers = count(1)  # of questions: an answer is never taken for another one's
        self._late = late
        self._trap: tuple[Callable[[Any], bool], Callable[[Any], None]] | None = None
        self._timeline = timeline
        self._chance = chance
        self._ends: dict[int, Endpoint] = {}
        self._cuts: dict[tuple[int, int], int] = {}  # from, to: how many cuts
        self._links = {pair: Link() for pair in combinations(range(brokers), 2)}

    def endpoint(
        self, number: int, process: Process, on_message: OnMessage, on_link: OnLink
    ) -> Endpoint:
        """A broker begins a life; its links go up one after the other."""
        end = self._ends[number] = Endpoint(self, number, process, on_message, on_link)
        for pair in self._links:
            if number in pair:
                self._connect(pair)
        return end

    def send(self, source: int, target: int, message: Any) -> None:
        link = self._links[_pair(source, target)]
        self.counts["sent"] += 1
        if not link.is_up:
            self.counts["lost"] += 1
            return
        link.ways[source < target].queue.append(message)
        if self._trap is not None and self._trap[0](message):
            (_, on_struck), self._trap = self._trap, None
            on_struck(message)
            self._timeline.later(0, lambda: self._go_down(_pair(source, target), is_late=True))
        else:
            self._arrange(link, source, target)

    def arm(self, is_meant: Callable[[Any], bool], on_struck: Callable[[Any], None]) -> None:
        """Once: the link breaks under the first such message, which comes late."""
        self._trap = is_meant, on_struck

    def leave(self, end: Endpoint) -> None:
        """A life has ended."""
        if self._ends.get(end.number) is end:
            del self._ends[end.number]
        for pair in self._links:
            if end.number in pair:
                self._go_down(pair)

    # --- faults -----------------------------------------------------------------------------

    def cut(self, source: int, target: int) -> None:
        """Nothing arrives that way, and soon both know that something is wrong."""
        if source == target:
            return
        pair = _pair(source, target)
        link = self._links[pair]
        self._cuts[source, target] = self._cuts.get((source, target), 0) + 1
        ways = link.ways

        def notice() -> None:
            if (source, target) in self._cuts and link.ways is ways:
                self._go_down(pair)

        self._timeline.later(self._chance.uniform(0.2, 1) * SILENCE_MS / 1000, notice)

    def heal(self, source: int, target: int) -> None:
        if source == target or (source, target) not in self._cuts:
            return
        self._cuts[source, target] -= 1
        if self._cuts[source, target]:
            return
        del self._cuts[source, target]
        pair = _pair(source, target)
        link = self._links[pair]
        way = link.ways[source < target]
        missed, way.missed = way.missed, 0
        for _ in range(missed):
            self._arrange(link, source, target)
        self._connect(pair)

    def heal_all(self) -> None:
        self._trap = None
        for source, target in list(self._cuts):
            self._cuts[source, target] = 1
            self.heal(source, target)

    def break_link(self, one: int, other: int) -> None:
        """What is under way is lost; both connect again."""
        if one != other:
            self._go_down(_pair(one, other))
            self._connect(_pair(one, other))

    # --- connections --------------------------------------------------------------------------

    def _arrange(self, link: Link, source: int, target: int) -> None:
        """One more moment at which a message arrives."""
        delay_ms = self._chance.uniform(0.05, 1.0)
        if self._chance.random() < 0.01:
            delay_ms += self._chance.uniform(0, 100)
        way, now = link.ways[source < target], self._timeline.time_ms
        way.last_ms = max(now + delay_ms, way.last_ms + 0.001)

        def arrive() -> None:
            end = self._ends.get(target)
            if end is None or link.ways[source < target] is not way:
                return
            if (source, target) in self._cuts:
                way.missed += 1
                return
            message = way.queue.popleft()
            end.process.enter(lambda: self._hand_over(end, link, way, source, message))

        self._timeline.later((way.last_ms - now) / 1000, arrive)

    def _hand_over(self, end: Endpoint, link: Link, way: Way, source: int, message: Any) -> None:
        """The process may have been paused meanwhile: what came on a dead link is not read."""
        if end.is_open and (way in link.ways.values() or self._strikes_late()):
            end.on_message(source, message)
        else:
            self.counts["lost"] += 1

    def _go_down(self, pair: tuple[int, int], is_late: bool = False) -> None:
        link = self._links[pair]
        if not link.is_up:
            return
        self.counts["lost"] += sum(len(way.queue) for way in link.ways.values())
        for is_upward, way in link.ways.items():
            if way.queue and (is_late or self._strikes_late()):
                self._send_late(*(pair if is_upward else pair[::-1]), way.queue)
        link.begin()
        link.is_up = False
        self.counts["broken"] += 1
        self._tell(pair, False)
        self._connect(pair)

    def _strikes_late(self) -> bool:
        return self._late > 0 and self._chance.random() < self._late

    def _send_late(self, source: int, target: int, messages: Iterable[Any]) -> None:
        """In the order of sending; nothing else keeps them apart from what is sent later."""
        after_ms = 0.0
        for message in messages:
            after_ms = self._chance.uniform(after_ms, LATE_MS)
            arrive = partial(self._arrive_late, source, target, message)
            self._timeline.later(after_ms / 1000, arrive)

    def _arrive_late(self, source: int, target: int, message: Any) -> None:
        end = self._ends.get(target)
        if end is not None:
            self.counts["late"] += 1
            end.process.enter(lambda: end.is_open and end.on_message(source, message))

    def _connect(self, pair: tuple[int, int]) -> None:
        """Try, if nobody does, until it is up."""
        link = self._links[pair]
        if link.is_up or link.is_connecting:
            return
        link.is_connecting = True
        self._timeline.later(self._chance.uniform(*RECONNECT_MS) / 1000, lambda: self._try(pair))

    def _try(self, pair: tuple[int, int]) -> None:
        link = self._links[pair]
        link.is_connecting = False
        if not all(number in self._ends for number in pair):
            return  # the next life of one of them connects
        if pair in self._cuts or pair[::-1] in self._cuts:
            return  # whoever heals it connects
        link.is_up = True
        self._tell(pair, True)

    def _tell(self, pair: tuple[int, int], is_up: bool) -> None:
        for number, other in (pair, pair[::-1]):
            end = self._ends.get(number)
            if end is not None:
                end.process.enter(lambda end=end, other=other: _told(end, other, is_up))


def _told(end: Endpoint, other: int, is_up: bool) -> None:
    if end.is_open:
        end.on_link(other, is_up)


def _pair(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)
