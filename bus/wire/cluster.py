"""DescribeCluster (key 60, versions 0 to 1): the brokers, without any topic."""

from bus.wire.extensions import IS_DRAINING, LEVEL, LEVEL_HIGH, LEVEL_LOW
from bus.wire.metadata import NO_OPERATIONS
from bus.wire.schema import (
    Message,
    array,
    boolean,
    int8,
    int16,
    int32,
    nullable_string,
    string,
    table,
)

ENDPOINT_BROKERS = 1
ENDPOINT_CONTROLLERS = 2


@table
class DescribeClusterRequest(Message):
    """Describe the cluster."""

    include_cluster_authorized_operations: bool = boolean()
    endpoint_type: int = int8(ENDPOINT_BROKERS, since=1)


@table
class DescribeClusterBroker:
    """One broker."""

    broker_id: int = int32()
    host: str = string()
    port: int = int32()
    rack: str | None = nullable_string()
    level_low: int = int16(-1, tag=LEVEL_LOW)
    level_high: int = int16(-1, tag=LEVEL_HIGH)
    is_draining: bool = boolean(tag=IS_DRAINING)


@table
class DescribeClusterResponse(Message):
    """The cluster as this broker sees it."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = nullable_string()
    endpoint_type: int = int8(ENDPOINT_BROKERS, since=1)
    cluster_id: str = string()
    controller_id: int = int32(-1)
    brokers: list[DescribeClusterBroker] = array(DescribeClusterBroker)
    cluster_authorized_operations: int = int32(NO_OPERATIONS)
    level: int = int16(-1, tag=LEVEL)
