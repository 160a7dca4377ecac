"""What a topic may be told: Kafka's names and units, mostly its defaults, and `flush`.

A topic stores only what it was given; everything else comes from its broker, whose settings
name the defaults (`log.retention.ms` is the default of `retention.ms`). BROKER_NAMES maps them.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bus.errors import InvalidConfig, InvalidReplicationFactor
from bus.model.limits import BATCH_BYTES_MAX, FRAME_BYTES_MAX, GIB, KIB, MIB
from bus.model.setting import Setting, Value, as_text, fixed, parse_all, setting, table

FOREVER = 2**63 - 1
INT_MAX = 2**31 - 1
DAY_MS = 24 * 3600 * 1000

FLUSH_GROUP = "group"
FLUSH_OS = "os"
DELETE = "delete"
COMPACT = "compact"
CREATE_TIME = "CreateTime"
LOG_APPEND_TIME = "LogAppendTime"


def _check_ratio(text: str) -> str | None:
    try:
        is_share = 0 <= float(text) <= 1
    except ValueError:
        is_share = False
    return None if is_share else "it must be a number between 0 and 1"


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """The settings of one topic, complete and within their bounds."""

    flush: str = setting(
        FLUSH_GROUP,
        "When a record counts as written. group: an fdatasync shared by all that wait; it survives "
        "a power failure. os: the page cache, as Kafka does; it survives a crash of the broker.",
        choices=(FLUSH_GROUP, FLUSH_OS),
    )
    segment_bytes: int = setting(
        GIB,
        "Size at which the active segment is closed and a new one begun.",
        unit="bytes",
        low=KIB,
        high=INT_MAX,
    )
    segment_ms: int = setting(
        7 * DAY_MS,
        "Age at which the active segment is closed although it is not full.",
        unit="ms",
        low=1,
        high=FOREVER,
    )
    retention_bytes: int = setting(
        -1,
        "Size of a partition above which its oldest segments are deleted; -1 is no limit.",
        unit="bytes",
        low=-1,
        high=FOREVER,
    )
    retention_ms: int = setting(
        7 * DAY_MS,
        "Age after which a closed segment is deleted, by its latest record; -1 is never.",
        unit="ms",
        low=-1,
        high=FOREVER,
    )
    cleanup_policy: str = setting(
        DELETE,
        "How old records go. delete: by retention.ms and retention.bytes. compact: of each key the "
        "newest is kept, and a record needs a key. Or both.",
        choices=(DELETE, COMPACT, f"{COMPACT},{DELETE}", f"{DELETE},{COMPACT}"),
        is_list=True,
    )
    min_cleanable_dirty_ratio: str = setting(
        "0.5",
        "Share of a compacted partition's closed segments that must have been written since it was "
        "last compacted, before it is again.",
        check=_check_ratio,
    )
    delete_retention_ms: int = setting(
        DAY_MS,
        "How long a record without a value still tells readers of a compacted topic that its key "
        "is gone, from when it is first compacted.",
        unit="ms",
        low=0,
        high=FOREVER,
    )
    min_compaction_lag_ms: int = setting(
        0, "Age before which no record is compacted away.", unit="ms", low=0, high=FOREVER
    )
    max_compaction_lag_ms: int = setting(
        FOREVER,
        "Age at which records are compacted however few they are; the active segment is closed for "
        "that.",
        unit="ms",
        low=1,
        high=FOREVER,
    )
    max_message_bytes: int = setting(
        BATCH_BYTES_MAX,
        "Largest record batch that is accepted, after compression.",
        unit="bytes",
        low=0,
        high=FRAME_BYTES_MAX - MIB,
    )
    index_interval_bytes: int = setting(
        4 * KIB,
        "Bytes of log between two entries of a segment's sparse index.",
        unit="bytes",
        low=0,
        high=INT_MAX,
    )
    message_timestamp_type: str = setting(
        CREATE_TIME,
        "Whose time a record carries: the producer's (CreateTime) or that of the append "
        "(LogAppendTime).",
        choices=(CREATE_TIME, LOG_APPEND_TIME),
    )
    message_timestamp_after_max_ms: int = setting(
        3600 * 1000,
        "How far ahead of the broker's clock a producer's timestamp may be.",
        unit="ms",
        low=0,
        high=FOREVER,
    )
    cache_closed_segments: bool = setting(
        True,
        "Whether closed segments may stay in the page cache, as long as they are of the last "
        "1.5 GiB of a partition; false leaves the memory to others, and whoever reads old records "
        "reads the disk.",
    )
    min_insync_replicas: int = setting(
        1,
        "In-sync replicas without which acks=all is refused; at most the replication factor.",
        low=1,
        high=INT_MAX,
    )

    @property
    def compacts(self) -> bool:
        """Is the newest record of each key kept, and older ones not?"""
        return COMPACT in self.cleanup_policy

    @property
    def deletes(self) -> bool:
        """Do old segments go by age and size?"""
        return DELETE in self.cleanup_policy

    @property
    def roll_ms(self) -> int:
        """Age at which the active segment is closed."""
        return (
            min(self.segment_ms, self.max_compaction_lag_ms) if self.compacts else self.segment_ms
        )


_NO_REMOTE = "this version keeps all data on its own disks"
_OWN_FLUSH = "durability is the setting flush; flush=group syncs before every acknowledgement"
_COMPRESSED_AS_SENT = "batches are stored as the producer sent them"
_UNTHROTTLED = "this version does not throttle replication"

TOPIC_SETTINGS: dict[str, Setting] = table(
    TopicSettings,
    fixed("compression.type", "producer", _COMPRESSED_AS_SENT, "Compression on disk."),
    fixed("compression.gzip.level", -1, _COMPRESSED_AS_SENT, "Level of gzip on disk."),
    fixed("compression.lz4.level", 9, _COMPRESSED_AS_SENT, "Level of lz4 on disk."),
    fixed("compression.zstd.level", 3, _COMPRESSED_AS_SENT, "Level of zstd on disk."),
    fixed("flush.messages", FOREVER, _OWN_FLUSH, "Records between two syncs."),
    fixed("flush.ms", FOREVER, _OWN_FLUSH, "Time between two syncs."),
    fixed(
        "message.timestamp.before.max.ms",
        FOREVER,
        "a broker looks at a batch's latest timestamp only",
        "How far behind the broker's clock a producer's timestamp may be.",
    ),
    fixed("segment.jitter.ms", 0, "segments roll exactly when due", "Random delay of a roll."),
    fixed(
        "segment.index.bytes",
        10 * MIB,
        "an index has the size that its segment asks for",
        "Largest size of an index.",
    ),
    fixed(
        "file.delete.delay.ms",
        0,
        "a deleted segment goes at once, and readers keep what they hold",
        "Delay between dropping a segment and deleting its file.",
    ),
    fixed(
        "preallocate",
        True,
        "segments are always allocated ahead, so that a full disk is a clean error",
        "Whether a segment's space is allocated before it is written.",
    ),
    fixed(
        "unclean.leader.election.enable",
        False,
        "a replica that lacks committed records never leads by itself",
        "Whether committed records may be lost to become available.",
    ),
    fixed("remote.storage.enable", False, _NO_REMOTE, "Whether old segments move elsewhere."),
    fixed("remote.log.copy.disable", False, _NO_REMOTE, "Whether that is suspended."),
    fixed("remote.log.delete.on.disable", False, _NO_REMOTE, "Whether switching off deletes."),
    fixed("local.retention.ms", -2, _NO_REMOTE, "Age at which a local copy goes."),
    fixed("local.retention.bytes", -2, _NO_REMOTE, "Size at which local copies go."),
    fixed("leader.replication.throttled.replicas", "", _UNTHROTTLED, "Replicas slowed as leader."),
    fixed("follower.replication.throttled.replicas", "", _UNTHROTTLED, "Replicas slowed."),
)

BROKER_NAMES: dict[str, str] = {  # topic's name -> the broker's name of its default
    "flush": "log.flush",
    "segment.bytes": "log.segment.bytes",
    "segment.ms": "log.roll.ms",
    "segment.jitter.ms": "log.roll.jitter.ms",
    "segment.index.bytes": "log.index.size.max.bytes",
    "retention.bytes": "log.retention.bytes",
    "retention.ms": "log.retention.ms",
    "max.message.bytes": "message.max.bytes",
    "index.interval.bytes": "log.index.interval.bytes",
    "message.timestamp.type": "log.message.timestamp.type",
    "message.timestamp.before.max.ms": "log.message.timestamp.before.max.ms",
    "message.timestamp.after.max.ms": "log.message.timestamp.after.max.ms",
    "cache.closed.segments": "log.cache.closed.segments",
    "min.insync.replicas": "min.insync.replicas",
    "cleanup.policy": "log.cleanup.policy",
    "delete.retention.ms": "log.cleaner.delete.retention.ms",
    "min.compaction.lag.ms": "log.cleaner.min.compaction.lag.ms",
    "max.compaction.lag.ms": "log.cleaner.max.compaction.lag.ms",
    "min.cleanable.dirty.ratio": "log.cleaner.min.cleanable.ratio",
    "compression.type": "compression.type",
    "compression.gzip.level": "compression.gzip.level",
    "compression.lz4.level": "compression.lz4.level",
    "compression.zstd.level": "compression.zstd.level",
    "flush.messages": "log.flush.interval.messages",
    "flush.ms": "log.flush.interval.ms",
    "file.delete.delay.ms": "log.segment.delete.delay.ms",
    "preallocate": "log.preallocate",
    "unclean.leader.election.enable": "unclean.leader.election.enable",
    "local.retention.ms": "log.local.retention.ms",
    "local.retention.bytes": "log.local.retention.bytes",
}


def topic_settings(
    config: Mapping[str, object], defaults: TopicSettings | None = None
) -> TopicSettings:
    """`config` over `defaults`. Raises InvalidConfig: unknown, malformed, or out of bounds."""
    return over_defaults(parse_all(TOPIC_SETTINGS, config, InvalidConfig), defaults)


def over_defaults(
    values: Mapping[str, Value], defaults: TopicSettings | None = None
) -> TopicSettings:
    """Parsed values, by the topic's names, over `defaults`."""
    kept: dict[str, Any] = {
        entry.attribute: value
        for name, value in values.items()
        if not (entry := TOPIC_SETTINGS[name]).fixed_because
    }
    return dataclasses.replace(defaults or TopicSettings(), **kept)


def check_replication(settings: TopicSettings, replication_factor: int) -> None:
    """Raises InvalidConfig if acks=all could never be answered with so few replicas."""
    if replication_factor < 1:
        raise InvalidReplicationFactor(
            f"The replication factor is {replication_factor}; it must be at least 1."
        )
    if settings.min_insync_replicas > replication_factor:
        raise InvalidConfig(
            f"The setting min.insync.replicas cannot be {settings.min_insync_replicas}: the topic "
            f"has a replication factor of {replication_factor}, so that no write would succeed."
        )


def topic_config(settings: TopicSettings) -> dict[str, str]:
    """Every topic setting as text by name, the fixed ones included: for DescribeConfigs."""
    return {
        name: as_text(entry.default if entry.fixed_because else getattr(settings, entry.attribute))
        for name, entry in TOPIC_SETTINGS.items()
    }
