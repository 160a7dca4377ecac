"""The directory of a member of etcd: whether it holds one, and how fast its disk is.

DIRECTORY/member/    etcd's own
DIRECTORY/disk       JSON: the 99.9th percentile of an fdatasync, measured once
DIRECTORY/etcd.log   what etcd prints
"""

import json
import os
import time
from contextlib import suppress
from pathlib import Path

SAMPLES = 1000
SAMPLES_ABOVE_MAX = 1  # of them, may be above their 99.9th percentile
SAMPLE_BYTES = 2000  # about what one transaction is in etcd's log
DIRECTORY_MODE = 0o700  # etcd asks for it


class MemberDirectory:
    """One of them; made if it is not there."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self.path = path
        self.log = path / "etcd.log"
        self._disk = path / "disk"
        path.mkdir(parents=True, exist_ok=True, mode=DIRECTORY_MODE)

    @property
    def holds_member(self) -> bool:
        """Has a member of etcd begun here?"""
        return any((self.path / "member" / "wal").glob("*.wal"))

    def slowest_ms(self, limit_ms: float) -> float:
        """The 99.9th percentile of an fdatasync, or `limit_ms` if it is not below that."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            known = json.loads(self._disk.read_bytes())
            if known["limit_ms"] == limit_ms:
                return float(known["slowest_ms"])
        slowest_ms = min(limit_ms, _measure(self.path / "fdatasync", limit_ms))
        self._disk.write_text(json.dumps({"limit_ms": limit_ms, "slowest_ms": slowest_ms}))
        return slowest_ms


def _measure(path: Path, limit_ms: float) -> float:
    """Stops as soon as it is known to be above the limit, so a slow disk takes no longer."""
    above: list[float] = []
    slowest_ms = 0.0
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        for _ in range(SAMPLES):
            os.write(handle, bytes(SAMPLE_BYTES))
            start = time.perf_counter()
            getattr(os, "fdatasync", os.fsync)(handle)
            took_ms = (time.perf_counter() - start) * 1000
            if took_ms >= limit_ms:
                above.append(took_ms)
                if len(above) > SAMPLES_ABOVE_MAX:
                    return min(above)
            else:
                slowest_ms = max(slowest_ms, took_ms)
    finally:
        os.close(handle)
        path.unlink()
    return slowest_ms
