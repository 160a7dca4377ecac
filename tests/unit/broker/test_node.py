"""The node: metadata, store, runtime and parked fetches kept in step."""

import errno
from pathlib import Path

import pytest

from bus.broker.status import status_of
from bus.errors import InvalidConfig, StorageError, UnknownTopicOrPartition
from tests.fixtures.node import WALL_MS, Bench, batch_of
from tests.fixtures.requests import fetch, got, produce, told


def test_topics_settings_and_records_outlive_a_restart(bench: Bench) -> None:
    bench.create_topic("t", 2, 1, {"retention.ms": "123456"})
    told(bench, produce(batch_of(b"a"), index=1))
    bench.restart()
    partition = bench.node.runtime.find("t", 1)
    assert partition.settings.retention_ms == 123_456
    assert partition.log.settings.retention_ms == 123_456
    assert got(bench, fetch(index=1)).high_watermark == 1


def test_a_crash_loses_nothing_that_was_answered(bench: Bench) -> None:
    bench.create_topic("t", 1)
    told(bench, produce(batch_of(b"a")))
    bench.restart(clean=False)
    assert not bench.node.starting.recovery.is_clean
    assert got(bench, fetch()).high_watermark == 1


def test_a_topic_without_a_count_gets_the_broker_s(tmp_path) -> None:
    bench = Bench(tmp_path / "data", num_partitions=3)
    assert len(bench.create_topic("t").partitions) == 3
    bench.close()


def test_a_topic_s_own_settings_go_before_the_broker_s(tmp_path) -> None:
    bench = Bench(tmp_path / "data", log_flush="os")
    bench.create_topic("a", 1)
    bench.create_topic("b", 1, 1, {"flush": "group"})
    modes = [bench.node.runtime.find(name, 0).settings.flush for name in "ab"]
    bench.close()
    assert modes == ["os", "group"]


def test_a_setting_that_is_refused_leaves_no_topic(bench: Bench) -> None:
    with pytest.raises(InvalidConfig):
        bench.create_topic("t", 1, 1, {"min.insync.replicas": "2"})
    assert bench.node.metadata.image.topics == {}
    assert bench.node.runtime.partitions == {}


def test_a_topic_made_anew_is_empty(bench: Bench) -> None:
    bench.create_topic("t", 1)
    told(bench, produce(batch_of(b"a")))
    bench.delete_topic("t")
    assert told(bench, produce(batch_of(b"b"))).error_code == UnknownTopicOrPartition.code
    bench.create_topic("t", 1)
    assert told(bench, produce(batch_of(b"c"))).base_offset == 0


def test_a_deleted_topic_is_gone_after_a_restart(bench: Bench) -> None:
    bench.create_topic("t", 1)
    told(bench, produce(batch_of(b"a")))
    bench.delete_topic("t")
    bench.restart()
    assert bench.node.runtime.partitions == {}
    assert bench.node.stores.all[0].logs() == []


def test_producer_ids_are_taken_a_block_at_a_time_and_never_twice(bench: Bench) -> None:
    first = [bench.new_producer_id() for _ in range(1500)]
    bench.restart()
    assert len({*first, bench.new_producer_id()}) == 1501


def test_a_stop_answers_who_waits(bench: Bench) -> None:
    bench.create_topic("t", 1, 1, {"flush": "os"})
    answers = bench.send(fetch(wait_ms=10_000))
    bench.restart()
    assert len(answers) == 1


def test_the_next_tick_is_the_earliest_deadline(bench: Bench) -> None:
    bench.create_topic("t", 1)
    assert bench.node.next_tick_ms() is None
    bench.send(fetch(wait_ms=500))
    assert bench.node.next_tick_ms() == bench.clock.ms + 500
    bench.send(produce(batch_of(b"a")))
    bench.pass_ms(500)
    assert bench.node.next_tick_ms() == bench.clock.ms + 500, "the produce waits for 1000 ms"


def test_a_failed_disk_is_reported_refused_and_left_alone(bench: Bench) -> None:
    bench.create_topic("t", 1)
    bench.node.stores.all[0].fail(OSError(errno.EIO, "gone"))
    assert told(bench, produce(batch_of(b"a"))).error_code == StorageError.code
    assert not status_of(bench.node).alive
    bench.node.keep_house(bench.clock.ms)


def test_housekeeping_deletes_what_is_too_old(bench: Bench) -> None:
    config = {"flush": "os", "segment.ms": "1000", "retention.ms": "1000"}
    bench.create_topic("t", 1, 1, config)
    told(bench, produce(batch_of(b"a", timestamp=WALL_MS)))
    log = bench.node.runtime.find("t", 0).log
    for _ in range(3):
        bench.clock.ms += 2000
        bench.node.keep_house(bench.clock.ms)
    assert (log.start_offset, log.end_offset) == (1, 1)


def test_housekeeping_forgets_a_producer_once_it_is_silent_for_so_long(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data", producer_id_expiration_ms=5000)
    bench.create_topic("t", 1)
    producers = bench.node.runtime.find("t", 0).log.producers
    for sequence in range(3):  # 6 s in all
        told(bench, produce(batch_of(b"a", producer=(9, 0, sequence))))
        bench.clock.ms += 2000
        bench.node.keep_house(bench.clock.ms)
    assert producers.get(9) is not None
    bench.clock.ms += 2999
    bench.node.keep_house(bench.clock.ms)
    assert producers.get(9) is not None
    bench.clock.ms += 1
    bench.node.keep_house(bench.clock.ms)
    assert producers.get(9) is None
    bench.close()


def test_positions_that_an_earlier_version_kept_for_ever_are_compacted(bench: Bench) -> None:
    old = {"retention.ms": "-1", "segment.bytes": "12345678"}
    bench.create_topic("__consumer_offsets", 1, 1, old)
    bench.restart()
    config = bench.node.metadata.image.topics["__consumer_offsets"].config
    assert config == {"cleanup.policy": "compact", "segment.bytes": "12345678"}
    assert bench.node.runtime.find("__consumer_offsets", 0).log.settings.compacts
