"""A client's connection to one broker: requests and answers in order, until it breaks.

What is asked for when the connection breaks has come to nobody knows what: `done(None)`.
"""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from bus.broker.context import Context
from bus.broker.dispatch import dispatch
from bus.wire.registry import api_of
from bus.wire.schema import Message

if TYPE_CHECKING:
    from tests.sim.machine import Machine
    from tests.sim.world import World

Done = Callable[[Message | None], None]


class Way:
    """One direction: delays, and no overtaking."""

    def __init__(self, world: "World", chance: Random) -> None:
        self._timeline = world.timeline
        self._chance = chance
        self._last_ms = 0.0

    def send(self, call: Callable[[], None]) -> None:
        delay_ms = self._chance.uniform(0.05, 1.5)
        if self._chance.random() < 0.01:
            delay_ms += self._chance.uniform(0, 200)
        now = self._timeline.time_ms
        self._last_ms = max(now + delay_ms, self._last_ms + 0.001)
        self._timeline.later((self._last_ms - now) / 1000, call)


class Call:
    """One request."""

    def __init__(self, request: Message, done: Done) -> None:
        self.request, self.done = request, done
        self.is_over = False

    def end(self, answer: Message | None) -> None:
        if not self.is_over:
            self.is_over = True
            self.done(answer)


class Connection:
    """See the module."""

    def __init__(self, world: "World", name: str, machine: "Machine") -> None:
        self.is_open = machine.process is not None and machine.node is not None
        self._world = world
        self._name = name
        self._machine = machine
        self._process = machine.process
        chance = world.chance(f"{name} to {machine.number} at {world.timeline.time_ms}")
        self._there, self._back = Way(world, chance), Way(world, chance)
        self._calls: list[Call] = []
        if self.is_open:
            self._process.on_death(lambda: self._back.send(self.close))
            machine.connections.append(self)

    def ask(self, request: Message, done: Done, timeout_ms: int) -> None:
        """`done` is called once, later."""
        call = Call(request, done)
        self._calls.append(call)
        if not self.is_open:
            self._back.send(self.close)
            return
        self._there.send(partial(self._arrive, call))
        self._world.timeline.later(timeout_ms / 1000, partial(self._give_up, call))

    def close(self) -> None:
        """It broke."""
        self.is_open = False
        calls, self._calls = self._calls, []
        if self in self._machine.connections:
            self._machine.connections.remove(self)
        for call in calls:
            call.end(None)

    def _give_up(self, call: Call) -> None:
        if not call.is_over:
            self._world.note(f"{self._name} gives up waiting for broker {self._machine.number}")
            self.close()

    def _arrive(self, call: Call) -> None:
        if self.is_open:
            self._process.enter(partial(self._serve, call))

    def _serve(self, call: Call) -> None:
        if not self.is_open:
            return  # TCP has told by now
        node = self._machine.node
        version = api_of(call.request).max_version
        context = Context(version, self._name, "zmq", self._name, is_gone=lambda: not self.is_open)
        dispatch(node, context, call.request, partial(self._reply, call))
        if self._machine.ticker is not None:
            self._machine.ticker.touch()

    def _reply(self, call: Call, answer: Message | None) -> None:
        if answer is not None:
            self._world.observer.on_reply(self._machine, call.request, answer)
        self._back.send(partial(self._deliver, call, answer))

    def _deliver(self, call: Call, answer: Message | None) -> None:
        if self.is_open and call in self._calls:
            self._calls.remove(call)
            call.end(answer)
