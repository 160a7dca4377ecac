"""The name of a data directory: `disk_uuid`, written once, so that a swapped disk is noticed (S1a).

The file holds the UUID in its text form and a newline. One that holds anything else is refused and
left as it is: a directory that forgets who it is must not pass for a new one.
"""

from uuid import UUID

from bus.errors import CorruptLog
from bus.log.layout import DISK_UUID
from bus.ports import Disk, Random

_BYTES_MAX = 64


def read_identity(disk: Disk) -> UUID | None:
    """Who this directory says it is, None if it was never used. Raises CorruptLog."""
    try:
        text = disk.read(DISK_UUID, 0, _BYTES_MAX).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise CorruptLog(
            f"The file {DISK_UUID} in {disk.path} is damaged: it holds {text!r}. Restore it from a "
            "copy, or remove it if this is the only data directory and it was not exchanged."
        ) from None


def identity_of(disk: Disk, random: Random) -> UUID:
    """Who this directory is; a new one gets its name now, durably."""
    found = read_identity(disk)
    if found is None:
        found = UUID(bytes=random.uuid_bytes(), version=4)
        disk.write(DISK_UUID, f"{found}\n".encode())
    return found
