"""What the demo calls lost, doubled, altered, foreign and out of order."""

import pytest

from bus.cli.flight_check import Expected, Row, Verdict, delays_by_carrier, rows_between

SENT: list[Row] = [
    (b"a", b"a0", 10),
    (b"b", b"b0", 20),
    (b"a", b"a1", 30),
    (None, b"n0", 40),
    (None, b"n1", 50),
]
TIMES = [10, 20, 30, 40, 50]


@pytest.fixture
def expected() -> Expected:
    keys, values, timestamps = zip(*SENT, strict=True)
    return Expected(values, keys, timestamps)


def test_everything_once_in_order_is_good(expected: Expected) -> None:
    assert expected.compare(SENT).good


def test_partitions_may_interleave(expected: Expected) -> None:
    assert expected.compare([SENT[1], SENT[0], SENT[2], SENT[4], SENT[3]]).good


def test_a_record_that_never_came_is_missing(expected: Expected) -> None:
    verdict = expected.compare(SENT[:-1])
    assert (verdict.missing, verdict.examples) == (1, [b"n1"])


def test_a_record_that_came_twice_is_doubled(expected: Expected) -> None:
    assert expected.compare([*SENT, SENT[0]]).doubled == 1


@pytest.mark.parametrize("changed", [(b"x", b"a0", 10), (b"a", b"a0", 11)])
def test_another_key_or_timestamp_is_altered(expected: Expected, changed: Row) -> None:
    assert expected.compare([changed, *SENT[1:]]).altered == 1


@pytest.mark.parametrize("value", [b"zz", None])
def test_a_value_that_nobody_sent_is_foreign(expected: Expected, value: bytes | None) -> None:
    assert expected.compare([*SENT, (b"a", value, 60)]).foreign == 1


def test_a_key_whose_records_swap_is_out_of_order(expected: Expected) -> None:
    assert expected.compare([SENT[2], SENT[1], SENT[0], *SENT[3:]]).disordered == 1


def test_a_replay_is_held_against_its_part(expected: Expected) -> None:
    part = rows_between(TIMES, 20, 50)
    assert (part, expected.compare(SENT[1:4], part).good) == (range(1, 4), True)


def test_a_replay_of_too_much_is_noticed(expected: Expected) -> None:
    assert expected.compare(SENT, rows_between(TIMES, 20, 50)).foreign == 2


def test_the_sentence_counts_and_shows_what_is_wrong() -> None:
    verdict = Verdict(missing=1200, doubled=1, examples=[b"a0"])
    assert verdict.sentence() == "1,200 missing, 1 doubled: a0"


def test_delays_are_means_of_the_flights_that_left_worst_first() -> None:
    rows = [
        b'{"carrier":"AA","dep_delay":4}',
        b'{"carrier":"AA","dep_delay":null}',
        b'{"carrier":"AA","dep_delay":-2}',
        b'{"carrier":"UA","dep_delay":9}',
        None,
    ]
    table = [
        (d.carrier, d.flights, d.cancelled, d.mean_delay_minutes) for d in delays_by_carrier(rows)
    ]
    assert table == [("UA", 1, 0, 9.0), ("AA", 3, 1, 1.0)]
