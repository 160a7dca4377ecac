"""What came back, held against what was sent: exactly once, unchanged, in order per key."""

import json
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Row = tuple[bytes | None, bytes | None, int]  # key, value, timestamp in ms
EXAMPLES_MAX = 3


@dataclass(slots=True)
class Verdict:
    """Counts of what is wrong; all zero is good."""

    missing: int = 0  # sent and never seen
    doubled: int = 0  # seen again
    altered: int = 0  # seen with another key or timestamp
    foreign: int = 0  # never sent
    disordered: int = 0  # seen after a later record of the same key
    examples: list[bytes] = field(default_factory=list)  # a few values that are concerned

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.missing or self.doubled or self.altered or self.foreign or self.disordered)

    def sentence(self) -> str:
        """What is wrong, with examples; for people."""
        counts = {
            "missing": self.missing,
            "doubled": self.doubled,
            "altered": self.altered,
            "never sent": self.foreign,
            "out of order": self.disordered,
        }
        wrong = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        shown = "; ".join(value.decode(errors="replace")[:120] for value in self.examples)
        return f"{wrong}: {shown}" if wrong else "nothing is wrong"


class Expected:
    """What was sent, ready to be compared with as often as needed."""

    def __init__(
        self,
        values: Sequence[bytes],
        keys: Sequence[bytes | None],
        timestamps: Sequence[int],
    ) -> None:
        """Values must differ from one another: a value stands for its row."""
        self._values, self._keys, self._timestamps = values, keys, timestamps
        self._row_of = {value: row for row, value in enumerate(values)}
        assert len(self._row_of) == len(values), "two rows are equal"

    def compare(self, received: Iterable[Row], among: range | None = None) -> Verdict:
        """Hold `received` against the rows `among` (all of them, if it is not given)."""
        rows = range(len(self._values)) if among is None else among
        verdict = Verdict()
        seen = bytearray(len(self._values))
        latest: dict[bytes, int] = {}
        for key, value, timestamp in received:
            row = self._row_of.get(value) if value is not None else None
            if row is None or row not in rows:
                verdict.foreign += 1
                _note(verdict, value)
            elif seen[row]:
                verdict.doubled += 1
                _note(verdict, value)
            else:
                seen[row] = 1
                self._judge(verdict, row, key, timestamp, latest)
        for row in rows:
            if not seen[row]:
                verdict.missing += 1
                _note(verdict, self._values[row])
        return verdict

    def _judge(
        self,
        verdict: Verdict,
        row: int,
        key: bytes | None,
        timestamp: int,
        latest: dict[bytes, int],
    ) -> None:
        if key != self._keys[row] or timestamp != self._timestamps[row]:
            verdict.altered += 1
            _note(verdict, self._values[row])
        if key is not None:
            if latest.get(key, -1) > row:
                verdict.disordered += 1
                _note(verdict, self._values[row])
            latest[key] = row


def rows_between(timestamps: Sequence[int], start_ms: int, stop_ms: int) -> range:
    """The rows in [start, stop), where timestamps ascend."""
    return range(bisect_left(timestamps, start_ms), bisect_left(timestamps, stop_ms))


def _note(verdict: Verdict, value: bytes | None) -> None:
    if len(verdict.examples) < EXAMPLES_MAX:
        verdict.examples.append(value or b"(null)")


@dataclass(frozen=True, slots=True)
class CarrierDelay:
    """One line of the table."""

    carrier: str
    flights: int
    cancelled: int  # flights that never left
    mean_delay_minutes: float  # at departure, of those that left


def delays_by_carrier(values: Iterable[bytes | None]) -> list[CarrierDelay]:
    """Mean departure delay of each carrier, worst first; nulls and other JSON are skipped."""
    flights: dict[str, int] = {}
    departed: dict[str, int] = {}
    minutes: dict[str, int] = {}
    for value in values:
        row = json.loads(value or b"{}")
        carrier, delay = row.get("carrier"), row.get("dep_delay")
        if carrier is None:
            continue
        flights[carrier] = flights.get(carrier, 0) + 1
        if delay is not None:
            departed[carrier] = departed.get(carrier, 0) + 1
            minutes[carrier] = minutes.get(carrier, 0) + delay
    table = [
        CarrierDelay(
            carrier,
            count,
            count - departed.get(carrier, 0),
            minutes.get(carrier, 0) / max(departed.get(carrier, 0), 1),
        )
        for carrier, count in flights.items()
    ]
    return sorted(table, key=lambda line: -line.mean_delay_minutes)
