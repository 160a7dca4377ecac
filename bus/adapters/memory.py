"""How much memory this process has of its own, and how much the machine gives it.

What counts is anonymous memory: log files are mapped too, but those pages are the page cache's,
which the kernel takes back when it wants them. Linux tells both in /proc; elsewhere nothing is
known, and None says so.
"""

import os
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
STATM = "/proc/self/statm"
GROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def own_bytes() -> int | None:
    """Anonymous memory of this process, resident now."""
    try:
        with open(STATM, "rb", buffering=0) as file:
            _, resident, shared, *_ = file.read().split()
    except (OSError, ValueError):
        return None
    return (int(resident) - int(shared)) * PAGE_BYTES


def machine_bytes() -> int:
    """Memory of the machine, or of the control group that this process is held in if that is less.

    A group's limit may stand higher up in the tree than where it is looked for: in a container
    its own group is the root, which is the case that matters.
    """
    machine = os.sysconf("SC_PHYS_PAGES") * PAGE_BYTES
    return min([machine, *map(_limit_in, GROUP_LIMITS)])


def _limit_in(path: str) -> int:
    try:
        text = Path(path).read_text().strip()
    except OSError:
        text = ""
    return int(text) if text.isdecimal() else 1 << 62  # "max" is no limit
