"""Packages of Debian that a rival needs, installed without starting their services.

A machine without apt-get, or a user who may not use it, gets a sentence that names the package.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")  # asked by every package before it starts its service
DENIED = "#!/bin/sh\nexit 101\n"


class InstallFailed(Exception):
    """A rival cannot be had here; the text says what is missing and what to do."""


def need(command: str, package: str) -> str:
    """The path of `command`, after installing `package` where it is missing."""
    if shutil.which(command) is None:
        apt_install(package)
    found = shutil.which(command)
    if found is None:
        raise InstallFailed(f"the package {package} is installed but {command} is not on PATH")
    return found


def apt_install(package: str) -> None:
    """By apt-get, where we may; services that come with it are left alone, not started."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise InstallFailed(f"please install the package {package}")
    print(f"installing {package}", file=sys.stderr)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _services_stay_down():
        run(["apt-get", "update", "-qq"], env=quiet)
        run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", package], env=quiet)


def run(command: list[str], env: dict[str, str] | None = None) -> None:
    """A command that must succeed; the end of what it said if it does not."""
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    if done.returncode:
        raise InstallFailed(f"{' '.join(command)}: {(done.stdout + done.stderr)[-2000:]}")


@contextmanager
def _services_stay_down() -> Iterator[None]:
    if POLICY.exists():  # the machine has an opinion of its own
        yield
        return
    POLICY.write_text(DENIED)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
