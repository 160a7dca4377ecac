"""One process a data directory: a file lock that ends with its holder, however it ends."""

import fcntl
import os
import weakref

from bus.errors import DirectoryInUse

_HELD: "weakref.WeakSet[DirectoryLock]" = weakref.WeakSet()


class DirectoryLock:
    """Holds `DIRECTORY/lock`, in which the holder's process id stands for people to read."""

    def __init__(self, directory: str) -> None:
        """Raises DirectoryInUse, naming the process that has it."""
        path = os.path.join(directory, "lock")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
            os.close(fd)
            raise DirectoryInUse(
                f"The data directory {directory} is in use by process {holder or 'unknown'}: "
                "stop that process or choose another directory."
            ) from None
        except BaseException:
            os.close(fd)
            raise
        os.ftruncate(fd, 0)
        os.pwrite(fd, b"%d\n" % os.getpid(), 0)
        self._fd: int | None = fd
        _HELD.add(self)

    def release(self) -> None:
        """Let another process have the directory; harmless when done before."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _release_in_child() -> None:
    """A forked child shares the lock's file: unless it closes it, the lock outlives the parent."""
    for lock in list(_HELD):
        lock.release()


os.register_at_fork(after_in_child=_release_in_child)
