"""The stopwatch: wall time of what is measured, and what each process spent meanwhile."""

import os
import time
from pathlib import Path
from types import TracebackType

TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_SECONDS


def memory_mb(pid: int, kind: str = "RssAnon") -> float:
    """RssAnon is the process's own memory; VmRSS counts mapped files too."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(kind + ":"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"the kernel does not tell {kind}")


def cpu_ticks() -> tuple[int, int]:
    """Of all cores since the machine started: all ticks, and those that the host took away."""
    with open("/proc/stat") as file:
        fields = [int(field) for field in file.readline().split()[1:9]]
    return sum(fields), fields[7]


def stolen(before: tuple[int, int], after: tuple[int, int]) -> float:
    """The share of the cores' time between two `cpu_ticks` that the host took away."""
    return (after[1] - before[1]) / max(1, after[0] - before[0])


class Stopwatch:
    """Used as a context around each measured stretch; adds them up."""

    def __init__(self, **pids: int) -> None:
        """The processes that take part, by name; `client=os.getpid()` is the usual one."""
        self.pids = pids
        self.seconds = 0.0
        self.cpu = dict.fromkeys(pids, 0.0)
        self.rss_anon_mb = dict.fromkeys(pids, 0.0)  # highest seen at the end of a stretch
        self.steal: list[float] = []  # of each stretch, the share that the host took away

    def __enter__(self) -> "Stopwatch":
        self._cpu_before = {name: cpu_seconds(pid) for name, pid in self.pids.items()}
        self._ticks_before = cpu_ticks()
        self._before = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.last = time.perf_counter() - self._before
        self.seconds += self.last
        self.steal.append(stolen(self._ticks_before, cpu_ticks()))
        for name, pid in self.pids.items():
            self.cpu[name] += cpu_seconds(pid) - self._cpu_before[name]
            self.rss_anon_mb[name] = max(self.rss_anon_mb[name], memory_mb(pid))

    def processes(self, records: int) -> dict[str, dict[str, float]]:
        """What each process used for `records` records, as results tell it."""
        return {
            name: {
                "cpu_seconds_per_million": round(self.cpu[name] / records * 1e6, 4),
                "cores": round(self.cpu[name] / self.seconds, 2),
                "rss_anon_mb": round(self.rss_anon_mb[name], 1),
            }
            for name in self.pids
        }
