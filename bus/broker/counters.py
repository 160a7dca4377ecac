"""What the broker counts while it works; read by the status snapshot, never by a decision."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Totals since the start."""

    requests: Counter[str] = field(default_factory=Counter)  # by request name
    errors: Counter[str] = field(default_factory=Counter)  # by error name
    recoveries: Counter[str] = field(default_factory=Counter)  # by cause, while this controlled
    records_in: int = 0
    bytes_in: int = 0  # of record batches, as appended
    bytes_out: int = 0  # of record batches, as fetched
    bytes_replicated: int = 0  # of record batches, as taken over from leaders
    loop_lag_ms_max: float = 0.0  # worst delay of a timer in the last minute
