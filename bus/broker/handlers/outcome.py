"""What came of one part of a request: its error, if there was one, is told and counted."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from bus.broker.in_turn import in_turn
from bus.broker.node import Node
from bus.broker.topic_changes import Done
from bus.errors import BusError, NotController

TURN_MS = 5  # of a request that has more to do


class Outcome(Protocol):
    """The part of an answer that is about one topic or resource."""

    error_code: int
    error_message: str | None


Work = Callable[[Done], None]  # may raise BusError instead of telling it


def attempt(node: Node, outcome: Outcome, work: Callable[[], None]) -> None:
    """Do it; a BusError becomes the outcome's."""
    try:
        work()
    except BusError as error:
        _tell(node, outcome, error)


def attempt_each(
    node: Node,
    parts: Iterable[tuple[Outcome, Work]],
    done: Callable[[], None],
    refusal: BusError | None = None,
) -> None:
    """Attempt one after the other, and then call `done`; with a `refusal`, that is told of each.

    For work that takes milliseconds, as what is written to disk does: other requests get their turn
    now and then.
    """
    if refusal is not None:
        for outcome, _ in parts:
            _tell(node, outcome, refusal)
        done()
        return
    until = node.clock.now_ms() + TURN_MS

    def pause(go_on: Callable[[], None]) -> bool:
        nonlocal until
        now = node.clock.now_ms()
        if now < until:
            return False
        until = now + TURN_MS
        node.later(0, go_on)
        return True

    in_turn((partial(_attempt, node, *part) for part in parts), done, pause)


def _attempt(node: Node, outcome: Outcome, work: Work, through: Callable[[], None]) -> None:
    def told(error: BusError | None) -> None:
        if error is not None:
            _tell(node, outcome, error)
        through()

    try:
        (work if node.serving else _refuse)(told)
    except BusError as error:
        told(error)


def _tell(node: Node, outcome: Outcome, error: BusError) -> None:
    outcome.error_code, outcome.error_message = error.code, str(error)
    node.count_error(error.code)


def _refuse(_: Done) -> None:
    raise NotController("The broker is stopping.")
