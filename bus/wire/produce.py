"""Produce (key 0, versions 3 to 11): append record batches to partitions."""

from bus.model.batch import Buffer
from bus.wire.extensions import FLUSHED_OFFSET, REPLICAS
from bus.wire.hints import LeaderIdAndEpoch, NodeEndpoint
from bus.wire.schema import (
    Message,
    array,
    int16,
    int32,
    int64,
    nullable_string,
    optional,
    records,
    string,
    table,
)


@table
class PartitionProduceData:
    """Batches for one partition."""

    index: int = int32()
    records: Buffer | None = records()


@table
class TopicProduceData:
    """Batches for the partitions of one topic."""

    name: str = string()
    partition_data: list[PartitionProduceData] = array(PartitionProduceData)


@table
class ProduceRequest(Message):
    """Append, and answer when `acks` says so: 0 never, 1 when written, -1 when committed."""

    transactional_id: str | None = nullable_string()
    acks: int = int16()
    timeout_ms: int = int32()
    topic_data: list[TopicProduceData] = array(TopicProduceData)


@table
class BatchIndexAndErrorMessage:
    """A record that made its batch fail."""

    batch_index: int = int32()
    batch_index_error_message: str | None = nullable_string()


@table
class PartitionProduceResponse:
    """What became of one partition's batches."""

    index: int = int32()
    error_code: int = int16()
    base_offset: int = int64()
    log_append_time_ms: int = int64(-1)  # -1: the records keep their own timestamps
    log_start_offset: int = int64(-1, since=5)
    record_errors: list[BatchIndexAndErrorMessage] = array(BatchIndexAndErrorMessage, since=8)
    error_message: str | None = nullable_string(since=8)
    current_leader: LeaderIdAndEpoch | None = optional(LeaderIdAndEpoch, since=10, tag=0)
    flushed_offset: int = int64(-1, tag=FLUSHED_OFFSET)
    replicas: int = int32(-1, tag=REPLICAS)


@table
class TopicProduceResponse:
    """What became of one topic's batches."""

    name: str = string()
    partition_responses: list[PartitionProduceResponse] = array(PartitionProduceResponse)


@table
class ProduceResponse(Message):
    """What became of each batch."""

    responses: list[TopicProduceResponse] = array(TopicProduceResponse)
    throttle_time_ms: int = int32()
    node_endpoints: list[NodeEndpoint] = array(NodeEndpoint, since=10, tag=0)
