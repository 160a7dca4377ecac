"""What a broker may be told about consumer groups and their positions: Kafka's names."""

from dataclasses import dataclass

from bus.model.limits import (
    GROUP_SIZE_MAX,
    MIB,
    PARTITIONS_PER_TOPIC_MAX,
)
from bus.model.setting import fixed, setting, table
from bus.model.topic_settings import INT_MAX

HOUR_MS = 3600 * 1000
OFFSET_METADATA_LENGTH_MAX = 8191  # characters: what a record can hold of any of them


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """The settings of the group coordinator, complete and within their bounds."""

    offsets_topic_num_partitions: int = setting(
        50,
        "Partitions of __consumer_offsets, where groups keep their positions; it counts when that "
        "topic is made.",
        low=1,
        high=PARTITIONS_PER_TOPIC_MAX,
    )
    offsets_topic_segment_bytes: int = setting(
        32 * MIB,
        "Segment size of __consumer_offsets; small ones are compacted and loaded sooner.",
        unit="bytes",
        low=MIB,
        high=INT_MAX,
    )
    offsets_retention_minutes: int = setting(
        7 * 24 * 60,
        "How long the positions of a group are kept after its last member has left.",
        unit="minutes",
        low=1,
        high=INT_MAX,
    )
    offsets_retention_check_interval_ms: int = setting(
        600_000,
        "How often positions are looked at for that.",
        unit="ms",
        low=1,
        high=INT_MAX,
    )
    offset_metadata_max_bytes: int = setting(
        4096,
        "Longest note that may be kept with a position.",
        unit="bytes",
        low=0,
        high=OFFSET_METADATA_LENGTH_MAX,
    )
    group_initial_rebalance_delay_ms: int = setting(
        0,
        "How long an empty group waits for further members before its first generation begins; "
        "each newcomer prolongs it.",
        unit="ms",
        low=0,
        high=INT_MAX,
    )
    group_min_session_timeout_ms: int = setting(
        6000,
        "Shortest session that a member may ask for.",
        unit="ms",
        low=1,
        high=INT_MAX,
    )
    group_max_session_timeout_ms: int = setting(
        HOUR_MS // 2,
        "Longest session that a member may ask for.",
        unit="ms",
        low=1,
        high=INT_MAX,
    )
    group_max_size: int = setting(
        GROUP_SIZE_MAX, "Members that a group may have.", low=1, high=GROUP_SIZE_MAX
    )


GROUP_SETTINGS = table(
    GroupSettings,
    fixed(
        "offsets.topic.replication.factor",
        1,
        "it has as many copies as other topics, three where there are so many brokers",
        "Copies of __consumer_offsets.",
    ),
    fixed(
        "offsets.topic.compression.codec",
        0,
        "positions are stored as they are",
        "Compression of __consumer_offsets.",
    ),
    fixed(
        "offsets.commit.required.acks",
        -1,
        "a position is answered for once it is as durable as any record",
        "What a commit waits for.",
    ),
)
