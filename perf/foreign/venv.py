"""Virtual environments for other people's Python packages, one for each set of requirements."""

import hashlib
import sys
import tempfile
import venv
from pathlib import Path

from perf.foreign.debian import run
from perf.foreign.maven import CACHE


def python(name: str, *requirements: str) -> Path:
    """The interpreter of an environment that has them; made where it is missing.

    Packages come as wheels or not at all: nothing is compiled.
    """
    text = "\n".join((sys.version, *requirements))
    folder = CACHE / f"venv-{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    interpreter = folder / "bin" / "python"
    if not (folder / ".complete").exists():
        print(f"installing {' '.join(requirements)}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(interpreter), "-m", "pip", "install", "-q", "--only-binary", ":all:"]
        run([*pip, *requirements])
        (folder / ".complete").touch()
    return interpreter


def source(requirement: str) -> Path:
    """The unpacked source distribution of a pinned package (`NAME==VERSION`)."""
    name, _, version = requirement.partition("==")
    folder = CACHE / f"{name}-{version}-source"
    if not folder.exists():
        import tarfile

        with tempfile.TemporaryDirectory(dir=CACHE) as parent:
            pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary"]
            run([*pip, name, "-d", parent, requirement])
            (archive,) = Path(parent).glob("*.tar.gz")
            with tarfile.open(archive) as packed:
                packed.extractall(parent, filter="data")
            (unpacked,) = (path for path in Path(parent).iterdir() if path.is_dir())
            unpacked.rename(folder)
    return folder
