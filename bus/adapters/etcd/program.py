"""The program `etcd` of this machine: where it is, and whether its version may be used."""

import json
import re
import shutil
import subprocess

from bus.adapters.etcd.json_parts import quoted
from bus.adapters.etcd.versions import objection
from bus.model.store_errors import StoreRefused

_VERSION = re.compile(rb"etcd Version: (\S{1,40})")
VERSION_SECONDS_MAX = 30
INSTALL = "apt-get install etcd-server (Debian, Ubuntu), or brew install etcd"


def complaint(line: str) -> str:
    """What a line of etcd's log says, without where in its source that is."""
    try:
        content = json.loads(line)
        said = [content["msg"], *([content["error"]] if "error" in content else [])]
    except (ValueError, KeyError, TypeError, RecursionError):
        return quoted(line)
    return quoted(": ".join(map(str, said)))


def find_etcd() -> str:
    """The path of the program. Raises StoreRefused with a sentence that says what to do."""
    path = shutil.which("etcd")
    if path is None:
        raise StoreRefused(
            f"etcd is not installed here. Install it ({INSTALL}), or name one that runs by "
            "--etcd http://HOST:2379."
        )
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, timeout=VERSION_SECONDS_MAX, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreRefused(f"{path} cannot be started: {error}.") from None
    match = _VERSION.search(said)
    reason = objection(match[1].decode(errors="replace") if match is not None else "")
    if reason is not None:
        raise StoreRefused(f"{path} {reason}.")
    return path
