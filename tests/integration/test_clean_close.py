"""What a closed embedded broker leaves in its directory."""

from pathlib import Path

import pytest

import bus


def test_a_segment_is_cut_to_its_end_although_a_consumer_had_fetched_ahead(tmp_path: Path) -> None:
    with bus.Broker(str(tmp_path)) as broker:
        producer = broker.producer()
        producer.send_batch("t", [b"x" * 100] * 50_000)
        producer.flush()
        consumer = broker.consumer()
        consumer.assign([("t", 0)])
        assert len(consumer.poll_batch(max_records=1, timeout=60)) == 1
    (log,) = tmp_path.rglob("*.log")
    assert log.stat().st_size % 4096, "its length is that of the records, not of the allocation"


def test_what_was_sent_and_not_flushed_is_written_before_the_log_is_closed(tmp_path: Path) -> None:
    with bus.Broker(str(tmp_path)) as broker:
        producer = broker.producer(linger_ms=1000)
        producer.send_batch("t", [b"x" * 1000] * 20_000)
        producer.send("t", b"last")
    with bus.Broker(str(tmp_path)) as broker:
        assert broker.admin().offsets("t") == {0: 20_001}


def leave_by_an_error(data: str) -> None:
    with bus.Broker(data) as broker:
        broker.create_topic("t", config={"max.message.bytes": "100"})
        broker.producer().send_batch("t", [b"x" * 1000])
        raise KeyError


def test_an_error_of_the_block_is_not_hidden_by_the_closing(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        leave_by_an_error(str(tmp_path))
