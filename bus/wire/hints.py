"""Where the leader is now: the hints that Produce and Fetch answers carry (KIP-951)."""

from bus.wire.schema import int32, nullable_string, string, table


@table
class LeaderIdAndEpoch:
    """The leader of a partition, as the answering broker knows it."""

    leader_id: int = int32(-1)
    leader_epoch: int = int32(-1)


@table
class NodeEndpoint:
    """How to reach a broker that a hint names."""

    node_id: int = int32()
    host: str = string()
    port: int = int32()
    rack: str | None = nullable_string()
