"""Let the process have as many open files as the system allows it.

Each active segment and each TCP connection is one. Shells hand down a soft limit of 1024, for the
sake of programs that use `select`; the hard limit is what the administrator means (S13).
"""

import contextlib
import resource

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


def _is_above(limit: int, other: int) -> bool:
    if other == resource.RLIM_INFINITY:
        return False
    return limit == resource.RLIM_INFINITY or limit > other
