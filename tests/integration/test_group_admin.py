"""Groups seen from outside: over each way to a broker, with members and without."""

import asyncio
import itertools

import pytest

import bus
import bus.aio
from bus.client.admin_resets import OffsetChange
from bus.errors import BadSetting, GroupIdNotFound, GroupSubscribedToTopic, NonEmptyGroup
from bus.model.ids import TopicPartition
from tests.integration.members import LoneMember

names = (f"group-{n}" for n in itertools.count())
P0, P1 = TopicPartition("t", 0), TopicPartition("t", 1)


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    listen = {"listen": "tcp://127.0.0.1:*", "kafka": "127.0.0.1:0"}
    with bus.Broker(str(data), **listen, offsets_topic_num_partitions=2) as broker:
        broker.create_topic("t", 2)
        producer = broker.producer()
        for partition in (0, 1):
            producer.send_batch(
                "t", [b"v"] * 10, timestamps=range(1000, 11_000, 1000), partition=partition
            ).result(60)
        yield broker


@pytest.fixture(params=["embedded", "tcp", "kafka"])
def admin(request, broker):
    if request.param == "embedded":
        with broker.admin() as admin:
            yield admin
        return
    with bus.Admin(broker.url if request.param == "tcp" else broker.kafka_url) as admin:
        yield admin


@pytest.fixture
def group():
    return next(names)


def positions(admin, group):
    return {p: position.offset for p, position in admin.group_offsets(group).items()}


def test_the_cluster_is_described(admin):
    cluster = admin.describe_cluster()
    (one,) = cluster.brokers
    assert cluster.cluster_id
    assert cluster.controller == one.node
    assert "://" in one.url


def test_a_group_that_does_not_exist_has_nothing(admin, group):
    assert admin.group_offsets(group) == {}
    assert [found.state for found in admin.describe_groups([group])] == ["Dead"]
    for call in (admin.describe_group, admin.delete_group, admin.group_lag):
        with pytest.raises(GroupIdNotFound, match=f"no group '{group}'"):
            call(group)


def test_positions_are_set_from_outside(admin, group):
    admin.alter_group_offsets(group, {P0: 3, P1: 7})
    assert positions(admin, group) == {P0: 3, P1: 7}
    assert admin.describe_group(group).state == "Empty"
    assert group in [found.name for found in admin.list_groups(["Empty"])]
    assert group not in [found.name for found in admin.list_groups(["Stable"])]


def test_a_group_with_a_member_shows_what_it_reads_and_its_lag(admin, group):
    member = LoneMember(admin, group, "t", 2)
    member.commit({0: 4})
    described = admin.describe_group(group)
    assert (described.state, described.protocol_type, described.assignor) == (
        "Stable",
        "consumer",
        "range",
    )
    assert [m.partitions for m in described.members] == [(P0, P1)]
    first, second = admin.group_lag(group)
    assert (first.position, first.end, first.lag) == (4, 10, 6)
    assert (second.position, second.end, second.lag) == (-1, 10, None)
    assert first.member == described.members[0]
    member.leave()
    assert [entry.member for entry in admin.group_lag(group)] == [None]


def test_a_group_at_work_is_left_alone(admin, group):
    member = LoneMember(admin, group, "t", 2)
    member.commit({0: 4})
    for refused in (
        lambda: admin.alter_group_offsets(group, {P0: 1}),
        lambda: admin.reset_group_offsets(group, "earliest"),
        lambda: admin.delete_group(group),
    ):
        with pytest.raises(NonEmptyGroup, match="has members"):
            refused()
    with pytest.raises(GroupSubscribedToTopic):
        admin.delete_group_offsets(group, [P0])
    member.leave()
    admin.delete_group_offsets(group, [P0])
    assert positions(admin, group) == {}


def test_a_deleted_group_is_gone(admin, group):
    admin.alter_group_offsets(group, {P0: 1})
    admin.delete_group(group)
    assert admin.describe_groups([group])[0].state == "Dead"
    assert admin.group_offsets(group) == {}


@pytest.mark.parametrize(
    ("destination", "after"),
    [
        ({"to": "earliest"}, (0, 0)),
        ({"to": "latest"}, (10, 10)),
        ({"to": 5500}, (5, 5)),
        ({"to": 99_000}, (10, 10)),
        ({"offset": 4}, (4, 4)),
        ({"offset": 400}, (10, 10)),
        ({"shift": 2}, (5, 9)),
        ({"shift": -5}, (0, 2)),
    ],
)
def test_positions_are_reset(broker, group, destination, after):
    with broker.admin() as admin:
        admin.alter_group_offsets(group, {P0: 3, P1: 7})
        planned = admin.reset_group_offsets(group, **destination, dry_run=True)
        assert planned == {P0: OffsetChange(3, after[0]), P1: OffsetChange(7, after[1])}
        assert positions(admin, group) == {P0: 3, P1: 7}
        assert admin.reset_group_offsets(group, **destination) == planned
        assert positions(admin, group) == dict(zip((P0, P1), after, strict=True))


def test_a_reset_may_be_of_one_partition_or_of_a_topic(admin, group):
    assert admin.reset_group_offsets(group, offset=5, partitions=[P1]) == {P1: OffsetChange(-1, 5)}
    assert positions(admin, group) == {P1: 5}
    admin.reset_group_offsets(group, "latest", topics=["t"])
    assert positions(admin, group) == {P0: 10, P1: 10}


def test_a_reset_needs_one_destination_and_partitions_that_there_are(broker, group):
    with broker.admin() as admin:
        with pytest.raises(BadSetting, match="one of to, offset and shift, not none"):
            admin.reset_group_offsets(group)
        with pytest.raises(BadSetting, match="not to and shift"):
            admin.reset_group_offsets(group, "latest", shift=1)
        with pytest.raises(BadSetting, match="no partition 2"):
            admin.reset_group_offsets(group, offset=1, partitions=[("t", 2)])
        with pytest.raises(GroupIdNotFound):
            admin.reset_group_offsets(group, "latest")


def test_the_same_as_coroutines(broker, group):
    async def work():
        async with bus.aio.Admin(broker.url) as admin:
            await admin.alter_group_offsets(group, {P0: 3})
            lags = await admin.group_lag(group)
            changes = await admin.reset_group_offsets(group, shift=1)
            offsets = await admin.group_offsets(group)
            states = [found.state for found in await admin.describe_groups([group])]
            named = [found.name for found in await admin.list_groups()]
            described = await admin.describe_group(group)
            await admin.delete_group_offsets(group, [P0])
            await admin.alter_group_offsets(group, {P1: 1})
            await admin.delete_group(group)
            cluster = await admin.describe_cluster()
        return lags, changes, offsets, states, named, described, cluster

    lags, changes, offsets, states, named, described, cluster = asyncio.run(work())
    assert [entry.lag for entry in lags] == [7]
    assert changes == {P0: OffsetChange(3, 4)}
    assert offsets[P0].offset == 4
    assert states == [described.state] == ["Empty"]
    assert group in named
    assert len(cluster.brokers) == 1
