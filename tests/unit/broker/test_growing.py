"""A single node's topics go along into a cluster: once, whole, and nowhere else from then on."""

from pathlib import Path

import pytest

from bus.adapters.solo import Solo
from bus.broker.gone import Gone
from bus.broker.growing import Growing
from bus.errors import BadSetting, BusError
from bus.model.cluster import NO_LEADER
from bus.model.keys import LOCAL_CLUSTER, Keys, Kind
from bus.model.store_errors import StoreRefused, StoreUnreachable
from bus.model.stored import ClusterRecord, TopicRecord, group_from_bytes
from bus.ports import Snapshot
from tests.fixtures.asked_store import Caller, SoloBench
from tests.fixtures.etcd_stores import SimBench
from tests.fixtures.node import Bench

LOCAL, CLUSTER = Keys(LOCAL_CLUSTER), Keys("c")


def growing(bench: Bench, world: SimBench, cluster: str = "c", node_id: int = 1) -> Growing:
    """Of a start on the node's directory, its logs open."""
    store = world.store(str(node_id))
    single = Solo(*bench.disks)
    return Growing(single, store, Keys(cluster), cluster, bench.node.stores, node_id)


def grow(world: SimBench, one: Growing) -> BusError | None:
    outcomes: list[BusError | None] = []
    one.begin(outcomes.append)
    world.until(lambda: bool(outcomes))
    return outcomes[0]


def held(world: SimBench) -> dict[str, bytes]:
    found = Caller(world, world.store("eye")).list(CLUSTER.root)
    assert isinstance(found, Snapshot)
    return {key: entry.value for key, entry in found.entries.items()}


def said(bench: Bench) -> Gone | None:
    value = Caller(SoloBench(), Solo(*bench.disks)).value(LOCAL.gone)
    return None if value is None else Gone.from_bytes(LOCAL.gone, value)


@pytest.fixture
def topic(bench: Bench):
    """With a topic, in the third epoch that its logs have seen."""
    made = bench.create_topic("t", 2)
    bench.restart()
    bench.restart()
    return made


def test_a_node_without_topics_has_none_to_take_along(bench: Bench) -> None:
    assert not growing(bench, SimBench()).is_due()


def test_topics_come_along_to_be_led_in_an_epoch_that_is_new_to_their_logs(
    bench: Bench, topic
) -> None:
    world = SimBench()
    one = growing(bench, world)
    assert one.is_due()
    assert grow(world, one) is None
    entries = held(world)
    assert LOCAL.topic("t").replace(LOCAL.root, CLUSTER.root) in entries
    assert CLUSTER.gone not in entries
    logs = {log.partition: log for store in bench.node.stores.all for log in store.logs()}
    images = {
        pid: image
        for key, value in entries.items()
        if key.startswith(CLUSTER.prefix(Kind.GROUP))
        for pid, image in group_from_bytes(key, value).items()
    }
    assert images.keys() == logs.keys()
    for pid, image in images.items():
        assert (image.leader, image.isr) == (NO_LEADER, (1,))
        assert image.leader_epoch == logs[pid].max_epoch_seen > 0


def test_the_second_start_in_the_cluster_finds_nothing_to_do(bench: Bench, topic) -> None:
    world = SimBench()
    assert grow(world, growing(bench, world)) is None
    assert said(bench) == Gone("c", True)
    assert not growing(bench, world).is_due()


def test_a_start_that_broke_off_goes_on(bench: Bench, topic) -> None:
    world = SimBench()
    one = growing(bench, world)
    world.carriers[-1].cut_off(0, 1, 2)
    assert isinstance(grow(world, one), StoreUnreachable)
    assert said(bench) == Gone("c", False)
    again = growing(bench, world)
    assert again.is_due()
    assert grow(world, again) is None
    assert said(bench) == Gone("c", True)


@pytest.mark.parametrize("is_whole", [False, True])
def test_a_node_whose_topics_have_gone_starts_neither_alone_nor_elsewhere(
    bench: Bench, topic, is_whole: bool
) -> None:
    note = Gone("c", is_whole).to_bytes()
    Caller(SoloBench(), bench.node._coordination).put(LOCAL.gone, note)
    with pytest.raises(BadSetting, match="gone over to the cluster 'c'"):
        growing(bench, SimBench(), "d").is_due()
    with pytest.raises(BadSetting, match="start it with --cluster c"):
        bench.restart()
    bench.reopen(Path(bench.disk.path).parent / "another")


def test_a_cluster_that_has_begun_without_them_leaves_them_here(bench: Bench, topic) -> None:
    world = SimBench()
    Caller(world, world.store("x")).put(CLUSTER.meta, ClusterRecord("x", 1, {}).to_bytes())
    assert isinstance(grow(world, growing(bench, world)), StoreRefused)
    assert said(bench) is None
    bench.restart()


@pytest.mark.parametrize(("factor", "grows"), [(None, True), (1, False)])
def test_a_topic_grows_with_its_cluster_unless_somebody_has_said_how_many_replicas(
    bench: Bench, factor: int | None, grows: bool
) -> None:
    bench.create_topic("t", 1, factor)
    value = Caller(SoloBench(), Solo(*bench.disks)).value(LOCAL.topic("t"))
    assert value is not None
    assert TopicRecord.from_bytes("t", value).grows is grows


def test_the_topics_of_one_node_are_not_taken_by_another_number(bench: Bench, topic) -> None:
    with pytest.raises(BadSetting, match="start it with --node-id 1"):
        growing(bench, SimBench(), node_id=2).is_due()
