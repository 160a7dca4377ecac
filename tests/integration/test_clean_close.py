"""What a closed embedded broker leaves in its directory."""

from pathlib import Path

import bus


def test_a_segment_is_cut_to_its_end_although_a_consumer_had_fetched_ahead(tmp_path: Path) -> None:
    with bus.Broker(str(tmp_path)) as broker:
        producer = broker.producer()
        producer.send_batch("t", [b"x" * 100] * 50_000)
        producer.flush()
        consumer = broker.consumer()
        consumer.assign([("t", 0)])
        assert len(consumer.poll_batch(max_records=1, timeout=10)) == 1
    (log,) = tmp_path.rglob("*.log")
    assert log.stat().st_size % 4096, "its length is that of the records, not of the allocation"
