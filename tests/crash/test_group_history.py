"""Does the judgement of a group's history see what is wrong with it?"""

import pytest

from bus.wire.consumer_protocol import Assignment, TopicPartitions, encode_assignment
from bus.wire.group_log import (
    GroupMetadataKey,
    GroupMetadataValue,
    MemberMetadata,
    OffsetCommitKey,
    OffsetCommitValue,
    encode_key,
    encode_value,
)
from tests.crash.group_history import GroupHistory

GOOD = [
    ("a", "share 1 0,1"),
    ("a", "read 0 0 9"),
    ("a", "commit 0 10 100 200"),
    ("a", "share 2 0"),
    ("b", "share 2 1"),
    ("b", "read 1 0 4"),
    ("b", "commit 1 5 250 300"),
    ("a", "read 0 10 19"),
    ("a", "commit 0 20 300 400"),
]


def judged(*lines):
    history = GroupHistory()
    for member, line in lines:
        history.noted(member, line)
    return history.verdict()


def test_a_good_history_holds():
    assert judged(*GOOD) == []


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([("b", "share 1 1,2")], "generation 1 gives partition 1 to a and b"),
        ([("b", "commit 0 15 500 600")], "partition 0 was committed at 15 after 20"),
        ([("b", "commit 1 7 500 600")], "partition 1 is committed at 7, but 5 was skipped"),
        (
            [("b", "read 1 6 9"), ("b", "commit 1 10 500 600")],
            "partition 1 is committed at 10, but 5 was skipped",
        ),
    ],
)
def test_what_is_wrong_is_told(lines, problem):
    assert judged(*GOOD, *lines) == [problem]


def test_commits_that_were_under_way_together_have_no_order():
    assert judged(*GOOD, ("b", "commit 0 15 399 600")) == []


def position(partition, offset):
    key = encode_key(OffsetCommitKey("g", "t", partition))
    return key, encode_value(OffsetCommitValue(offset))


def generation(number, **shares):
    members = [
        MemberMetadata(name, assignment=encode_assignment(Assignment([TopicPartitions("t", own)])))
        for name, own in shares.items()
    ]
    value = GroupMetadataValue("consumer", number, "range", None, members=members)
    return encode_key(GroupMetadataKey("g")), encode_value(value)


@pytest.mark.parametrize(
    ("records", "problems"),
    [
        ([position(0, 5), position(1, 3), position(0, 6), generation(1, a=[0], b=[1])], []),
        ([position(0, 5), position(0, 4)], ["the log takes partition 0 back from 5 to 4"]),
        ([position(0, 11)], ["partition 0 is committed at 11, but 10 was skipped"]),
        ([generation(2, a=[0]), generation(1, a=[0])], ["generation 1 came after 2"]),
        (
            [generation(1, a=[0, 1], b=[1])],
            ["the log's generation 1 gives partition 1 to a and b"],
        ),
    ],
)
def test_the_log_s_own_account_is_judged_too(records, problems):
    history = GroupHistory()
    history.reads = {0: [(0, 10)], 1: [(0, 10)]}
    for key, value in records:
        history.logged("g", key, value)
    history.logged("g", encode_key(OffsetCommitKey("g", "t", 0)), None)
    assert history.verdict() == problems
