"""Who may join a group, and whether a request comes of whom it says.

Condition, tested in this order                          Error
-------------------------------                          -----
the session is shorter or longer than allowed            InvalidSessionTimeout
its instance id belongs to another member                FencedInstanceId
its id or its instance id is not of this group           UnknownMemberId
new, and the group is full, or says too much of itself,
or all groups together do                                GroupMaxSizeReached
no protocol, or none that all others know as well        InconsistentGroupProtocol
"""

from bus.control.group_facts import GroupRules, Join
from bus.control.group_members import Members
from bus.errors import (
    NONE,
    FencedInstanceId,
    GroupMaxSizeReached,
    InconsistentGroupProtocol,
    InvalidSessionTimeout,
    UnknownMemberId,
)


def join_error(
    join: Join, members: Members, protocol_type: str, pending: set[str], rules: GroupRules
) -> int:
    """Why this join is refused; 0 if it is not. `pending` ids were given out, not used yet."""
    if not rules.session_min_ms <= join.session_timeout_ms <= rules.session_max_ms:
        return InvalidSessionTimeout.code
    if join.member_id and join.member_id not in pending:
        error = member_error(members, join.member_id, join.instance_id)
        if error:
            return error
    replaced = members.get(join.member_id) or members.by_instance(join.instance_id)
    if replaced is None and not _has_room(join, members, pending, rules):
        return GroupMaxSizeReached.code
    if not join.protocol_type or not join.protocols:
        return InconsistentGroupProtocol.code
    if members and not _agrees(join, members, protocol_type):
        return InconsistentGroupProtocol.code
    return NONE


def member_error(members: Members, member_id: str, instance_id: str | None) -> int:
    """Whether a request comes of whom it says; 0 if so."""
    if instance_id is None:
        return NONE if members.get(member_id) is not None else UnknownMemberId.code
    owner = members.by_instance(instance_id)
    if owner is None:
        return UnknownMemberId.code
    return NONE if owner.member_id == member_id else FencedInstanceId.code


def _has_room(join: Join, members: Members, pending: set[str], rules: GroupRules) -> bool:
    expected = len(members) + len(pending) - (join.member_id in pending)
    size = sum(len(protocol.metadata) for protocol in join.protocols)
    said = members.metadata_bytes + size
    return not join.is_too_much and expected < rules.size_max and said <= rules.metadata_bytes_max


def _agrees(join: Join, members: Members, protocol_type: str) -> bool:
    candidates = members.candidates()
    names = (protocol.name for protocol in join.protocols)
    return join.protocol_type == protocol_type and any(name in candidates for name in names)
