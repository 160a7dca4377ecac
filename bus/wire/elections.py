"""ElectLeaders (key 43, versions 0 to 2): have partitions led by whom they should be led."""

from bus.wire.extensions import ASKED_BY, END_OFFSET, LEADER, LOST_BROKERS, SEEN_OFFSET
from bus.wire.schema import (
    Message,
    array,
    int8,
    int16,
    int32,
    int64,
    nullable_array,
    nullable_string,
    string,
    table,
)

PREFERRED = 0  # the first replica, if it is in sync
UNCLEAN = 1  # whoever is there, if nobody in sync is: what only others held is lost


@table
class ElectedTopic:
    """Partitions of one topic."""

    topic: str = string()
    partitions: list[int] = array("int32")


@table
class ElectLeadersRequest(Message):
    """Elect leaders; None is for all partitions."""

    election_type: int = int8(since=1)
    topic_partitions: list[ElectedTopic] | None = nullable_array(ElectedTopic)
    timeout_ms: int = int32(60_000)
    leader: int = int32(-1, tag=LEADER)  # of an unclean one, as what follows
    lost_brokers: list[int] = array("int32", tag=LOST_BROKERS)
    end_offset: int = int64(-1, tag=END_OFFSET)
    seen_offset: int = int64(-1, tag=SEEN_OFFSET)
    asked_by: str = string(tag=ASKED_BY)


@table
class PartitionResult:
    """What came of one partition's election."""

    partition_id: int = int32()
    error_code: int = int16()
    error_message: str | None = nullable_string()


@table
class ReplicaElectionResult:
    """Of one topic."""

    topic: str = string()
    partition_result: list[PartitionResult] = array(PartitionResult)


@table
class ElectLeadersResponse(Message):
    """What came of them."""

    throttle_time_ms: int = int32()
    error_code: int = int16(since=1)
    replica_election_results: list[ReplicaElectionResult] = array(ReplicaElectionResult)
