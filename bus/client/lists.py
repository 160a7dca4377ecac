"""Lists of values, and the memory that the interpreter is to keep for the next one.

The interpreter gives memory of small objects back to the system as soon as an arena of it (1 MiB)
is empty, and a list of values that is let go empties its arenas all at once. The next list then
faults in every page anew, which takes longer than making it: four times as long where a virtual
machine fetches its pages from a host. So a few values of the last long list stay alive until the
next one is there, and none of its arenas is ever quite empty.
"""

from collections.abc import Sequence

from bus.model.batch import Buffer
from bus.native.columns import to_list

STEP = 1024  # values, of which one stays: an arena has room for more than that of 512 bytes
SMALL = 512  # bytes; the memory of larger objects is not in arenas
ANCHORS_MAX = 64  # arenas that may be kept so

_anchors: list[bytes] = []


def listed(spans: Buffer, buffers: Sequence[Buffer], start: int, stop: int) -> list[bytes | None]:
    """Rows [start, stop) of `spans`, int64[n, 3], as a list of bytes; null is None."""
    values = to_list(spans, buffers, start, stop)
    if len(values) >= STEP:
        some = values[: STEP * ANCHORS_MAX : STEP]
        _anchors[:] = [value for value in some if value is not None and len(value) <= SMALL]
    return values
