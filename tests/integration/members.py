"""Members of groups, made of bare requests: they hold a group without reading anything."""

from bus.client.admin import Admin
from bus.client.admin_asking import Target
from bus.errors import MemberIdRequired
from bus.wire.commits import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
)
from bus.wire.consumer_protocol import (
    Assignment,
    Subscription,
    TopicPartitions,
    encode_assignment,
    encode_subscription,
)
from bus.wire.groups import (
    JoinGroupRequest,
    JoinGroupRequestProtocol,
    JoinGroupResponse,
    LeaveGroupRequest,
    LeaveGroupResponse,
    MemberIdentity,
    SyncGroupRequest,
    SyncGroupRequestAssignment,
    SyncGroupResponse,
)


class LoneMember:
    """The only member of a group, which assigns itself one topic."""

    def __init__(self, admin: Admin, group: str, topic: str, partitions: int) -> None:
        self.admin, self.group, self.topic = admin, group, topic
        self.target = Target(coordinator_of=group)
        self.joined = self._join()
        assignment = Assignment([TopicPartitions(topic, list(range(partitions)))])
        own = SyncGroupRequestAssignment(self.joined.member_id, encode_assignment(assignment))
        request = SyncGroupRequest(
            group,
            self.joined.generation_id,
            self.joined.member_id,
            protocol_type="consumer",
            protocol_name="range",
            assignments=[own],
        )
        self._ask(request, SyncGroupResponse)

    def _join(self) -> JoinGroupResponse:
        metadata = encode_subscription(Subscription([self.topic]))
        request = JoinGroupRequest(
            self.group,
            session_timeout_ms=30_000,
            rebalance_timeout_ms=30_000,
            protocol_type="consumer",
            protocols=[JoinGroupRequestProtocol("range", metadata)],
        )
        first = self._ask(request, JoinGroupResponse, (MemberIdRequired.code,))
        if first.error_code:
            request.member_id = first.member_id
            return self._ask(request, JoinGroupResponse)
        return first

    def commit(self, offsets: dict[int, int]) -> None:
        """Commit positions by partition."""
        parts = [OffsetCommitRequestPartition(p, o, -1, "") for p, o in offsets.items()]
        topic = OffsetCommitRequestTopic(self.topic, parts)
        joined = self.joined
        request = OffsetCommitRequest(
            self.group, joined.generation_id, joined.member_id, topics=[topic]
        )
        self._ask(request, OffsetCommitResponse)

    def leave(self) -> None:
        """Leave the group empty."""
        member = MemberIdentity(self.joined.member_id)
        request = LeaveGroupRequest(self.group, self.joined.member_id, [member])
        self._ask(request, LeaveGroupResponse)

    def _ask(self, request, kind, allowed=()):
        def errors_of(answer):
            code = getattr(answer, "error_code", 0)
            return [] if code in allowed else [(code, None)]

        asking = self.admin.asking
        return self.admin.submit(asking.ask, request, kind, errors_of, self.target).result(30)
