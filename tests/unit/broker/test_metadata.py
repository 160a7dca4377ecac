"""Topics over the coordination store: created, grown, altered, deleted; races tried again."""

import pytest

from bus.broker.metadata import Metadata
from bus.broker.mirror import Mirror
from bus.errors import (
    CorruptLog,
    InvalidPartitions,
    InvalidReplicationFactor,
    InvalidTopic,
    PolicyViolation,
    TopicAlreadyExists,
    UnknownTopicOrPartition,
)
from bus.model.cluster import BrokerInfo
from bus.model.store_errors import StoreUnreachable
from tests.fixtures.etcd_stores import SimBench
from tests.fixtures.memory_store import MemoryStore
from tests.fixtures.seeded_random import SeededRandom


def metadata_over(store: MemoryStore, seed: int = 1) -> Metadata:
    metadata = Metadata(store, SeededRandom(seed), lambda: {1: BrokerInfo(1)}, node_id=1)
    metadata.load()
    return metadata


def test_a_new_store_gets_a_cluster_id_and_keeps_it() -> None:
    store = MemoryStore()
    first = metadata_over(store).image.cluster_id
    assert first
    assert metadata_over(store, seed=2).image.cluster_id == first


def test_a_topic_is_there_for_whoever_loads_next() -> None:
    store = MemoryStore()
    made = metadata_over(store).create_topic("flights", 3, 1, {"flush": "os"})
    found = metadata_over(store).image.topics["flights"]
    assert found == made
    assert len(found.partitions) == 3
    assert found.config == {"flush": "os"}


def test_a_topic_made_anew_has_another_id() -> None:
    metadata = metadata_over(MemoryStore())
    first = metadata.create_topic("flights", 1, 1, {}).topic_id
    metadata.delete_topic("flights")
    assert metadata.create_topic("flights", 1, 1, {}).topic_id != first


def test_many_partitions_fill_groups_of_64() -> None:
    store = MemoryStore()
    metadata = metadata_over(store)
    metadata.create_topic("a", 100, 1, {})
    metadata.create_topic("b", 28, 1, {})
    assert len(store.under("/busd/local/g/")) == 2
    metadata.delete_topic("a")
    assert len(metadata_over(store).image.topics["b"].partitions) == 28


def test_a_topic_of_more_groups_than_a_transaction_takes_is_made_grown_and_deleted() -> None:
    store = MemoryStore()
    metadata = metadata_over(store)
    metadata.create_topic("a", 8_000, 1, {})
    metadata.create_partitions("a", 10_000)
    assert len(metadata_over(store).image.topics["a"].partitions) == 10_000
    metadata.delete_topic("a")
    assert store.under("/busd/local/g/") == {}


def test_settings_that_the_store_has_no_room_for_are_refused() -> None:
    metadata = metadata_over(MemoryStore())
    with pytest.raises(PolicyViolation, match="262144 are allowed"):
        metadata.create_topic("a", 1, 1, {"flush": "x" * 300_000})
    assert "a" not in metadata.image.topics


def test_a_topic_grows_and_never_shrinks() -> None:
    metadata = metadata_over(MemoryStore())
    metadata.create_topic("a", 2, 1, {})
    assert len(metadata.create_partitions("a", 70).partitions) == 70
    with pytest.raises(InvalidPartitions, match="70 partitions; 70 would not be more"):
        metadata.create_partitions("a", 70)


@pytest.mark.parametrize(
    ("name", "partitions", "replicas", "error"),
    [
        ("taken", 1, 1, TopicAlreadyExists),
        ("a_b", 1, 1, InvalidTopic),
        ("", 1, 1, InvalidTopic),
        ("..", 1, 1, InvalidTopic),
        ("x" * 250, 1, 1, InvalidTopic),
        ("slash/", 1, 1, InvalidTopic),
        ("new", 0, 1, InvalidPartitions),
        ("new", 10_001, 1, InvalidPartitions),
        ("new", 1, 2, InvalidReplicationFactor),
        ("new", 1, 0, InvalidReplicationFactor),
    ],
)
def test_a_topic_that_cannot_be_is_refused(
    name: str, partitions: int, replicas: int, error: type[Exception]
) -> None:
    metadata = metadata_over(MemoryStore())
    metadata.create_topic("taken", 1, 1, {})
    metadata.create_topic("a.b", 1, 1, {})
    with pytest.raises(error):
        metadata.check_new_topic(name, partitions, replicas)


def test_an_unknown_topic_cannot_be_deleted() -> None:
    with pytest.raises(UnknownTopicOrPartition, match="'nope'"):
        metadata_over(MemoryStore()).delete_topic("nope")


def test_a_lost_race_is_tried_again() -> None:
    store = MemoryStore()
    mine, other = metadata_over(store), metadata_over(store, seed=2)
    mine.create_topic("first", 1, 1, {})
    other.refresh()
    store.before_transact = lambda: other.create_topic("second", 1, 1, {}) and None
    mine.create_topic("third", 1, 1, {})
    assert sorted(metadata_over(store).image.topics) == ["first", "second", "third"]


def test_blocks_of_producer_ids_never_overlap() -> None:
    store = MemoryStore()
    blocks = [metadata_over(store).allocate_producer_ids() for _ in range(3)]
    assert [block.start for block in blocks] == [0, 1000, 2000]


def test_a_store_that_was_not_read_yet_is_not_taken_for_a_new_one() -> None:
    mirror = Mirror(SimBench().store(), "/busd/local/")
    metadata = Metadata(mirror, SeededRandom(1), lambda: {}, node_id=1)
    with pytest.raises(StoreUnreachable, match="not been read yet"):
        metadata.load()


def test_metadata_that_does_not_parse_is_refused_and_kept() -> None:
    store = MemoryStore()
    metadata_over(store).create_topic("flights", 1, 1, {})
    store.put("/busd/local/g/0", b"garbage")
    with pytest.raises(CorruptLog, match="/busd/local/g/0"):
        metadata_over(store)
    entry = store.get("/busd/local/g/0")
    assert entry is not None
    assert entry.value == b"garbage"
