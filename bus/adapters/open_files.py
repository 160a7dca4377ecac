"""Let the process have as many open files as the system allows it.

Each active segment and each TCP connection is one. Shells hand down a soft limit of 1024, for the
sake of programs that use `select`; the hard limit is what the administrator means (S13).
"""

import contextlib
import os
import resource
import sys

OWN_FILES = "/dev/fd" if sys.platform == "darwin" else "/proc/self/fd"
DARWIN_MAX = 10_240  # OPEN_MAX: macOS takes nothing above it, whatever its hard limit says


def raise_open_files() -> tuple[int, int]:
    """Raise the soft limit to the hard one: what it was, and what it is now.

    For processes that are ours, such as the daemon: what a library's host inherits and hands on to
    its children is not the library's to change.
    """
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, DARWIN_MAX):
        if _is_above(wanted, before):
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                break
    return before, resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def open_files() -> int | None:
    """How many this process has open; None where the system does not tell."""
    try:
        return len(os.listdir(OWN_FILES)) - 1  # the listing itself is one
    except OSError:
        return None


def open_files_max() -> int | None:
    """How many it may have; None: as many as it likes."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _is_above(limit: int, other: int) -> bool:
    if other == resource.RLIM_INFINITY:
        return False
    return limit == resource.RLIM_INFINITY or limit > other
