"""Flights as records."""

import json

import pytest

from bus.cli.flights import DepartureTimes, Flights, as_records, typed_value

ROW = {
    "year": "2013",
    "month": "1",
    "day": "1",
    "sched_dep_time": "515",
    "dep_delay": "NA",
    "carrier": "UA",
    "tailnum": "N14228",
}
JANUARY_1_0515_EST = 1_357_035_300_000


def row(**changes: str) -> list[str]:
    return list((ROW | changes).values())


def records(*rows: list[str], on_rows=lambda _: None) -> Flights:
    return as_records(iter([list(ROW), *rows]), on_rows)


def departure(**changes: str) -> int:
    return DepartureTimes(list(ROW)).ms(row(**changes))


def test_the_timestamp_is_the_scheduled_departure_in_new_york() -> None:
    assert departure() == JANUARY_1_0515_EST


def test_summer_time_is_an_hour_less() -> None:
    winter, summer = departure(month="3", day="9"), departure(month="3", day="10")
    assert summer - winter == 23 * 3600 * 1000


def test_the_tail_number_is_the_key_and_nothing_is_none() -> None:
    assert records(row(), row(tailnum="")).keys == [b"N14228", None]


def test_the_value_is_the_row_as_json() -> None:
    (value,) = records(row()).values
    assert json.loads(value) == {
        "year": 2013,
        "month": 1,
        "day": 1,
        "sched_dep_time": 515,
        "dep_delay": None,
        "carrier": "UA",
        "tailnum": "N14228",
    }


def test_records_are_ordered_by_time_and_equal_ones_stay_as_they_came() -> None:
    made = records(row(day="2"), row(tailnum="first"), row(tailnum="second"))
    assert made.keys == [b"first", b"second", b"N14228"]
    assert list(made.timestamps) == sorted(made.timestamps)


def test_every_row_is_reported() -> None:
    told: list[int] = []
    records(*[row()] * 3, on_rows=told.append)
    assert sum(told) == 3


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("flight", "12", 12), ("flight", "NA", None), ("dest", "012", "012"), ("dest", "", None)],
)
def test_numbers_are_numbers_and_text_is_text(name: str, text: str, value: object) -> None:
    assert typed_value(name, text) == value
