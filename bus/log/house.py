"""What is due of each log from time to time: forget producers, retain, roll, seal, rest.

Of very many logs each call looks at some, so that it never holds the event loop for long.
"""

from collections.abc import Sequence

from bus.errors import DiskFull
from bus.log.partition_log import PartitionLog
from bus.model.limits import HOUSEKEEPING_LOGS_MAX, REST_INTERVAL_MS


class House:
    """Looks after the logs of one disk in turns."""

    def __init__(self, now_ms: int, producer_expiry_ms: int) -> None:
        self._producer_expiry_ms = producer_expiry_ms
        self._next = 0  # the log to look after
        self._rest_ms = now_ms

    def keep(self, logs: Sequence[PartitionLog], now_ms: int, wall_ms: int) -> OSError | None:
        """The next some of `logs`; an error ends it, but a full disk, where deleting goes on."""
        for log in logs[self._next : self._next + HOUSEKEEPING_LOGS_MAX]:
            try:
                log.producers.expire(wall_ms, self._producer_expiry_ms)
                log.apply_retention(wall_ms)
                log.roll_if_due(wall_ms)
                log.seal_at_rest()
            except DiskFull:
                continue
            except OSError as error:
                return error
        self._next += HOUSEKEEPING_LOGS_MAX
        if self._next >= len(logs):
            self._next = 0
        if now_ms - self._rest_ms >= REST_INTERVAL_MS:
            self._rest_ms = now_ms
            for log in logs:
                log.rest()
        return None
