"""Consumer groups as metric families: how many there are, and how far behind each of them is."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from bus.broker.status import GroupsStatus, GroupStatus

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_GAUGES: tuple[tuple[str, str, Callable[[GroupsStatus], float]], ...] = (
    (
        "busd_groups_loading",
        "Partitions of __consumer_offsets that are not loaded yet.",
        lambda s: s.loading,
    ),
    ("busd_groups_failed", "Partitions of __consumer_offsets that cannot be.", lambda s: s.failed),
    ("busd_groups_parked", "Requests that wait for members or for the disk.", lambda s: s.parked),
)
_COUNTERS: tuple[tuple[str, str, Callable[[GroupsStatus], float]], ...] = (
    ("busd_groups_rebalances", "Generations that were begun.", lambda s: s.rebalances),
    ("busd_groups_records", "Positions and generations written.", lambda s: s.rows_written),
)
_OF_GROUP: tuple[tuple[str, str, Callable[[GroupStatus], float | None]], ...] = (
    ("busd_group_members", "Members of the group.", lambda g: g.members),
    ("busd_group_generation", "The group's generation.", lambda g: g.generation),
    ("busd_group_positions", "Partitions with a position.", lambda g: g.positions),
    ("busd_group_lag", "Records that the group has not read yet.", lambda g: g.lag),
)


def group_families(status: GroupsStatus) -> "Iterator[Metric]":
    """The snapshot of the groups as metric families."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    for name, text, value in _GAUGES:
        yield GaugeMetricFamily(name, text, value=float(value(status)))
    for name, text, value in _COUNTERS:
        yield CounterMetricFamily(name, text, value=float(value(status)))
    states = GaugeMetricFamily("busd_groups", "Groups by state.", labels=["state"])
    for state, count in status.states.items():
        states.add_metric([state], count)
    yield states
    for name, text, value_of in _OF_GROUP:
        gauge = GaugeMetricFamily(name, text, labels=["group"])
        for group in status.groups:
            known = value_of(group)
            if known is not None:
                gauge.add_metric([group.group], float(known))
        yield gauge
