"""The messages about members of etcd as its JSON gateway has them: part of `codec.py`."""

from bus.adapters.etcd.json_parts import (
    Json,
    flag_of,
    header_of,
    int_of,
    list_of,
    quoted,
    texts_of,
)
from bus.adapters.etcd.messages import (
    AddLearner,
    AskState,
    ListMembers,
    Members,
    OfMembers,
    Promote,
    Remove,
    Request,
    State,
    Watching,
)
from bus.errors import FrameError
from bus.model.etcd_members import EtcdMember
from bus.model.limits import ETCD_MEMBERS_MAX

PATHS: dict[type[Request] | type[Watching], str] = {
    ListMembers: "/v3/cluster/member/list",
    AddLearner: "/v3/cluster/member/add",
    Promote: "/v3/cluster/member/promote",
    Remove: "/v3/cluster/member/remove",
    AskState: "/v3/maintenance/status",
}


def encode(request: OfMembers) -> Json:
    """The content of a request."""
    match request:
        case AddLearner():
            return {"peerURLs": [request.peer_url], "isLearner": True}
        case Promote() | Remove():
            return {"ID": str(request.member)}
        case ListMembers() | AskState():
            return {}


def decode(request: OfMembers, content: Json) -> Members | State:
    """The answer to `request`. Raises FrameError."""
    if isinstance(request, AskState):
        complaints = tuple(quoted(text) for text in texts_of(content, "errors"))
        return State(header_of(content), int_of(content, "leader") != 0, complaints)
    members = list_of(content, "members")
    if len(members) > ETCD_MEMBERS_MAX:
        raise FrameError(f"etcd names {len(members)} members; {ETCD_MEMBERS_MAX} are believed.")
    return Members(header_of(content), tuple(_member(each) for each in members))


def _member(content: object) -> EtcdMember:
    if not isinstance(content, dict):
        raise FrameError("A member is not an object.")
    name = content.get("name", "")
    if not isinstance(name, str):
        raise FrameError("The name of a member is not a string.")
    return EtcdMember(
        int_of(content, "ID"),
        name,
        texts_of(content, "peerURLs"),
        texts_of(content, "clientURLs"),
        flag_of(content, "isLearner"),
    )
