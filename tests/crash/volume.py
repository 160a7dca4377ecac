"""A filesystem in a file, whose power can fail: what was not synced is gone in milliseconds.

The filesystem is told to shut down without flushing its log (EXT4_IOC_SHUTDOWN and
XFS_IOC_GOINGDOWN are one number): every later write fails with EIO, and what was only in the page
cache or in the journal's memory never reaches the image. Mounting it again replays the journal, as
after a power failure. Needs root.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

FILESYSTEMS = ("ext4", "xfs")
IMAGE_BYTES = 1 << 30  # sparse; xfs wants 300 MB at least
SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
WITHOUT_FLUSHING_THE_LOG = 2
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}
UNMOUNT_SECONDS = 60.0


class Volume:
    """An image in `folder`, mounted below it while the `with` lasts."""

    def __init__(self, folder: Path, filesystem: str, size: int = IMAGE_BYTES) -> None:
        self._size = size
        self.path = folder / "mounted"
        self._image = folder / f"{filesystem}.img"
        self._filesystem = filesystem

    def __enter__(self) -> "Volume":
        self.path.mkdir(parents=True)
        with self._image.open("wb") as file:
            file.truncate(self._size)
        run(*MAKE[self._filesystem], self._image)
        self._mount()
        return self

    def __exit__(self, *_: object) -> None:
        self._unmount()
        self._image.unlink()

    def cut_power(self) -> None:
        """From now on nothing reaches the image."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING_THE_LOG))
        finally:
            os.close(descriptor)

    def restore_power(self) -> None:
        """Mount it again; nobody may have a file open in it."""
        self._unmount()
        self._mount()

    def _mount(self) -> None:
        run("mount", "-t", self._filesystem, "-o", "loop", self._image, self.path)

    def _unmount(self) -> None:
        deadline = time.monotonic() + UNMOUNT_SECONDS
        while True:
            try:
                return run("umount", self.path)
            except OSError:  # a killed process may still be letting go of its files
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def run(*command: object) -> None:
    """A command that must work; OSError with what it said."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{command}: {done.stderr.strip()}")


def why_not(folder: Path, filesystem: str) -> str:
    """Why there are no volumes on this machine; empty if there are."""
    if os.geteuid() != 0:
        return "mounting a volume needs root"
    if shutil.which(MAKE[filesystem][0]) is None:
        return f"{MAKE[filesystem][0]} is not installed"
    try:
        with Volume(folder, filesystem):
            return ""
    except OSError:
        return f"this machine mounts no {filesystem} image"
