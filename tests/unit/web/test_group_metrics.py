"""Consumer groups as metrics."""

from bus.broker.status import GroupsStatus, GroupStatus
from bus.web.group_metrics import group_families


def samples(status: GroupsStatus) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in group_families(status)
        for sample in family.samples
    }


def test_each_group_is_told_with_its_lag_where_that_is_known() -> None:
    groups = (GroupStatus("a", "Stable", 3, 2, 10, 500), GroupStatus("b", "Empty", 1, 0, 9, None))
    found = samples(GroupsStatus(groups, {"Stable": 1, "Empty": 1}, rebalances=7))
    assert found["busd_groups", "Stable"] == 1
    assert found["busd_groups_rebalances_total",] == 7
    assert (found["busd_group_members", "a"], found["busd_group_lag", "a"]) == (2, 500)
    assert ("busd_group_lag", "b") not in found
