"""Progress on stderr: bars of `rich` on a terminal, a line at the end elsewhere."""

import sys
import time
from typing import Any, Protocol


class Bar(Protocol):
    """One piece of work."""

    def advance(self, count: int) -> None:
        """So much more is done."""


class Bars(Protocol):
    """Several pieces of work that are shown together; a context manager."""

    def add(self, title: str, total: int | None, unit: str) -> Bar:
        """A new bar. `unit` is "bytes" or what is counted; no total is an open end."""

    def __enter__(self) -> "Bars": ...
    def __exit__(self, *_: object) -> None: ...


def bars() -> Bars:
    """What suits stderr."""
    return _RichBars() if sys.stderr.isatty() else _PlainBars()


class _PlainBars:
    def __init__(self) -> None:
        self._all: list[_PlainBar] = []

    def add(self, title: str, total: int | None, unit: str) -> Bar:
        bar = _PlainBar(title, unit)
        self._all.append(bar)
        return bar

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, *failure: object) -> None:
        if failure[:1] == (None,):  # else the error's own sentence is enough
            for bar in self._all:
                print(bar.line(), file=sys.stderr)


class _PlainBar:
    def __init__(self, title: str, unit: str) -> None:
        self._title, self._unit = title, unit
        self._done = 0
        self._began = self._last = time.perf_counter()

    def advance(self, count: int) -> None:
        self._done += count
        self._last = time.perf_counter()

    def line(self) -> str:
        took = self._last - self._began
        return f"{self._title}: {self._done:,} {self._unit} in {took:.2f} s"


class _RichBars:
    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:>11,.0f} {task.fields[unit]}"),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )

    def add(self, title: str, total: int | None, unit: str) -> Bar:
        task = self._progress.add_task(title, total=total, unit=unit, rate="")
        return _RichBar(self._progress, task, unit)

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


class _RichBar:
    """Counts from the first call on, so that the rate is that of the work."""

    def __init__(self, progress: Any, task: Any, unit: str) -> None:
        self._progress, self._task, self._unit = progress, task, unit
        self._began = time.perf_counter()
        self._done = 0

    def advance(self, count: int) -> None:
        self._done += count
        took = max(time.perf_counter() - self._began, 1e-6)
        rate = f"{self._done / took:,.0f} {self._unit}/s"
        self._progress.update(self._task, advance=count, rate=rate)
