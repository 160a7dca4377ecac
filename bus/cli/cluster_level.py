"""The level that a cluster keeps to (model/features.py), in words: as it is, and as it could be."""

from bus.client.admin_cluster import ClusterDescription
from bus.model.features import FIRST

RAISE = "raise it by `busd cluster upgrade` once no older version will be needed again"


def level_line(cluster: ClusterDescription) -> str:
    """One line; empty if the servers do not tell, as Kafka's do not."""
    if cluster.level is None:
        return ""
    line = f"level {cluster.level}"
    could = can_be_raised_to(cluster)
    if could is not None:
        return f"{line}, and all brokers know level {could}: {RAISE}"
    known = [(b.levels.high, b.node) for b in cluster.brokers if b.levels is not None]
    newest = max(known, default=(FIRST, 0))[0]
    if newest <= cluster.level:
        return line
    behind = ", ".join(str(node) for high, node in sorted(known) if high < newest)
    return f"{line}; level {newest} has to wait for a newer version on: {behind}"


def can_be_raised_to(cluster: ClusterDescription) -> int | None:
    """A higher level that all brokers know."""
    could = cluster.level_max
    return could if cluster.level is not None and could and could > cluster.level else None
