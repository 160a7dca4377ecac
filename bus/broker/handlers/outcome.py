"""What came of one part of a request: its error, if there was one, is told and counted."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from bus.broker.node import Node
from bus.errors import BusError, NotController

TURN_MS = 5  # of a request that has more to do


class Outcome(Protocol):
    """The part of an answer that is about one topic or resource."""

    error_code: int
    error_message: str | None


def attempt(node: Node, outcome: Outcome, work: Callable[[], None]) -> None:
    """Do it; a BusError becomes the outcome's."""
    try:
        work()
    except BusError as error:
        outcome.error_code, outcome.error_message = error.code, str(error)
        node.count_error(error.code)


def attempt_each(
    node: Node, parts: Iterable[tuple[Outcome, Callable[[], None]]], done: Callable[[], None]
) -> None:
    """Attempt one after the other, and then call `done`.

    For work that takes milliseconds, as what is written to disk does: other requests get their turn
    now and then.
    """
    left = deque(parts)

    def go() -> None:
        until = node.clock.now_ms() + TURN_MS
        while left:
            outcome, work = left.popleft()
            attempt(node, outcome, work if node.serving else _refuse)
            if node.clock.now_ms() >= until:
                break
        if left:
            node.later(0, go)
        else:
            done()

    go()


def _refuse() -> None:
    raise NotController("The broker is stopping.")
