"""The real clock: the Clock port over the kernel's monotonic and wall time."""

import time


class SystemClock:
    """Time of this machine, in whole milliseconds."""

    def now_ms(self) -> int:
        """Monotonic; its zero means nothing."""
        return time.monotonic_ns() // 1_000_000

    def wall_ms(self) -> int:
        """Since the Unix epoch; it may jump."""
        return time.time_ns() // 1_000_000
