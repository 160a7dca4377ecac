"""What a broker's process and machine bear, and the etcd that it works with.

Looked at when an operator asks (DescribeHost), and on a thread of the pool: the kernel takes a
while to list what a process with many partitions has mapped.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bus.adapters.mappings import mappings, mappings_max
from bus.adapters.open_files import open_files, open_files_max


@dataclass(slots=True)
class EtcdSight:
    """Of the etcd, as far as it can be seen from here; told by whoever starts the broker."""

    versions: Callable[[], Sequence[str]] = tuple  # of the members that there are connections to
    state: Callable[[], str] = str  # of the member beside this broker; empty: there is none
    directory: str = ""  # of that member


@dataclass(frozen=True, slots=True)
class HostFacts:
    """None: the system does not tell, or it does not apply."""

    open_files: int | None
    open_files_max: int | None
    mappings: int | None
    mappings_max: int | None
    etcd_on_data_disk: bool | None


def look(etcd_directory: str, data: Sequence[str]) -> HostFacts:
    """Now; not on the event loop's thread."""
    return HostFacts(
        open_files(),
        open_files_max(),
        mappings(),
        mappings_max(),
        shares_disk(etcd_directory, data) if etcd_directory else None,
    )


def shares_disk(directory: str, data: Sequence[str]) -> bool | None:
    """Is one of these directories on the filesystem of the first? Volumes of one disk differ."""
    try:
        device = os.stat(directory).st_dev
        return any(os.stat(path).st_dev == device for path in data)
    except OSError:
        return None
