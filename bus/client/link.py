"""How a client talks to one broker: messages in, messages out, whatever carries them."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from bus.errors import BusError
from bus.wire.fetch import FetchResponse
from bus.wire.metadata import MetadataResponse
from bus.wire.schema import Message

GOES_ON = (FetchResponse, MetadataResponse)  # answers that others may follow, if they say so

Done: TypeAlias = Callable[[Message | BusError], None]


class Link(Protocol):
    """A conversation with one broker; used and called back on the I/O thread only.

    Requests leave in the order of the calls. A link whose peer is lost answers everything with
    NetworkError, then and from then on: make another.
    """

    def call(self, request: Message, done: Done) -> None:
        """Send `request`; `done` is called once, never from within this call.

        A Fetch with a credit and a Metadata that is watched may be answered more than once: `more`
        is true but in the last answer.

        A produce with acks=0 has no answer; its `done` may be called with an empty one, or not.
        """

    def close(self) -> None:
        """End the conversation; no `done` is called any more."""


Connector: TypeAlias = Callable[[str], Link]  # from an endpoint URL; on the I/O thread
