"""How brokers greet each other, and how they tell that they and others are alive.

All are ours (bus/wire/extensions.py), and spoken on the links between brokers only. A conversation
there begins with a Hello, whose answer says whether the link is accepted (bus/broker/peer_link.py);
the others have no answer.
"""

from uuid import UUID

from bus.wire.schema import Message, boolean, int16, int32, int64, string, table, uuid

# --- Hello: the first request of each connection -----------------------------------------------


@table
class HelloRequest(Message):
    """Who calls, and whom; `broker_id` is believed only because the key of the connection is.

    On a Unix socket no key is proven: `key` is the one that the broker says is its own.
    """

    cluster: str = string()
    broker_id: int = int32()
    broker_epoch: int = int64()  # 0: it has none yet
    life: UUID = uuid()  # of the process that calls, from its start to its end
    called_id: int = int32()
    link: int = int64()  # numbers the links of the broker with the lower id
    called_life: UUID = uuid()  # of whom this calls back; all zero in the first call
    key: str = string(tag=0)  # public, in Z85; that of the connection, if that has one


@table
class HelloResponse(Message):
    """Accepted, or why not."""

    error_code: int = int16()
    reason: str = string()  # a sentence, if it is not accepted


# --- Beat: one way, five times a second ---------------------------------------------------------


@table
class BeatRequest(Message):
    """The sender's event loop goes round (replication 5.3)."""

    stuck_ms: int = int32()  # how long its oldest unfinished write is under way


@table
class BeatResponse(Message):
    """There is none."""


# --- Inquiry and Opinion: one way each -----------------------------------------------------------


@table
class InquiryRequest(Message):
    """Does the receiver have a link to this broker? Asked by who has lost its own."""

    broker_id: int = int32()


@table
class InquiryResponse(Message):
    """There is none: an Opinion comes now, and another one whenever it changes."""


@table
class OpinionRequest(Message):
    """What the sender sees of a broker."""

    broker_id: int = int32()
    hears: bool = boolean()


@table
class OpinionResponse(Message):
    """There is none."""
