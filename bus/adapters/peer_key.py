"""The file with a broker's secret key: made at its first start, read at all later ones.

`peer_key` in the data directory: 40 characters of Z85 and a newline, for its owner alone. Whoever
has it is taken for this broker by all others.
"""

import os
from contextlib import suppress

from bus.adapters.zmq_curve import KeyPair
from bus.errors import BadSetting

NAME = "peer_key"
BYTES_MAX = 100


def peer_keys(directory: str) -> KeyPair:
    """The keys of the broker whose data directory this is, which nobody else has open.

    Raises OSError, or BadSetting with a sentence if the file is not what it should be.
    """
    path = os.path.join(directory, NAME)
    try:
        return _read(path)
    except FileNotFoundError:
        keys = KeyPair.make()
        _write(directory, path, keys.secret)
        return keys


def _read(path: str) -> KeyPair:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        mode = os.fstat(handle).st_mode & 0o777
        text = os.read(handle, BYTES_MAX)
    finally:
        os.close(handle)
    if mode & 0o077:
        raise BadSetting(
            f"{path} may be read by other users, so its secret may be known: "
            "remove it, and the broker makes another one; or chmod 600 it if it is not."
        )
    try:
        return KeyPair.of_secret(text.decode("ascii").removesuffix("\n"))
    except ValueError:
        raise BadSetting(f"{path} holds no key: remove it, and another one is made.") from None


def _write(directory: str, path: str, secret: str) -> None:
    """Whole and durable, or not at all."""
    aside = f"{path}.new"
    with suppress(FileNotFoundError):
        os.unlink(aside)
    handle = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.fchmod(handle, 0o600)
        os.write(handle, f"{secret}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    os.rename(aside, path)
    parent = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
