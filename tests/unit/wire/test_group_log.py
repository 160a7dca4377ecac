"""Are keys and values of `__consumer_offsets` those that Kafka's tools read?"""

import pytest

from bus.errors import FrameError
from bus.wire.consumer_protocol import decode_assignment, decode_subscription
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

KAFKAS_GROUP = bytes.fromhex(
    "00030008636f6e73756d657200000001000572616e67650029627573642d62383065653832642d353934392d"
    "343866362d383630362d393339646133393030636239000001a207d986ec000000010029627573642d623830"
    "65653832642d353934392d343866362d383630362d393339646133393030636239ffff000462757364000a2f"
    "3132372e302e302e31000075300000753000000017000300000001000174ffffffff00000000ffffffffffff"
    "00000019000300000001000174000000020000000000000001ffffffff"
)
POSITION = OffsetCommitValue(5, 2, "m", 1000)
MEMBER = MemberMetadata("id", "inst", "cl", "/h", 300, 100, b"sub", b"as")
GROUP = GroupMetadataValue("consumer", 7, "range", "id", 9, [MEMBER])


def test_the_key_of_a_position_names_group_topic_and_partition():
    key = OffsetCommitKey("gr", "t", 3)
    data = b"\x00\x01" + b"\x00\x02gr" + b"\x00\x01t" + b"\x00\x00\x00\x03"
    assert encode_key(key) == data
    assert decode_key(data) == key
    assert decode_key(b"\x00\x00" + data[2:]) == key, "as the oldest brokers wrote it"


def test_the_key_of_a_group_names_it():
    assert encode_key(GroupMetadataKey("gr")) == b"\x00\x02\x00\x02gr"
    assert decode_key(b"\x00\x02\x00\x02gr") == GroupMetadataKey("gr")


@pytest.mark.parametrize("kind", [3, 8, 17, -1])
def test_keys_of_other_kinds_are_nothing_to_us(kind):
    assert decode_key(kind.to_bytes(2, "big", signed=True) + b"\x00\x01x") is None


def test_a_position_is_written_with_its_epoch():
    written = b"\x00\x03" + (5).to_bytes(8, "big") + (2).to_bytes(4, "big")
    assert encode_value(POSITION) == written + b"\x00\x01m" + (1000).to_bytes(8, "big")


def test_a_position_is_read_at_every_version():
    for version in range(5):
        epoch = 2 if version >= 3 else -1
        read = decode_offset_value(encode_value(POSITION, version))
        assert read == OffsetCommitValue(5, epoch, "m", 1000)


def test_an_old_position_may_say_when_it_expires():
    data = encode_value(OffsetCommitValue(5, -1, "", 1000, 2000), 1)
    assert data.endswith((1000).to_bytes(8, "big") + (2000).to_bytes(8, "big"))
    assert decode_offset_value(data).expire_timestamp == 2000


def test_a_group_is_written_with_its_members():
    member = (
        b"\x00\x02id\x00\x04inst\x00\x02cl\x00\x02/h"
        + (300).to_bytes(4, "big")
        + (100).to_bytes(4, "big")
        + b"\x00\x00\x00\x03sub\x00\x00\x00\x02as"
    )
    head = b"\x00\x03\x00\x08consumer\x00\x00\x00\x07\x00\x05range\x00\x02id"
    assert encode_value(GROUP) == head + (9).to_bytes(8, "big") + b"\x00\x00\x00\x01" + member


def test_a_group_is_read_at_every_version():
    for version in range(5):
        member = MemberMetadata(
            "id",
            "inst" if version >= 3 else None,
            "cl",
            "/h",
            300 if version >= 1 else -1,
            100,
            b"sub",
            b"as",
        )
        group = GroupMetadataValue(
            "consumer", 7, "range", "id", 9 if version >= 2 else -1, [member]
        )
        assert decode_group_value(encode_value(GROUP, version)) == group


def test_a_group_may_be_without_protocol_and_leader():
    empty = GroupMetadataValue("", 0, None, None, 9)
    assert decode_group_value(encode_value(empty)) == empty


@pytest.mark.parametrize(
    "read", [decode_offset_value, decode_group_value], ids=["position", "group"]
)
def test_a_value_from_the_future_is_refused(read):
    with pytest.raises(FrameError, match="version 5 is not known"):
        read(b"\x00\x05" + bytes(100))


def test_no_key_at_all_is_refused():
    with pytest.raises(FrameError):
        decode_key(b"")


def test_what_kafka_has_written_is_read_and_written_the_same():
    """By a broker of version 4.1: a position at version 4, and a group at version 3."""
    key = bytes.fromhex("00010002673200017400000000")
    value = bytes.fromhex("00040000000000000004ffffffff01000001a207d9870300")
    assert decode_key(key) == OffsetCommitKey("g2", "t", 0)
    position = decode_offset_value(value)
    assert position == OffsetCommitValue(4, -1, "", 1795428026115)
    assert encode_value(position, 4) == value

    name = "busd-b80ee82d-5949-48f6-8606-939da3900cb9"
    group = decode_group_value(KAFKAS_GROUP)
    assert (group.protocol_type, group.generation, group.leader) == ("consumer", 1, name)
    (member,) = group.members
    assert (member.member_id, member.client_host) == (name, "/127.0.0.1")
    assert decode_subscription(member.subscription).topics == ["t"]
    assert decode_assignment(member.assignment).assigned_partitions[0].partitions == [0, 1]
    assert encode_value(group, 3) == KAFKAS_GROUP
