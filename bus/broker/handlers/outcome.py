"""What came of one part of a request: its error, if there was one, is told and counted."""

from collections.abc import Callable
from typing import Protocol

from bus.broker.node import Node
from bus.errors import BusError


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
