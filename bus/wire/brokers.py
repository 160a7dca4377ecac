"""About a broker: remove it or drain it, asked of the controller; how its machine is, asked of it.

UnregisterBroker is Kafka's (key 64, version 0); DrainBroker and DescribeHost are ours (keys 20100
and 20101).
"""

from bus.wire.schema import (
    Message,
    array,
    boolean,
    int8,
    int16,
    int32,
    int64,
    nullable_string,
    string,
    table,
)

NOT_TOLD = -1


@table
class UnregisterBrokerRequest(Message):
    """A broker is not coming back."""

    broker_id: int = int32()


@table
class UnregisterBrokerResponse(Message):
    """What came of it."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = nullable_string()


@table
class DrainBrokerRequest(Message):
    """A broker shall hold nothing any more; or it may again."""

    broker_id: int = int32()
    is_draining: bool = boolean()


@table
class DrainBrokerResponse(Message):
    """What came of it: whether it has begun. ListPartitionReassignments shows how it goes on."""

    error_code: int = int16()
    error_message: str | None = nullable_string()


@table
class DescribeHostRequest(Message):
    """How are the process and machine of the broker that is asked, and the etcd it works with?"""


@table
class DescribeHostResponse(Message):
    """As far as the broker knows; NOT_TOLD and empty texts where it does not."""

    error_code: int = int16()
    error_message: str | None = nullable_string()
    open_files: int = int64(NOT_TOLD)  # of the process
    open_files_max: int = int64(NOT_TOLD)
    mappings: int = int64(NOT_TOLD)  # of files and memory, of the process
    mappings_max: int = int64(NOT_TOLD)  # vm.max_map_count
    unsafe_directories: list[str] = array("string")  # with records; flush=group promises nothing
    etcd_versions: list[str] = array("string")  # of the members it has a connection to
    etcd_state: str = string()  # of the member beside it
    etcd_on_data_disk: int = int8(NOT_TOLD)  # 1: the member's files share a disk with records
