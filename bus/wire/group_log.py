"""What stands in `__consumer_offsets`: positions and groups, as Kafka's own tools read them.

Keys begin with the kind of record, values with their version; a null value is a tombstone. Both
are int16, and no key is in the compact encoding.

    key 0, 1   a position     value OffsetCommitValue, versions 0 to 4 (4 is compact); 3 is written
    key 2      a group        value GroupMetadataValue, versions 0 to 4 (4 is compact); 3 is written
    key 3 ...  of the newer group protocol and whatever else: `decode_key` gives None

Invariant: the bytes of a key depend on nothing but what it names, so compaction finds its like.
"""

from bus.model.batch import Buffer
from bus.wire.schema import array, binary, int32, int64, nullable_string, string, table
from bus.wire.versioned import Versioned, version_of

OFFSET_KEYS = (0, 1)
GROUP_KEY = 2
WRITTEN_KEY = 1
WRITTEN_VALUE = 3


@table
class OffsetCommitKey:
    """Whose position it is, and in which partition."""

    group: str = string()
    topic: str = string()
    partition: int = int32()


@table
class OffsetCommitValue:
    """The next offset to be read."""

    offset: int = int64()
    leader_epoch: int = int32(-1, since=3)
    metadata: str = string()
    commit_timestamp: int = int64()  # ms since the epoch
    expire_timestamp: int = int64(-1, since=1, until=2)


@table
class GroupMetadataKey:
    """Which group it is."""

    group: str = string()


@table
class MemberMetadata:
    """A member of the group's generation."""

    member_id: str = string()
    group_instance_id: str | None = nullable_string(since=3)
    client_id: str = string()
    client_host: str = string()
    rebalance_timeout: int = int32(-1, since=1)  # ms; in version 0 the session timeout serves
    session_timeout: int = int32()  # ms
    subscription: bytes = binary()
    assignment: bytes = binary()


@table
class GroupMetadataValue:
    """A generation: who is in it, and who works on what."""

    protocol_type: str = string()
    generation: int = int32()
    protocol: str | None = nullable_string()
    leader: str | None = nullable_string()
    current_state_timestamp: int = int64(-1, since=2)  # ms since the epoch
    members: list[MemberMetadata] = array(MemberMetadata)


_OFFSET_KEY = Versioned(OffsetCommitKey, max(OFFSET_KEYS))
_GROUP_KEY = Versioned(GroupMetadataKey, GROUP_KEY)
_OFFSET_VALUE = Versioned(OffsetCommitValue, 4, flexible_since=4)
_GROUP_VALUE = Versioned(GroupMetadataValue, 4, flexible_since=4)


def encode_key(key: OffsetCommitKey | GroupMetadataKey) -> bytes:
    """A record's key."""
    if isinstance(key, OffsetCommitKey):
        return _OFFSET_KEY.encode(key, WRITTEN_KEY)
    return _GROUP_KEY.encode(key, GROUP_KEY)


def decode_key(data: Buffer) -> OffsetCommitKey | GroupMetadataKey | None:
    """What a record is about; None is a kind that is not known here. Raises FrameError."""
    kind = version_of(data)
    if kind in OFFSET_KEYS:
        return _OFFSET_KEY.decode(data)
    return _GROUP_KEY.decode(data) if kind == GROUP_KEY else None


def encode_value(
    value: OffsetCommitValue | GroupMetadataValue, version: int = WRITTEN_VALUE
) -> bytes:
    """A record's value."""
    if isinstance(value, OffsetCommitValue):
        return _OFFSET_VALUE.encode(value, version)
    return _GROUP_VALUE.encode(value, version)


def decode_offset_value(data: Buffer) -> OffsetCommitValue:
    """The value after an OffsetCommitKey. Raises FrameError."""
    return _OFFSET_VALUE.decode(data)


def decode_group_value(data: Buffer) -> GroupMetadataValue:
    """The value after a GroupMetadataKey. Raises FrameError."""
    return _GROUP_VALUE.decode(data)
