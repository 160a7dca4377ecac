"""Ask whichever broker answers first.

Event                        What happens
-----                        ------------
ask                          the request goes to the broker whose turn it is
no answer for HEDGE_MS       the next broker has its turn, and is asked as well
an answer                    told; what the others say is not
a broker is lost             the next one has its turn; told once nobody is left who was asked

A broker that hangs looks like one that is slow: who asks one alone waits for its time-out. What is
asked so may be done twice without harm.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bus.client.connection import LOST, Connections
from bus.client.link import Done
from bus.errors import BusError
from bus.wire.schema import Message

HEDGE_MS = 250


@dataclass(slots=True, eq=False)
class Question:
    """One request, until it is answered."""

    request: Message
    timeout_ms: int
    done: Done
    asked: set[str]  # endpoints
    out: int = 0  # answers that are still to come
    is_over: bool = False
    answered_by: str | None = None  # what else that endpoint says is told, too
    timer: asyncio.TimerHandle | None = None


class Anybody:
    """On the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connections: Connections,
        endpoints: Callable[[], list[str]],
    ) -> None:
        """`endpoints` are those that may be asked now, at least one."""
        self._loop = loop
        self._connections = connections
        self._endpoints = endpoints
        self._turn = 0  # whose it is
        self._questions: set[Question] = set()

    def ask(self, request: Message, timeout_ms: int, done: Done) -> None:
        """`done` gets one answer; of a request that goes on being answered, all of that broker."""
        question = Question(request, timeout_ms, done, set())
        self._questions.add(question)
        self._ask_next(question)

    def next_turn(self) -> None:
        """Let another broker be asked next."""
        self._turn += 1

    def close(self) -> None:
        """Nobody is told any more."""
        for question in self._questions:
            self._end(question)
        self._questions.clear()

    def _ask_next(self, question: Question) -> None:
        endpoint = self._pick()
        question.asked.add(endpoint)
        question.out += 1
        on_answer = partial(self._on_answer, question, endpoint, self._turn)
        self._connections.call(endpoint, question.request, question.timeout_ms, on_answer)
        question.timer = self._loop.call_later(HEDGE_MS / 1000, self._hedge, question)

    def _hedge(self, question: Question) -> None:
        self._turn += 1
        if self._pick() not in question.asked:
            self._ask_next(question)

    def _on_answer(
        self, question: Question, endpoint: str, turn: int, answer: Message | BusError
    ) -> None:
        if question.is_over:
            if question.answered_by == endpoint:
                question.done(answer)
            return
        question.out -= 1
        if isinstance(answer, LOST):
            self._turn = max(self._turn, turn + 1)
            if question.out:
                return
        self._end(question)
        self._questions.discard(question)
        question.answered_by = endpoint
        question.done(answer)

    def _end(self, question: Question) -> None:
        question.is_over = True
        if question.timer is not None:
            question.timer.cancel()

    def _pick(self) -> str:
        """An endpoint whose last answer was no failure; all take turns."""
        known = self._endpoints()
        for step in range(len(known)):
            endpoint = known[(self._turn + step) % len(known)]
            if self._connections.is_usable(endpoint):
                self._turn = (self._turn + step) % len(known)
                return endpoint
        return known[self._turn % len(known)]
