"""What consumers of a group tell each other; the broker carries it without looking.

    Subscription        versions 0 to 3   in JoinGroup: a member's topics and what it has now
    Assignment          versions 0 to 3   in SyncGroup: what it is to have
    StickyUserData      versions 0 and 1  in the subscription's user data, of assignor "sticky"
    CooperativeUserData                   the same of assignor "cooperative-sticky"

The first two begin with an int16 version and are never in the compact encoding. A newer version
only adds at the end, so whoever does not know it reads what it knows. User data has no version:
the longer form is tried first.

Members of other libraries may say version 1 and leave out what it adds; they are read as version 0.
"""

from bus.errors import FrameError
from bus.model.batch import Buffer
from bus.wire.schema import array, int32, nullable_binary, nullable_string, string, table
from bus.wire.versioned import VERSION_SIZE, Versioned

PROTOCOL_TYPE = "consumer"
NEWEST = 3
NO_GENERATION = -1


@table
class TopicPartitions:
    """Partitions of one topic."""

    topic: str = string()
    partitions: list[int] = array("int32")


@table
class Subscription:
    """What a member wants to read, and what it owns already."""

    topics: list[str] = array("string")
    user_data: bytes | None = nullable_binary()
    owned_partitions: list[TopicPartitions] = array(TopicPartitions, since=1)
    generation_id: int = int32(NO_GENERATION, since=2)
    rack_id: str | None = nullable_string(since=3)


@table
class Assignment:
    """What a member is to read."""

    assigned_partitions: list[TopicPartitions] = array(TopicPartitions)
    user_data: bytes | None = nullable_binary()


@table
class StickyUserData:
    """What a member had before, and in which generation."""

    previous_assignment: list[TopicPartitions] = array(TopicPartitions)
    generation: int = int32(NO_GENERATION, since=1)


@table
class CooperativeUserData:
    """The generation in which a member owned what its subscription names."""

    generation: int = int32(NO_GENERATION)


_SUBSCRIPTION = Versioned(Subscription, NEWEST, open_ended=True)
_ASSIGNMENT = Versioned(Assignment, NEWEST, open_ended=True)
_STICKY = Versioned(StickyUserData, 1, open_ended=True)
_COOPERATIVE = Versioned(CooperativeUserData, 0, open_ended=True)


def encode_subscription(value: Subscription, version: int = NEWEST) -> bytes:
    """The metadata of a protocol in JoinGroup."""
    return _SUBSCRIPTION.encode(value, version)


def decode_subscription(data: Buffer) -> Subscription:
    """Read a member's metadata. Raises FrameError."""
    try:
        return _SUBSCRIPTION.decode(data)
    except FrameError:
        return _SUBSCRIPTION.decode_at(memoryview(data)[VERSION_SIZE:], 0)


def encode_assignment(value: Assignment, version: int = NEWEST) -> bytes:
    """A member's assignment in SyncGroup."""
    return _ASSIGNMENT.encode(value, version)


def decode_assignment(data: Buffer) -> Assignment:
    """Read an assignment. Nothing at all is an assignment of nothing. Raises FrameError."""
    return _ASSIGNMENT.decode(data) if len(data) else Assignment()


def encode_sticky(value: StickyUserData, version: int = 1) -> bytes:
    """User data of the assignor "sticky"."""
    return _STICKY.encode(value, version)[VERSION_SIZE:]


def decode_sticky(data: Buffer | None) -> StickyUserData:
    """Read it; none is a member that had nothing. Raises FrameError."""
    if data is None or not len(data):
        return StickyUserData()
    try:
        return _STICKY.decode_at(data, 1)
    except FrameError:
        return _STICKY.decode_at(data, 0)


def encode_cooperative(value: CooperativeUserData) -> bytes:
    """User data of the assignor "cooperative-sticky"."""
    return _COOPERATIVE.encode(value, 0)[VERSION_SIZE:]


def decode_cooperative(data: Buffer | None) -> CooperativeUserData:
    """Read it; none is a member without a generation. Raises FrameError."""
    if data is None or not len(data):
        return CooperativeUserData()
    return _COOPERATIVE.decode_at(data, 0)
