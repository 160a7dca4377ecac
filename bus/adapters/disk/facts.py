"""What the kernel says about the disk under a directory: filesystem, boot id, free space."""

import os
import sys
from pathlib import Path

from bus.ports import DiskFacts

DURABLE = {"ext4", "xfs", "apfs"}  # where fdatasync (F_FULLFSYNC) survives a power failure (S14)
SYNCFS_REPORTS_ERRORS = (5, 8)  # Linux since then tells errors of write-back through syncfs


def read_facts(path: str) -> DiskFacts:
    """The facts as they are now."""
    room = os.statvfs(path)
    filesystem, durable = _filesystem(path)
    return DiskFacts(
        filesystem=filesystem,
        durable=durable,
        boot_id=boot_id(),
        free_bytes=room.f_bavail * room.f_frsize,
        total_bytes=room.f_blocks * room.f_frsize,
    )


def is_own_filesystem(path: str) -> bool:
    """May syncfs stand for the sync of many files here? It writes all of the filesystem (S3)."""
    if sys.platform != "linux":
        return False
    release = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
    return release >= SYNCFS_REPORTS_ERRORS and os.path.ismount(os.path.abspath(path))


def boot_id() -> str:
    """Of the kernel, since its start; empty where it has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _filesystem(path: str) -> tuple[str, bool]:
    """Name and durability; an overlay is as durable as the filesystem of its upper directory."""
    if sys.platform == "darwin":
        return "apfs", True
    name, options = _mount_of(path)
    if name != "overlay":
        return name, name in DURABLE
    for option in options.split(","):
        if option.startswith("upperdir="):
            upper = option.removeprefix("upperdir=")
            return name, os.path.isdir(upper) and _mount_of(upper)[0] in DURABLE
    return name, False


def _mount_of(path: str) -> tuple[str, str]:
    """(type, super options) from /proc/self/mountinfo; ("unknown", "") if it does not say.

    The upper directory of a container's overlay is mostly outside of its view: then the overlay
    counts as durable only if the mount says so.
    """
    device = os.stat(path).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return "unknown", ""
    for line in lines:
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted:
            kind, _, options = after.partition(" ")
            return kind, options.partition(" ")[2]
    return "unknown", ""
