"""UpdateFeatures on a node that is alone: its own level, in its own file."""

from pathlib import Path

import pytest

from bus.broker.raising import raise_level
from bus.errors import InvalidRequest
from bus.model.features import CLUSTER_VERSION, KNOWN, Levels
from bus.model.keys import Keys
from bus.model.store_errors import StoreRefused
from bus.model.stored import ClusterRecord
from bus.model.stored_brokers import BrokerRecord
from bus.wire.cluster import DescribeClusterRequest
from bus.wire.features import FeatureUpdateKey, UpdateFeaturesRequest
from tests.fixtures.memory_store import MemoryStore
from tests.fixtures.node import Bench

KEYS = Keys("local")
NEXT = KNOWN.high + 1


def update(level: int, **more: object) -> UpdateFeaturesRequest:
    return UpdateFeaturesRequest(feature_updates=[FeatureUpdateKey(CLUSTER_VERSION, level, **more)])


def test_a_level_that_is_not_known_here_is_refused(bench: Bench) -> None:
    answer = bench.ask(update(NEXT))
    assert answer.error_code == answer.results[0].error_code == InvalidRequest.code
    assert "Broker 1 knows" in answer.error_message


def test_the_level_that_there_is_already_is_no_mistake(bench: Bench) -> None:
    assert bench.ask(update(KNOWN.high)).error_code == 0


@pytest.mark.parametrize("more", [{"allow_downgrade": True}, {"upgrade_type": 2}])
def test_a_way_back_is_refused(bench: Bench, more: dict[str, object]) -> None:
    assert "no way back" in bench.ask(update(KNOWN.high, **more)).error_message


def test_a_feature_of_another_name_is_refused(bench: Bench) -> None:
    request = UpdateFeaturesRequest(feature_updates=[FeatureUpdateKey("group.version", 1)])
    assert "'cluster.version'" in bench.ask(request).error_message


def test_the_level_and_what_is_known_are_described(bench: Bench) -> None:
    answer = bench.ask(DescribeClusterRequest())
    assert answer.level == KNOWN.high


def test_a_directory_where_a_newer_version_has_run_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    outcomes: list[object] = []
    newer = {1: Levels(1, NEXT)}
    raise_level(bench.node._mirror, KEYS, newer, dict, NEXT, outcomes.append)
    with pytest.raises(StoreRefused, match=f"stands at level {NEXT}.* no way back"):
        bench.restart()


# --- with other brokers ------------------------------------------------------------------------


def cluster(*known: Levels) -> MemoryStore:
    """At level 1, with entries of the brokers 2, 3, ..."""
    store = MemoryStore()
    store.put(KEYS.meta, ClusterRecord("id", 1, {}).to_bytes())
    for broker, levels in enumerate(known, 2):
        store.put(KEYS.broker(broker), BrokerRecord({}, "", "boot", levels=levels).to_bytes())
    return store


def raised(store: MemoryStore, wanted: int, **more: bool) -> object:
    outcomes: list[object] = []
    raise_level(store, KEYS, {1: Levels(1, 2)}, dict, wanted, outcomes.append, **more)
    (outcome,) = outcomes
    return outcome


def level(store: MemoryStore) -> int:
    return ClusterRecord.from_bytes(KEYS.meta, store.get(KEYS.meta).value).level


def test_a_level_that_all_brokers_know_is_written() -> None:
    store = cluster(Levels(1, 2), Levels(2, 3))
    assert raised(store, 2) == store.get(KEYS.meta).revision
    assert level(store) == 2


def test_a_level_that_is_only_tried_is_not_written() -> None:
    store = cluster(Levels(1, 2))
    assert raised(store, 2, validate_only=True) == 0
    assert level(store) == 1


def test_one_broker_of_an_older_version_holds_it_back() -> None:
    store = cluster(Levels(1, 2), Levels(1, 1))
    assert str(raised(store, 2)).startswith("Broker 3 knows level 1, not level 2.")
    assert level(store) == 1


def test_one_whose_entry_comes_meanwhile_holds_it_back() -> None:
    store = cluster()
    old = BrokerRecord({}, "", "boot").to_bytes()

    def come() -> None:
        store.put(KEYS.broker(2), old)
        store.put(KEYS.meta, store.get(KEYS.meta).value)

    store.before_transact = come
    assert "Broker 2" in str(raised(store, 2))
    assert level(store) == 1


def test_an_entry_that_cannot_be_read_counts_as_an_old_one() -> None:
    store = cluster()
    store.put(KEYS.broker(2), b"?")
    assert "Broker 2" in str(raised(store, 2))
