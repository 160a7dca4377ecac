"""A rate that is kept on average: who has taken much waits for as long as that should take."""

from dataclasses import dataclass


@dataclass(slots=True)
class Throttle:
    """Sans-IO: told what was taken, asked when there may be more."""

    bytes_per_second: int
    free_ms: int = 0  # nothing is taken before

    def take(self, size: int, now_ms: int) -> None:
        """So many bytes were taken."""
        self.free_ms = max(self.free_ms, now_ms) + size * 1000 // self.bytes_per_second

    def wait_ms(self, now_ms: int) -> int:
        """Until more may be taken; 0 if it may be now."""
        return max(0, self.free_ms - now_ms)
