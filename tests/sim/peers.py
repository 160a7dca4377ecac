"""The Peers port of a broker over the links of a world."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from bus.errors import BrokerUnreachable, BusError
from bus.wire.schema import Message
from tests.sim.process import Process

if TYPE_CHECKING:
    from bus.broker.replication import Replication
    from bus.broker.watching import Watching
    from tests.sim.net import SimNet

Done = Callable[[Message | BusError], None]
ASK, ANSWER, TELL = "ask", "answer", "tell"


class SimPeers:
    """Brokers are named by their ids; the net counts from 0."""

    def __init__(self, net: "SimNet", broker: int, brokers: int, process: Process) -> None:
        self.replication: Replication | None = None  # once it is there
        self.watching: Watching | None = None
        self._process = process
        self._numbers = net.numbers
        self._asked: dict[int, dict[int, Done]] = {}  # broker -> number -> who waits
        self._down = {other for other in range(1, brokers + 1) if other != broker}
        self._end = net.endpoint(broker - 1, process, self._on_message, self._on_link)

    def ask(self, broker: int, request: Message, done: Done) -> None:
        if broker in self._down:
            self._process.later(0.001, partial(done, BrokerUnreachable()))
            return
        number = next(self._numbers)
        self._asked.setdefault(broker, {})[number] = done
        self._end.send(broker - 1, (ASK, number, request))

    def tell(self, broker: int, message: Message) -> None:
        self._end.send(broker - 1, (TELL, 0, message))

    def _on_message(self, number: int, message: tuple[str, int, Message]) -> None:
        broker = number + 1
        kind, call, content = message
        if kind == ANSWER:
            done = self._asked.get(broker, {}).pop(call, None)
            if done is not None:
                done(content)
        elif self.replication is not None and not self.watching.handle(broker, content):
            self.replication.handle(broker, content, partial(self._answer, broker, kind, call))

    def _answer(self, broker: int, kind: str, call: int, answer: Message | None) -> None:
        if kind == ASK and answer is not None:
            self._end.send(broker - 1, (ANSWER, call, answer))

    def _on_link(self, number: int, is_up: bool) -> None:
        broker = number + 1
        if is_up:
            self._down.discard(broker)
        else:
            self._down.add(broker)
            for done in self._asked.pop(broker, {}).values():
                self._process.later(0, partial(done, BrokerUnreachable()))
        if self.replication is not None:
            self.replication.on_link(broker, is_up)
            self.watching.on_link(broker, is_up)
