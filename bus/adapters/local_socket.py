"""Where brokers of one machine meet: Unix sockets in directories that their user alone can enter.

DATA/sockets/NAME           in the first data directory, where the path is short enough
RUN/busd-UID-HASH/NAME      else; RUN is XDG_RUNTIME_DIR or the directory for temporary files, and
                              HASH that of the data directory's path

NAME is drawn anew for each life of a broker and is told by the store. So a socket that is found by
its name is that broker's and no other's, as another container's may be that has its data under the
same path. What a life leaves behind when it is killed, the next one removes.

Invariant: a socket is spoken to only if its directory is our user's own, with mode 0700, and so is
the process that listens.
"""

import os
import socket
import stat
import struct
import tempfile
import zlib
from contextlib import suppress

PATH_BYTES_MAX = 107  # sun_path has one more, for the zero at its end
NAME_BYTES = 8  # drawn; the name has twice as many characters
CREDENTIALS = struct.Struct("iII")  # of SO_PEERCRED: process, user, group

SCHEME = "ipc://"


def new_socket_path(data: str, drawn: bytes) -> str:
    """Where to listen in this life, as `drawn` at random, by whoever has locked `data`.

    Raises OSError with a sentence if there is no such place.
    """
    data, name = os.path.abspath(data), drawn[:NAME_BYTES].hex()
    directory = os.path.join(data, "sockets")
    if not _is_short(os.path.join(directory, name)):
        run = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
        mark = zlib.crc32(os.fsencode(data))
        directory = os.path.join(os.path.abspath(run), f"busd-{os.geteuid()}-{mark:08x}")
    path = os.path.join(directory, name)
    if not _is_short(path):
        raise OSError(f"{path} is too long for the name of a socket")
    with suppress(FileExistsError):
        os.mkdir(directory, 0o700)
    if not _is_private(directory):
        raise OSError(f"{directory} may be entered by other users, or is not ours")
    _sweep(directory)
    return path


def remove_socket(path: str) -> None:
    """Nobody listens there any more."""
    with suppress(OSError):
        os.unlink(path)
        os.rmdir(os.path.dirname(path))  # if nothing else is in it


def is_reachable(path: str) -> bool:
    """Does a process of our user listen there, where no other user could?

    Nothing is said to it. One that is too busy to accept anybody counts: it is there.
    """
    if not _is_private(os.path.dirname(path)):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except BlockingIOError:
            return True
        except OSError:
            return False
        found = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    _, user, _ = CREDENTIALS.unpack(found)
    return bool(user == os.geteuid())


def _is_short(path: str) -> bool:
    try:
        return len(path.encode()) <= PATH_BYTES_MAX
    except UnicodeEncodeError:  # ZeroMQ takes UTF-8 alone
        return False


def _is_private(directory: str) -> bool:
    try:
        found = os.lstat(directory)
    except (OSError, ValueError):
        return False
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return is_ours and not found.st_mode & 0o077


def _sweep(directory: str) -> None:
    """Remove the sockets of earlier lives."""
    with os.scandir(directory) as entries:
        for entry in entries:
            if stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode):
                with suppress(FileNotFoundError):
                    os.unlink(entry.path)
