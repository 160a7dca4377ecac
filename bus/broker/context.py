"""Who asks, and how to answer: what each handler is given beside the request."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bus.model.endpoint import Endpoint
from bus.wire.schema import Message

Reply: TypeAlias = Callable[[Message | None], None]
"""Called once with the answer, or with None if there is none (acks=0); by a stream, often."""


def _never() -> bool:
    return False


def _stay(_reason: str) -> None:
    """A conversation that nothing ends."""


@dataclass(frozen=True, slots=True)
class Context:
    """One request's surroundings."""

    version: int
    peer: str  # for logs
    listener: str  # the name of the listener it came in on: metadata answers with its endpoints
    client_id: str | None = None
    is_gone: Callable[[], bool] = _never  # the peer has left, or is not answered any more
    host: str = ""  # where the peer is, as Kafka shows it in groups; empty within this process
    reached: Endpoint | None = None  # where it has reached us, if its listener has no one endpoint
    is_kafka: bool = False  # a client of Kafka's: our extensions are not for it
    is_peer: bool = False  # another broker of the cluster, for a client of its
    hang_up: Callable[[str], None] = _stay  # end the conversation, for want of an answer
