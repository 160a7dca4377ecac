"""Every request the bus knows: its key, its tables and its versions.

kafka-protocol: the versions are those that clients in use need. `min_version` to `max_version`,
both included, are what the codec reads and writes; a Kafka listener may advertise a lower bound,
because some clients draw conclusions from it.
"""

from dataclasses import dataclass
from types import ModuleType

from bus.errors import UnsupportedVersion
from bus.native.codec import Program
from bus.wire import (
    admin,
    brokers,
    cluster,
    commits,
    elections,
    features,
    fetch,
    group_admin,
    groups,
    metadata,
    offsets,
    peers,
    produce,
    reassignments,
    replica_states,
    replicas,
    security,
    transactions,
)
from bus.wire.extensions import API_KEY_MIN
from bus.wire.schema import EVER, Message, program

API_VERSIONS = 18

KAFKA_MIN = {
    0: 0,  # older librdkafka turns compression off where it does not find Produce 0
}  # where a Kafka listener advertises another lowest version than the codec's


@dataclass(frozen=True, slots=True)
class Api:
    """One kind of request and its answer."""

    key: int
    name: str
    request: type[Message]
    response: type[Message]
    min_version: int
    max_version: int  # included
    flexible_since: int  # the first version in the compact encoding; EVER if there is none
    kafka_min: int | None = None  # what a Kafka listener advertises instead of min_version

    def is_flexible(self, version: int) -> bool:
        """Does this version use the compact encoding and tag sections?"""
        return version >= self.flexible_since

    def has_flexible_answer_header(self, version: int) -> bool:
        """Does the answer's header have a tag section? ApiVersions' never has."""
        return version >= self.flexible_since and self.key != API_VERSIONS

    @property
    def is_ours(self) -> bool:
        """Is it none of Kafka's? A Kafka listener neither tells of it nor takes it."""
        return self.key >= API_KEY_MIN

    def advertised(self, kafka: bool) -> tuple[int, int]:
        """Lowest and highest version for an ApiVersions answer, both included."""
        low = self.kafka_min if kafka and self.kafka_min is not None else self.min_version
        return low, self.max_version

    def request_program(self, version: int, extensions: bool) -> Program:
        """The request's table at a version. Raises UnsupportedVersion."""
        self._check(version)
        return program(self.request, version, version >= self.flexible_since, extensions)

    def response_program(self, version: int, extensions: bool) -> Program:
        """The answer's table at a version. Raises UnsupportedVersion."""
        self._check(version)
        return program(self.response, version, version >= self.flexible_since, extensions)

    def _check(self, version: int) -> None:
        if not self.min_version <= version <= self.max_version:
            raise UnsupportedVersion(
                f"{self.name} version {version} is not served; versions {self.min_version} to "
                f"{self.max_version} are."
            )


def _api(key: int, name: str, low: int, high: int, flexible_since: int, module: ModuleType) -> Api:
    request, response = getattr(module, f"{name}Request"), getattr(module, f"{name}Response")
    return Api(key, name, request, response, low, high, flexible_since, KAFKA_MIN.get(key))


APIS = (  # key, name, lowest and highest version, the first in the compact encoding, tables
    _api(0, "Produce", 3, 11, 9, produce),
    _api(1, "Fetch", 4, 16, 12, fetch),
    _api(2, "ListOffsets", 1, 7, 6, offsets),
    _api(3, "Metadata", 0, 12, 9, metadata),
    _api(8, "OffsetCommit", 2, 8, 8, commits),
    _api(9, "OffsetFetch", 1, 8, 6, commits),
    _api(10, "FindCoordinator", 0, 4, 3, groups),
    _api(11, "JoinGroup", 0, 9, 6, groups),
    _api(12, "Heartbeat", 0, 4, 4, groups),
    _api(13, "LeaveGroup", 0, 5, 4, groups),
    _api(14, "SyncGroup", 0, 5, 4, groups),
    _api(15, "DescribeGroups", 0, 5, 5, group_admin),
    _api(16, "ListGroups", 0, 4, 3, group_admin),
    _api(API_VERSIONS, "ApiVersions", 0, 4, 3, metadata),
    _api(19, "CreateTopics", 0, 7, 5, admin),
    _api(20, "DeleteTopics", 0, 6, 4, admin),
    _api(21, "DeleteRecords", 0, 2, 2, offsets),
    _api(22, "InitProducerId", 0, 4, 2, transactions),
    _api(23, "OffsetForLeaderEpoch", 2, 4, 4, offsets),
    _api(29, "DescribeAcls", 1, 3, 2, security),
    _api(30, "CreateAcls", 1, 3, 2, security),
    _api(31, "DeleteAcls", 1, 3, 2, security),
    _api(32, "DescribeConfigs", 0, 4, 4, admin),
    _api(33, "AlterConfigs", 0, 2, 2, admin),
    _api(37, "CreatePartitions", 0, 3, 2, admin),
    _api(42, "DeleteGroups", 0, 2, 2, group_admin),
    _api(43, "ElectLeaders", 0, 2, 2, elections),
    _api(44, "IncrementalAlterConfigs", 0, 1, 1, admin),
    _api(45, "AlterPartitionReassignments", 0, 0, 0, reassignments),
    _api(46, "ListPartitionReassignments", 0, 0, 0, reassignments),
    _api(47, "OffsetDelete", 0, 0, EVER, commits),
    _api(57, "UpdateFeatures", 0, 1, 0, features),
    _api(60, "DescribeCluster", 0, 1, 0, cluster),
    _api(64, "UnregisterBroker", 0, 0, 0, brokers),
    _api(20_100, "DrainBroker", 0, 0, 0, brokers),
    _api(20_101, "DescribeHost", 0, 0, 0, brokers),
    _api(20_102, "DescribeReplicas", 0, 0, 0, replica_states),
)

PEER_APIS = (  # between brokers, beside Fetch; clients are served none of them
    _api(20_000, "Hello", 0, 0, 0, peers),
    _api(20_001, "ReplicaAck", 0, 0, 0, replicas),
    _api(20_002, "BrokerReport", 0, 0, 0, replicas),
    _api(20_003, "Beat", 0, 0, 0, peers),
    _api(20_004, "Inquiry", 0, 0, 0, peers),
    _api(20_005, "Opinion", 0, 0, 0, peers),
    _api(20_006, "AlterPartition", 0, 0, 0, replicas),
    _api(20_007, "BrokerLeave", 0, 0, 0, replicas),
)

API_BY_KEY: dict[int, Api] = {api.key: api for api in APIS}
_ANY_BY_KEY = API_BY_KEY | {api.key: api for api in PEER_APIS}
_API_BY_TYPE: dict[type, Api] = {
    table: api for api in _ANY_BY_KEY.values() for table in (api.request, api.response)
}

assert len(_ANY_BY_KEY) == len(APIS) + len(PEER_APIS), "two requests share a key"
assert all(api.flexible_since <= EVER for api in _ANY_BY_KEY.values())


def api_of(message: Message | type[Message]) -> Api:
    """The Api that a request or a response, or the class of one, belongs to."""
    return _API_BY_TYPE[message if isinstance(message, type) else type(message)]


def api_by_key(key: int) -> Api:
    """The Api with this key. Raises UnsupportedVersion, as a peer's key may be anything."""
    api = _ANY_BY_KEY.get(key)
    if api is None:
        raise UnsupportedVersion(f"There is no request with the key {key} here.")
    return api
