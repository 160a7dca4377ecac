"""Keep freed memory in the process: a message of 1 MiB need not fault its pages in anew.

ZeroMQ takes memory for each message it receives and gives it back when the message is done with.
glibc by default returns such pieces to the kernel at once, so every message costs page faults:
measured, a third of the throughput of 1 MiB messages. The price is that up to `keep_bytes` of
freed memory stay with the process after a busy time.
"""

import ctypes
import sys
from typing import Any

from bus.model.limits import MIB

KEEP_BYTES = 64 * MIB

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_MMAP_THRESHOLD_MAX = 32 * MIB  # glibc's own bound


def keep_freed_memory(keep_bytes: int = KEEP_BYTES) -> bool:
    """Set it for the whole process; False where the C library knows no such thing.

    For processes that are ours, such as the daemon: a library does not tune its host's allocator.
    """
    mallopt = _function("mallopt")
    if mallopt is None:
        return False
    return bool(
        mallopt(_M_TRIM_THRESHOLD, keep_bytes)
        and mallopt(_M_MMAP_THRESHOLD, min(keep_bytes, _MMAP_THRESHOLD_MAX))
    )


def give_back_freed_memory() -> bool:
    """Once, as much as possible, whatever is to be kept; False where the C library cannot."""
    trim = _function("malloc_trim")
    return trim is not None and bool(trim(0))


def _function(name: str) -> Any:
    """Of glibc; musl lacks these, and other systems have other rules."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
