"""A group's records as they stand in `__consumer_offsets`, there and back.

Positions are many and small, so their bytes (key version 1, value version 3) are put together here
by hand; tests hold them equal to the tables of `wire/group_log.py`, which does all the rest.
"""

import struct

from bus.control.group_facts import OffsetKey, Position, Record, StoredGroup, StoredMember
from bus.errors import FrameError
from bus.wire.consumer_protocol import PROTOCOL_TYPE, decode_subscription
from bus.wire.group_log import (
    GroupMetadataKey,
    GroupMetadataValue,
    MemberMetadata,
    OffsetCommitKey,
    OffsetCommitValue,
    decode_group_value,
    decode_key,
    decode_offset_value,
    encode_key,
    encode_value,
)

EXPIRING_VALUE = 1  # the last version that names when the position expires
_KEY_HEAD = struct.Struct(">hh")  # version 1, length of the group's name
_LENGTH = struct.Struct(">h")
_PARTITION = struct.Struct(">i")
_VALUE_HEAD = struct.Struct(">hqih")  # version 3, offset, leader epoch, length of the metadata
_TIME = struct.Struct(">q")

Row = tuple[bytes, bytes | None]  # key and value of a record; None is a tombstone


def rows_of(group_id: str, records: tuple[Record, ...]) -> list[Row]:
    """Records of one group as they are written."""
    rows: list[Row] = []
    name = group_id.encode()
    head = _KEY_HEAD.pack(1, len(name)) + name
    prefixes: dict[str, bytes] = {}
    for key, value in records:
        if key is None:
            assert value is None or isinstance(value, StoredGroup)
            data = None if value is None else encode_value(_group_value(value))
            rows.append((encode_key(GroupMetadataKey(group_id)), data))
            continue
        topic, partition = key
        prefix = prefixes.get(topic)
        if prefix is None:
            encoded = topic.encode()
            prefix = prefixes[topic] = head + _LENGTH.pack(len(encoded)) + encoded
        assert value is None or isinstance(value, Position)
        rows.append((prefix + _PARTITION.pack(partition), None if value is None else _put(value)))
    return rows


def record_of(key: bytes, value: bytes | None) -> tuple[str, Record] | None:
    """The group and its record; None for a kind that is not kept here. Raises FrameError."""
    if key[:2] == b"\0\x01":
        group_id, offset_key = _offset_key(key)
        return group_id, (offset_key, None if value is None else _position(value))
    decoded = decode_key(key)
    if decoded is None:
        return None
    if isinstance(decoded, OffsetCommitKey):
        position = None if value is None else _position(value)
        return decoded.group, ((decoded.topic, decoded.partition), position)
    return decoded.group, (None, None if value is None else _stored_group(value))


def topics_of(protocol_type: str, metadata: bytes) -> frozenset[str] | None:
    """What a member subscribes to, if its metadata is a consumer's and can be read."""
    if protocol_type != PROTOCOL_TYPE:
        return None
    try:
        return frozenset(decode_subscription(metadata).topics)
    except FrameError:
        return None


def _put(position: Position) -> bytes:
    offset, leader_epoch, metadata, commit_ms, expire_ms = position
    if expire_ms >= 0:
        value = OffsetCommitValue(offset, leader_epoch, metadata, commit_ms, expire_ms)
        return encode_value(value, EXPIRING_VALUE)
    text = metadata.encode()
    return _VALUE_HEAD.pack(3, offset, leader_epoch, len(text)) + text + _TIME.pack(commit_ms)


def _offset_key(key: bytes) -> tuple[str, OffsetKey]:
    try:
        middle = 4 + _LENGTH.unpack_from(key, 2)[0]
        end = middle + 2 + _LENGTH.unpack_from(key, middle)[0]
        (partition,) = _PARTITION.unpack_from(key, end)
        if end + _PARTITION.size != len(key) or middle < 4:
            raise FrameError("The key of a position does not end where its names do.")
        return key[4:middle].decode(), (key[middle + 2 : end].decode(), partition)
    except (struct.error, UnicodeDecodeError) as error:
        raise FrameError(f"The key of a position cannot be read: {error}.") from None


def _position(value: bytes) -> Position:
    if value[:2] == b"\0\x03" and len(value) >= _VALUE_HEAD.size:
        _, offset, leader_epoch, length = _VALUE_HEAD.unpack_from(value)
        end = _VALUE_HEAD.size + length
        if length >= 0 and end + _TIME.size == len(value):
            text = value[_VALUE_HEAD.size : end].decode(errors="replace") if length else ""
            return Position(offset, leader_epoch, text, _TIME.unpack_from(value, end)[0])
    known = decode_offset_value(value)
    return Position(
        known.offset,
        known.leader_epoch,
        known.metadata,
        known.commit_timestamp,
        known.expire_timestamp,
    )


def _group_value(stored: StoredGroup) -> GroupMetadataValue:
    members = [
        MemberMetadata(
            member.member_id,
            member.instance_id,
            member.client_id,
            member.client_host,
            member.rebalance_timeout_ms,
            member.session_timeout_ms,
            member.subscription,
            member.assignment,
        )
        for member in stored.members
    ]
    return GroupMetadataValue(
        stored.protocol_type,
        stored.generation,
        stored.protocol,
        stored.leader,
        stored.since_ms,
        members,
    )


def _stored_group(value: bytes) -> StoredGroup:
    known = decode_group_value(value)
    members = tuple(
        StoredMember(
            member.member_id,
            member.group_instance_id,
            member.client_id,
            member.client_host,
            member.rebalance_timeout if member.rebalance_timeout >= 0 else member.session_timeout,
            member.session_timeout,
            bytes(member.subscription),
            bytes(member.assignment),
            topics_of(known.protocol_type, bytes(member.subscription)),
        )
        for member in known.members
    )
    return StoredGroup(
        known.generation,
        known.protocol_type,
        known.protocol,
        known.leader,
        known.current_state_timestamp,
        members,
    )
