"""ApiVersions (key 18, versions 0 to 4) and Metadata (key 3, versions 0 to 12)."""

from uuid import UUID

from bus.wire.extensions import (
    BATCH_BYTES_MAX,
    CREDIT_BYTES,
    CREDIT_REQUESTS,
    METADATA_REVISION,
    MORE,
    REPLICAS_WANTED,
    WATCH,
)
from bus.wire.schema import (
    Message,
    array,
    boolean,
    int16,
    int32,
    int64,
    nullable_array,
    nullable_string,
    string,
    table,
    uuid,
)

NO_OPERATIONS = -(1 << 31)  # authorised operations that nobody asked for


@table
class ApiVersionsRequest(Message):
    """Which requests do you serve? The first of every conversation."""

    client_software_name: str = string(since=3)
    client_software_version: str = string(since=3)


@table
class ApiVersion:
    """The versions of one request that are served, both ends included."""

    api_key: int = int16()
    min_version: int = int16()
    max_version: int = int16()


@table
class SupportedFeatureKey:
    """A feature that this broker could take part in."""

    name: str = string()
    min_version: int = int16()
    max_version: int = int16()


@table
class FinalizedFeatureKey:
    """A feature that the cluster has switched on."""

    name: str = string()
    max_version_level: int = int16()
    min_version_level: int = int16()


@table
class ApiVersionsResponse(Message):
    """The requests that are served, and over ZeroMQ the peer's credit."""

    error_code: int = int16()
    api_keys: list[ApiVersion] = array(ApiVersion)
    throttle_time_ms: int = int32(since=1)
    supported_features: list[SupportedFeatureKey] = array(SupportedFeatureKey, since=3, tag=0)
    finalized_features_epoch: int = int64(-1, since=3, tag=1)
    finalized_features: list[FinalizedFeatureKey] = array(FinalizedFeatureKey, since=3, tag=2)
    zk_migration_ready: bool = boolean(since=3, tag=3)
    credit_bytes: int = int64(-1, tag=CREDIT_BYTES)
    credit_requests: int = int32(-1, tag=CREDIT_REQUESTS)


@table
class MetadataRequestTopic:
    """A topic to be described, by name or by id."""

    topic_id: UUID = uuid(since=10)
    name: str | None = nullable_string("", nullable=10)


@table
class MetadataRequest(Message):
    """Describe topics. None is all of them; in version 0 the empty list is."""

    topics: list[MetadataRequestTopic] | None = nullable_array(MetadataRequestTopic, nullable=1)
    allow_auto_topic_creation: bool = boolean(True, since=4)
    include_cluster_authorized_operations: bool = boolean(since=8, until=11)
    include_topic_authorized_operations: bool = boolean(since=8)
    watch: bool = boolean(tag=WATCH)


@table
class MetadataResponseBroker:
    """A broker; over ZeroMQ `host` is the whole endpoint."""

    node_id: int = int32()
    host: str = string()
    port: int = int32()
    rack: str | None = nullable_string(since=1)


@table
class MetadataResponsePartition:
    """Who leads and who holds one partition."""

    error_code: int = int16()
    partition_index: int = int32()
    leader_id: int = int32()
    leader_epoch: int = int32(-1, since=7)
    replica_nodes: list[int] = array("int32")
    isr_nodes: list[int] = array("int32")
    offline_replicas: list[int] = array("int32", since=5)


@table
class MetadataResponseTopic:
    """One topic and its partitions."""

    error_code: int = int16()
    name: str | None = nullable_string("", nullable=12)
    topic_id: UUID = uuid(since=10)
    is_internal: bool = boolean(since=1)
    partitions: list[MetadataResponsePartition] = array(MetadataResponsePartition)
    topic_authorized_operations: int = int32(NO_OPERATIONS, since=8)
    batch_bytes_max: int = int32(-1, tag=BATCH_BYTES_MAX)
    replicas_wanted: int = int16(-1, tag=REPLICAS_WANTED)


@table
class MetadataResponse(Message):
    """The cluster as this broker sees it."""

    throttle_time_ms: int = int32(since=3)
    brokers: list[MetadataResponseBroker] = array(MetadataResponseBroker)
    cluster_id: str | None = nullable_string(since=2)
    controller_id: int = int32(-1, since=1)
    topics: list[MetadataResponseTopic] = array(MetadataResponseTopic)
    cluster_authorized_operations: int = int32(NO_OPERATIONS, since=8, until=11)
    more: bool = boolean(tag=MORE)
    revision: int = int64(-1, tag=METADATA_REVISION)
