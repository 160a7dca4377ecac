"""What the broker says of its groups."""

from bus.broker.status import status_of
from tests.fixtures.members import Member, commit_of
from tests.fixtures.node import Bench, batch_of
from tests.fixtures.requests import produce


def test_a_group_is_told_with_its_members_and_its_lag(bench: Bench) -> None:
    bench.create_topic("t", 1, 1, {})
    bench.ask(produce(batch_of(b"a", b"b", b"c")))
    bench.ask(commit_of(("t", 0, 1)))
    Member(bench).settle()
    groups = status_of(bench.node).groups
    (group,) = groups.groups
    assert (group.group, group.state, group.members, group.lag) == ("g", "Stable", 1, 2)
    assert (groups.states, groups.rebalances, groups.rows_written) == ({"Stable": 1}, 1, 2)


def test_a_broker_without_groups_says_so(bench: Bench) -> None:
    assert status_of(bench.node).groups.states == {}
