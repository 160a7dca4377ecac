"""Who asks, and how to answer: what each handler is given beside the request."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bus.wire.schema import Message

Reply: TypeAlias = Callable[[Message | None], None]  # None: this request gets no answer (acks=0)


@dataclass(frozen=True, slots=True)
class Context:
    """One request's surroundings."""

    version: int
    peer: str  # for logs
    listener: str  # the name of the listener it came in on: metadata answers with its endpoints
    client_id: str | None = None
