"""The version before this one, as a folder with its package `bus`, out of the repository's history.

Part              Where from
----              ----------
Python            the commit EARLIER
native modules    copied, if they are made of the same sources here and there; else built, in a
                  minute

It is made once, under `build/`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

EARLIER = "b6e8b1665b26edc59fe38d8e694a5113cc62e67d"  # the next release moves it
ROOT = Path(__file__).parents[2]
MADE = ROOT / "build" / "earlier"
ABSENT = "the history of this clone does not hold the earlier version"


def is_there() -> bool:
    """Does the history hold it?"""
    asked = ["git", "-C", str(ROOT), "cat-file", "-e", f"{EARLIER}^{{commit}}"]
    return (
        shutil.which("git") is not None
        and not subprocess.run(asked, capture_output=True).returncode
    )


def earlier_version() -> Path:
    """Where to start a Python that shall import it."""
    made = MADE / f"{EARLIER}-{sys.implementation.cache_tag}"
    if made.is_dir():
        return made
    MADE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=MADE) as folder:
        sources, built = Path(folder, "sources"), Path(folder, "built")
        _take_out(sources)
        if _native(sources) == _native(ROOT):
            shutil.copytree(sources / "bus", built / "bus")
            for module in ROOT.glob("bus/**/*.so"):
                shutil.copy2(module, built / module.relative_to(ROOT))
        else:
            install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
            subprocess.run([*install, "--target", str(built), str(sources)], check=True)
        try:
            os.rename(built, made)
        except OSError:
            assert made.is_dir(), "somebody else has made it at the same time"
    return made


def _take_out(sources: Path) -> None:
    sources.mkdir()
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", EARLIER], capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", str(sources)], input=archive.stdout, check=True)


def _native(tree: Path) -> dict[str, bytes]:
    """What native modules are made of."""
    patterns = ("csrc/*.[ch]", "bus/**/*.pyx", "bus/**/*.pxd", "setup.py")
    found = (path for pattern in patterns for path in tree.glob(pattern))
    return {str(path.relative_to(tree)): path.read_bytes() for path in found}
