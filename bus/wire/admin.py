"""CreateTopics, DeleteTopics, CreatePartitions, and DescribeConfigs with its two ways to alter.

Keys 19 (versions 0 to 7), 20 (0 to 6), 37 (0 to 3), 32 (0 to 4), 44 (IncrementalAlterConfigs, 0 to
1) and 33 (AlterConfigs, 0 to 2).
"""

from uuid import UUID

from bus.wire.extensions import REVISION
from bus.wire.schema import (
    Message,
    array,
    boolean,
    int8,
    int16,
    int32,
    int64,
    nullable_array,
    nullable_string,
    string,
    table,
    uuid,
)

RESOURCE_TOPIC = 2
RESOURCE_BROKER = 4

CONFIG_SOURCE_TOPIC = 1  # set on the topic
CONFIG_SOURCE_STATIC = 4  # set when the broker started
CONFIG_SOURCE_DEFAULT = 5

OPERATION_SET = 0
OPERATION_DELETE = 1
OPERATION_APPEND = 2
OPERATION_SUBTRACT = 3

# --- CreateTopics --------------------------------------------------------------------------


@table
class CreatableReplicaAssignment:
    """Which brokers shall hold one partition."""

    partition_index: int = int32()
    broker_ids: list[int] = array("int32")


@table
class CreatableTopicConfig:
    """One setting of a new topic."""

    name: str = string()
    value: str | None = nullable_string()


@table
class CreatableTopic:
    """A topic to be made; -1 partitions or replicas ask for the broker's default."""

    name: str = string()
    num_partitions: int = int32()
    replication_factor: int = int16()
    assignments: list[CreatableReplicaAssignment] = array(CreatableReplicaAssignment)
    configs: list[CreatableTopicConfig] = array(CreatableTopicConfig)


@table
class CreateTopicsRequest(Message):
    """Make topics, or only say whether they could be made."""

    topics: list[CreatableTopic] = array(CreatableTopic)
    timeout_ms: int = int32(60_000)
    validate_only: bool = boolean(since=1)


@table
class CreatableTopicConfigs:
    """One setting that the new topic has."""

    name: str = string()
    value: str | None = nullable_string()
    read_only: bool = boolean()
    config_source: int = int8(-1)
    is_sensitive: bool = boolean()


@table
class CreatableTopicResult:
    """What became of one topic. `configs` may be None on the wire, but Java's client cannot."""

    name: str = string()
    topic_id: UUID = uuid(since=7)
    error_code: int = int16()
    error_message: str | None = nullable_string(since=1)
    topic_config_error_code: int = int16(since=5, tag=0)
    num_partitions: int = int32(-1, since=5)
    replication_factor: int = int16(-1, since=5)
    configs: list[CreatableTopicConfigs] | None = nullable_array(
        CreatableTopicConfigs, empty=True, since=5
    )


@table
class CreateTopicsResponse(Message):
    """What became of each topic."""

    throttle_time_ms: int = int32(since=2)
    topics: list[CreatableTopicResult] = array(CreatableTopicResult)
    revision: int = int64(-1, tag=REVISION)


# --- DeleteTopics --------------------------------------------------------------------------


@table
class DeleteTopicState:
    """A topic to be deleted, by name or by id."""

    name: str | None = nullable_string()
    topic_id: UUID = uuid()


@table
class DeleteTopicsRequest(Message):
    """Delete topics and all that is in them."""

    topics: list[DeleteTopicState] = array(DeleteTopicState, since=6)
    topic_names: list[str] = array("string", until=6)
    timeout_ms: int = int32()


@table
class DeletableTopicResult:
    """What became of one topic."""

    name: str | None = nullable_string("", nullable=6)
    topic_id: UUID = uuid(since=6)
    error_code: int = int16()
    error_message: str | None = nullable_string(since=5)


@table
class DeleteTopicsResponse(Message):
    """What became of each topic."""

    throttle_time_ms: int = int32(since=1)
    responses: list[DeletableTopicResult] = array(DeletableTopicResult)
    revision: int = int64(-1, tag=REVISION)


# --- CreatePartitions ----------------------------------------------------------------------


@table
class CreatePartitionsAssignment:
    """Which brokers shall hold one new partition."""

    broker_ids: list[int] = array("int32")


@table
class CreatePartitionsTopic:
    """How many partitions a topic shall have in all."""

    name: str = string()
    count: int = int32()
    assignments: list[CreatePartitionsAssignment] | None = nullable_array(
        CreatePartitionsAssignment
    )


@table
class CreatePartitionsRequest(Message):
    """Add partitions to topics, or only say whether it could be done."""

    topics: list[CreatePartitionsTopic] = array(CreatePartitionsTopic)
    timeout_ms: int = int32()
    validate_only: bool = boolean()


@table
class CreatePartitionsTopicResult:
    """What became of one topic."""

    name: str = string()
    error_code: int = int16()
    error_message: str | None = nullable_string()


@table
class CreatePartitionsResponse(Message):
    """What became of each topic."""

    throttle_time_ms: int = int32()
    results: list[CreatePartitionsTopicResult] = array(CreatePartitionsTopicResult)
    revision: int = int64(-1, tag=REVISION)


# --- DescribeConfigs -----------------------------------------------------------------------


@table
class DescribeConfigsResource:
    """A topic or a broker, and which of its settings; None is all."""

    resource_type: int = int8()
    resource_name: str = string()
    configuration_keys: list[str] | None = nullable_array("string")


@table
class DescribeConfigsRequest(Message):
    """Ask for settings."""

    resources: list[DescribeConfigsResource] = array(DescribeConfigsResource)
    include_synonyms: bool = boolean(since=1)
    include_documentation: bool = boolean(since=3)


@table
class DescribeConfigsSynonym:
    """Another place that a setting's value comes from, the strongest first."""

    name: str = string()
    value: str | None = nullable_string()
    source: int = int8()


@table
class DescribeConfigsResourceResult:
    """One setting."""

    name: str = string()
    value: str | None = nullable_string()
    read_only: bool = boolean()
    is_default: bool = boolean(until=1)
    config_source: int = int8(-1, since=1)
    is_sensitive: bool = boolean()
    synonyms: list[DescribeConfigsSynonym] = array(DescribeConfigsSynonym, since=1)
    config_type: int = int8(since=3)
    documentation: str | None = nullable_string(since=3)


@table
class DescribeConfigsResult:
    """The settings of one topic or broker."""

    error_code: int = int16()
    error_message: str | None = nullable_string()
    resource_type: int = int8()
    resource_name: str = string()
    configs: list[DescribeConfigsResourceResult] = array(DescribeConfigsResourceResult)


@table
class DescribeConfigsResponse(Message):
    """The settings that were asked for."""

    throttle_time_ms: int = int32()
    results: list[DescribeConfigsResult] = array(DescribeConfigsResult)


# --- IncrementalAlterConfigs ---------------------------------------------------------------


@table
class AlterableConfig:
    """One change of a setting."""

    name: str = string()
    config_operation: int = int8()
    value: str | None = nullable_string()


@table
class AlterConfigsResource:
    """The changes of one topic or broker."""

    resource_type: int = int8()
    resource_name: str = string()
    configs: list[AlterableConfig] = array(AlterableConfig)


@table
class IncrementalAlterConfigsRequest(Message):
    """Change some settings and leave the others, or only say whether it could be done."""

    resources: list[AlterConfigsResource] = array(AlterConfigsResource)
    validate_only: bool = boolean()


@table
class AlterConfigsResourceResponse:
    """What became of the changes of one topic or broker."""

    error_code: int = int16()
    error_message: str | None = nullable_string()
    resource_type: int = int8()
    resource_name: str = string()


@table
class IncrementalAlterConfigsResponse(Message):
    """What became of each."""

    throttle_time_ms: int = int32()
    responses: list[AlterConfigsResourceResponse] = array(AlterConfigsResourceResponse)
    revision: int = int64(-1, tag=REVISION)


# --- AlterConfigs --------------------------------------------------------------------------


@table
class ReplacingConfig:
    """One setting and its new value."""

    name: str = string()
    value: str | None = nullable_string()


@table
class ReplacedConfigs:
    """All settings of one topic or broker; what is not named returns to its default."""

    resource_type: int = int8()
    resource_name: str = string()
    configs: list[ReplacingConfig] = array(ReplacingConfig)


@table
class AlterConfigsRequest(Message):
    """Replace all settings, or only say whether it could be done."""

    resources: list[ReplacedConfigs] = array(ReplacedConfigs)
    validate_only: bool = boolean()


@table
class AlterConfigsResponse(Message):
    """What became of each."""

    throttle_time_ms: int = int32()
    responses: list[AlterConfigsResourceResponse] = array(AlterConfigsResourceResponse)
    revision: int = int64(-1, tag=REVISION)
