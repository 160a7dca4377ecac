"""Messages about members of etcd, as its JSON gateway has them."""

import json

import pytest

from bus.adapters.etcd import codec
from bus.adapters.etcd.messages import (
    AddLearner,
    AskState,
    Header,
    ListMembers,
    Members,
    Promote,
    Remove,
    State,
)
from bus.errors import FrameError
from bus.model.etcd_members import EtcdMember
from bus.model.limits import ETCD_MEMBERS_MAX

HEADER = {"cluster_id": "1", "member_id": "2", "raft_term": "3"}
PEER = "http://127.0.0.1:2380"


def encoded(request: object) -> object:
    return json.loads(codec.encode(request))


def test_requests_look_as_etcd_reads_them() -> None:
    assert encoded(AddLearner(PEER)) == {"peerURLs": [PEER], "isLearner": True}
    assert encoded(Promote(2**64 - 1)) == {"ID": str(2**64 - 1)}
    assert encoded(Remove(5)) == {"ID": "5"}
    assert encoded(ListMembers()) == {}
    assert encoded(AskState()) == {}


def test_members_are_read_one_that_never_ran_included() -> None:
    members = [
        {"ID": "7", "name": "a", "peerURLs": [PEER], "clientURLs": ["http://127.0.0.1:2379"]},
        {"ID": "8", "peerURLs": [PEER], "isLearner": True},
    ]
    data = json.dumps({"header": HEADER, "members": members}).encode()
    assert codec.decode(ListMembers(), data) == Members(
        Header(1, 0),
        (
            EtcdMember(7, "a", (PEER,), ("http://127.0.0.1:2379",), False),
            EtcdMember(8, "", (PEER,), (), True),
        ),
    )


def test_a_member_tells_whether_it_has_a_leader_and_what_is_wrong() -> None:
    data = json.dumps({"header": HEADER, "leader": "9", "errors": ["alarm:\nNOSPACE"]}).encode()
    assert codec.decode(AskState(), data) == State(Header(1, 0), True, ("alarm: NOSPACE",))
    alone = json.dumps({"header": HEADER}).encode()
    assert codec.decode(AskState(), alone) == State(Header(1, 0), False, ())


@pytest.mark.parametrize(
    "members",
    [
        "x",
        ["x"],
        [{"ID": 7}],
        [{"ID": "7", "name": 1}],
        [{"ID": "7", "peerURLs": "x"}],
        [{"ID": "7", "peerURLs": [1]}],
        [{"ID": "7", "isLearner": "true"}],
        [{"ID": str(2**64)}],
        [{}] * (ETCD_MEMBERS_MAX + 1),
    ],
)
def test_members_of_another_form_are_none(members: object) -> None:
    data = json.dumps({"header": HEADER, "members": members}).encode()
    with pytest.raises(FrameError):
        codec.decode(ListMembers(), data)
