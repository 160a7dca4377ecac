"""One registry of handlers for all transports: which request goes where, and what may go wrong.

A handler never raises because of a peer: it answers an error. What still escapes is our own bug: it
is logged, and the peer's request fails with UnknownServerError by closing its conversation.
"""

from collections.abc import Callable
from typing import Any

from bus.broker.context import Context, Reply
from bus.broker.handlers import (
    admin,
    brokers,
    cluster,
    configs,
    fetch,
    forwarded,
    groups,
    groups_admin,
    groups_offsets,
    host,
    metadata,
    offsets,
    produce,
    replica_states,
    replicas,
    security,
)
from bus.broker.node import Node
from bus.wire.admin import DescribeConfigsRequest
from bus.wire.brokers import (
    DescribeHostRequest,
    DrainBrokerRequest,
    UnregisterBrokerRequest,
)
from bus.wire.cluster import DescribeClusterRequest
from bus.wire.commits import OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest
from bus.wire.elections import ElectLeadersRequest
from bus.wire.fetch import FetchRequest
from bus.wire.group_admin import (
    DeleteGroupsRequest,
    DescribeGroupsRequest,
    ListGroupsRequest,
)
from bus.wire.groups import (
    FindCoordinatorRequest,
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    SyncGroupRequest,
)
from bus.wire.metadata import ApiVersionsRequest, MetadataRequest
from bus.wire.offsets import (
    DeleteRecordsRequest,
    ListOffsetsRequest,
    OffsetForLeaderEpochRequest,
)
from bus.wire.produce import ProduceRequest
from bus.wire.reassignments import (
    AlterPartitionReassignmentsRequest,
    ListPartitionReassignmentsRequest,
)
from bus.wire.registry import api_of
from bus.wire.replica_states import DescribeReplicasRequest
from bus.wire.schema import Message
from bus.wire.security import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest
from bus.wire.transactions import InitProducerIdRequest

Handler = Callable[[Node, Context, Any, Reply], None]

HANDLERS: dict[type[Message], Handler] = {
    ProduceRequest: produce.produce,
    FetchRequest: fetch.fetch,
    ListOffsetsRequest: offsets.list_offsets,
    MetadataRequest: metadata.metadata,
    ApiVersionsRequest: metadata.api_versions,
    **forwarded.PASSED_ON,
    DeleteRecordsRequest: offsets.delete_records,
    InitProducerIdRequest: admin.init_producer_id,
    DescribeConfigsRequest: configs.describe_configs,
    FindCoordinatorRequest: groups.find_coordinator,
    JoinGroupRequest: groups.join_group,
    SyncGroupRequest: groups.sync_group,
    HeartbeatRequest: groups.heartbeat,
    LeaveGroupRequest: groups.leave_group,
    OffsetCommitRequest: groups_offsets.offset_commit,
    OffsetFetchRequest: groups_offsets.offset_fetch,
    OffsetDeleteRequest: groups_offsets.offset_delete,
    DescribeGroupsRequest: groups_admin.describe_groups,
    ListGroupsRequest: groups_admin.list_groups,
    DeleteGroupsRequest: groups_admin.delete_groups,
    OffsetForLeaderEpochRequest: offsets.offset_for_leader_epoch,
    DescribeClusterRequest: cluster.describe_cluster,
    ElectLeadersRequest: replicas.elect_leaders,
    AlterPartitionReassignmentsRequest: replicas.alter_partition_reassignments,
    ListPartitionReassignmentsRequest: replicas.list_partition_reassignments,
    UnregisterBrokerRequest: brokers.unregister_broker,
    DrainBrokerRequest: brokers.drain_broker,
    DescribeHostRequest: host.describe_host,
    DescribeReplicasRequest: replica_states.describe_replicas,
    DescribeAclsRequest: security.describe_acls,
    CreateAclsRequest: security.create_acls,
    DeleteAclsRequest: security.delete_acls,
}

SERVED = sorted((api_of(request) for request in HANDLERS), key=lambda api: api.key)


def dispatch(node: Node, context: Context, request: Message, reply: Reply) -> None:
    """Hand one decoded request to its handler; `reply` is called once, now or later."""
    handler = HANDLERS[type(request)]
    node.counters.requests[type(request).__name__] += 1
    handler(node, context, request, reply)
