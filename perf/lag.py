"""How late an event loop is: a timer that asks for 5 ms and looks at when it was called."""

import asyncio
import time
from types import TracebackType

from bus.adapters.io_thread import IoThread
from perf.stats import percentile

INTERVAL_SECONDS = 0.005


class LoopLag:
    """A context that samples the process's I/O thread; `percentiles` afterwards."""

    def __init__(self) -> None:
        self._thread = IoThread.shared()
        self._lags_ms: list[float] = []
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> "LoopLag":
        self._thread.call(self._arm)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.call(self._disarm)

    def percentiles(self) -> dict[str, float]:
        """Lag in ms, by the names that it has in results."""
        if not self._lags_ms:
            return {}
        return {
            "loop_lag_p50_ms": round(percentile(self._lags_ms, 0.5), 3),
            "loop_lag_p999_ms": round(percentile(self._lags_ms, 0.999), 3),
        }

    def _arm(self) -> None:
        self._due = time.perf_counter() + INTERVAL_SECONDS
        self._timer = self._thread.loop.call_later(INTERVAL_SECONDS, self._on_timer)

    def _on_timer(self) -> None:
        self._lags_ms.append(max(0.0, time.perf_counter() - self._due) * 1000)
        self._arm()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
