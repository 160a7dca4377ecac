"""Who asks, and how to answer: what each handler is given beside the request."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bus.wire.schema import Message

Reply: TypeAlias = Callable[[Message | None], None]
"""Called once with the answer, or with None if there is none (acks=0); by a stream, often."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Context:
    """One request's surroundings."""

    version: int
    peer: str  # for logs
    listener: str  # the name of the listener it came in on: metadata answers with its endpoints
    client_id: str | None = None
    is_gone: Callable[[], bool] = _never  # the peer has left, or is not answered any more
