"""A wall clock that a test sets while a process looks at it, by libfaketime."""

import os
from collections.abc import Mapping
from pathlib import Path

PLACES = ("/usr/lib", "/usr/lib/*-linux-gnu", "/usr/local/lib")
LIBRARY = "faketime/libfaketimeMT.so.1"


def library() -> Path | None:
    """Where libfaketime is; None if it is not installed."""
    found = (path for place in PLACES for path in Path("/").glob(f"{place[1:]}/{LIBRARY}"))
    return next(found, None)


class FakeTime:
    """The wall clock of processes that are started with `environment`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "faketime"
        self.jump(0)

    def jump(self, seconds: int) -> None:
        """So far from the true time it is from now on."""
        aside = self._file.with_suffix(".new")
        aside.write_text(f"{seconds:+d}s\n")
        os.replace(aside, self._file)

    @property
    def environment(self) -> Mapping[str, str]:
        """The monotonic clock stays true, as the kernel's does."""
        return {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
