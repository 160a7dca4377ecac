"""What a broker asks of the links to its peers, whatever carries them."""

from collections.abc import Callable
from typing import Protocol

from bus.errors import BusError
from bus.wire.schema import Message


class Peers(Protocol):
    """One link a pair of brokers and direction; messages on it stay in order, or are lost."""

    def ask(
        self, broker: int, request: Message, done: Callable[[Message | BusError], None]
    ) -> None:
        """Ask a peer; `done` is called once, later: with its answer, or with why there is none.

        Without an answer the peer may have done what it was asked for, or may do it yet.
        """

    def tell(self, broker: int, message: Message) -> None:
        """Send what has no answer; it may be lost."""
