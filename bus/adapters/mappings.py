"""How many mappings of files and memory this process has, and how many the kernel lets it have.

Each active segment that is written is one (S13); past vm.max_map_count no more can be mapped, and
then no segment can be begun. Linux tells both in /proc; elsewhere nothing is known: None.
"""

from pathlib import Path

MAPS = Path("/proc/self/maps")
LIMIT = Path("/proc/sys/vm/max_map_count")
CHUNK_BYTES = 1 << 20


def mappings() -> int | None:
    """There are now. Takes a while where there are many: not for the event loop's thread."""
    count = 0
    try:
        with MAPS.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                count += chunk.count(b"\n")
    except OSError:
        return None
    return count


def mappings_max() -> int | None:
    """There may be."""
    try:
        return int(LIMIT.read_bytes())
    except (OSError, ValueError):
        return None
