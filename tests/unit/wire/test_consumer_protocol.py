"""Do members understand each other, also those of other libraries and of other times?"""

import pytest

from bus.errors import FrameError
from bus.wire.consumer_protocol import (
    Assignment,
    CooperativeUserData,
    StickyUserData,
    Subscription,
    TopicPartitions,
    decode_assignment,
    decode_cooperative,
    decode_sticky,
    decode_subscription,
    encode_assignment,
    encode_cooperative,
    encode_sticky,
    encode_subscription,
)

OWNED = TopicPartitions("t", [0, 2])
FULL = Subscription(["t"], b"u", [OWNED], 4, "rack")
OWNED_BYTES = b"\x00\x00\x00\x01\x00\x01t\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x02"


def test_a_subscription_is_topics_user_data_and_what_later_versions_add():
    first = b"\x00\x00\x00\x01\x00\x01t" + b"\x00\x00\x00\x01u"
    third = first + OWNED_BYTES + b"\x00\x00\x00\x04" + b"\x00\x04rack"
    assert encode_subscription(FULL, 0) == b"\x00\x00" + first
    assert encode_subscription(FULL) == b"\x00\x03" + third
    assert decode_subscription(b"\x00\x03" + third) == FULL


def test_a_newer_subscription_is_read_as_far_as_it_is_known():
    data = b"\x00\x09" + encode_subscription(FULL)[2:] + b"what version 9 adds"
    assert decode_subscription(data) == FULL


def test_a_version_1_without_what_it_adds_is_read_as_version_0():
    data = b"\x00\x01" + encode_subscription(FULL, 0)[2:]
    assert decode_subscription(data) == Subscription(["t"], b"u")


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x01\x7f\xff\xff\xff", b"\xff\xff\x00\x00"])
def test_what_is_no_subscription_is_refused(data):
    with pytest.raises(FrameError):
        decode_subscription(data)


def test_an_assignment_is_the_same_in_all_versions():
    assignment = Assignment([OWNED], None)
    for version in range(4):
        data = version.to_bytes(2, "big") + OWNED_BYTES + b"\xff\xff\xff\xff"
        assert encode_assignment(assignment, version) == data
        assert decode_assignment(data) == assignment


def test_no_assignment_is_an_assignment_of_nothing():
    assert decode_assignment(b"") == Assignment()


def test_sticky_user_data_has_no_version_before_it():
    data = OWNED_BYTES + b"\x00\x00\x00\x05"
    assert encode_sticky(StickyUserData([OWNED], 5)) == data
    assert decode_sticky(data) == StickyUserData([OWNED], 5)
    assert decode_sticky(OWNED_BYTES) == StickyUserData([OWNED], -1)


def test_cooperative_user_data_is_a_generation():
    assert encode_cooperative(CooperativeUserData(5)) == b"\x00\x00\x00\x05"
    assert decode_cooperative(b"\x00\x00\x00\x05").generation == 5


def test_no_user_data_is_a_member_that_had_nothing():
    for nothing in (None, b""):
        assert decode_sticky(nothing) == StickyUserData()
        assert decode_cooperative(nothing) == CooperativeUserData()
