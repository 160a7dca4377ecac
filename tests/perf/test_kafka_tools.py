"""What Kafka's perf tools print is read without their warm-up, and a failure is told."""

import pytest

from perf.bench import Failed
from perf.rivals.kafka_tools import parse_consumer, parse_producer

PRODUCER = """\
316380 records sent, 62923.6 records/sec (6.00 MB/sec), 155.8 ms avg latency, 1472.0 ms max latency.
2731192 records sent, 545801.8 records/sec (52.05 MB/sec), 88.8 ms avg latency, 373.0 ms max \
latency.
2792086 records sent, 556858.0 records/sec (53.11 MB/sec), 84.4 ms avg latency, 482.0 ms max \
latency.
6000000 records sent, 390854.0 records/sec (37.27 MB/sec), 95.95 ms avg latency, 1472.00 ms max \
latency, 50 ms 50th, 321 ms 95th, 447 ms 99th, 665 ms 99.9th.
"""
SHORT_PRODUCER = """\
1000000 records sent, 192233.8 records/sec (18.33 MB/sec), 481.35 ms avg latency, 953.00 ms max \
latency, 498 ms 50th, 891 ms 95th, 935 ms 99th, 947 ms 99.9th.
"""
CONSUMER = """\
2026-11-23T06:29:29.134, 0, 0.0001, 0.0001, 1, 1.4306, 564, 135, 0.0007, 7.4074
2026-11-23T06:29:30.150, 0, 24.1421, 30.9277, 253148, 324300.0, 0, 500, 30.9277, 324300.0
2026-11-23T06:29:31.150, 0, 87.5688, 61.0102, 918225, 639738.0, 0, 500, 61.0102, 639738.0
2026-11-23T06:29:32.150, 0, 175.3614, 89.3468, 1838225, 936869.0, 0, 504, 89.3468, 936869.0
2026-11-23T06:29:34.150, 0, 355.8270, 109.5886, 3838225, 1149120.0, 0, 500, 109.5886, 1149120.0
"""


def test_the_first_window_of_a_producer_is_its_warm_up() -> None:
    timed = parse_producer(PRODUCER, 6_000_000)
    assert timed.records == 6_000_000 - 316_380
    assert timed.rate == pytest.approx(549_600, rel=0.01)


def test_a_short_run_of_a_producer_counts_whole() -> None:
    assert parse_producer(SHORT_PRODUCER, 1_000_000).rate == pytest.approx(192_233.8)


def test_a_producer_that_sent_less_has_failed() -> None:
    with pytest.raises(Failed, match="did not send 7000000"):
        parse_producer(PRODUCER, 7_000_000)


def test_the_first_seconds_of_a_consumer_are_its_warm_up() -> None:
    timed = parse_consumer(CONSUMER, 4_000_000)
    assert timed.records == 3_838_225 - 918_225
    assert timed.seconds == pytest.approx(3.0)


def test_a_consumer_that_gave_up_has_failed() -> None:
    text = "WARNING: Exiting before consuming the expected number of messages: timeout"
    with pytest.raises(Failed, match="did not see 5"):
        parse_consumer(CONSUMER + text, 5)


def test_a_consumer_that_was_done_at_once_has_no_rate() -> None:
    with pytest.raises(Failed, match="before it was warm"):
        parse_consumer(CONSUMER.splitlines()[0], 1)
