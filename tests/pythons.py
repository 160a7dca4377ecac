"""The quick part of the suite on every other Python that is here, with busd as users install it.

    ./run pythons

Of each CPython from 3.11 to 3.14 on PATH or of pyenv, but for the one that runs this (which runs
the whole suite anyway): a wheel is built, installed into an environment of its own, and asked with
the unit and golden tests, outside of this tree. What was built is kept in `.cache/pythons/` by the
hash of its sources: about two minutes the first time for two Pythons, half a minute afterwards.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "pythons"
BUILT_FROM = ["setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "csrc", "bus"]
ASKED = ["tests", "perf", "docs", "pyproject.toml"]  # what the tests need of the tree
TESTS = ["tests/unit", "tests/golden"]
MINORS = range(11, 15)
PROBE = """
import json, os, platform, sys, sysconfig, venv, ensurepip
header = os.path.join(sysconfig.get_path("include"), "Python.h")
gil = not sysconfig.get_config_var("Py_GIL_DISABLED")
print(json.dumps([sys.implementation.name, sys.version_info[:3], os.path.exists(header), gil]))
"""
LEFT_OUT = shutil.ignore_patterns("*.so", "__pycache__", ".*")


@dataclass(frozen=True)
class Python:
    """An interpreter that can build and run busd."""

    command: str
    version: tuple[int, int, int]

    @property
    def name(self) -> str:
        return ".".join(map(str, self.version))


@dataclass(frozen=True)
class Outcome:
    """What one of them said."""

    python: Python
    passed: bool
    text: str
    seconds: float


def candidates() -> list[str]:
    """Commands that may be Pythons, newest first."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = []
    for minor in reversed(MINORS):
        on_path = shutil.which(f"python3.{minor}")
        found += [on_path] if on_path else []
        found += sorted(map(str, pyenv.glob(f"3.{minor}.*/bin/python3")), reverse=True)
    return found


def probe(command: str) -> Python | None:
    """None for a shim that leads nowhere, another implementation, or one that cannot build."""
    done = subprocess.run([command, "-c", PROBE], capture_output=True, text=True)
    if done.returncode:
        return None
    kind, version, has_headers, has_gil = json.loads(done.stdout)
    fits = kind == "cpython" and version[0] == 3 and version[1] in MINORS
    return Python(command, tuple(version)) if fits and has_headers and has_gil else None


def others() -> list[Python]:
    """One of each minor version but our own, oldest first."""
    found: dict[tuple[int, int], Python] = {}
    for command in candidates():
        python = probe(command)
        if python is not None and python.version[:2] != sys.version_info[:2]:
            found.setdefault(python.version[:2], python)
    return [found[minor] for minor in sorted(found)]


def sources() -> list[Path]:
    """All that goes into a wheel."""
    files = [path for name in BUILT_FROM for path in [ROOT / name, *(ROOT / name).rglob("*")]]
    kept = {".py", ".pyx", ".pxd", ".pyi", ".typed", ".c", ".h", ".toml", ".in", ".md", ""}
    return sorted(path for path in files if path.is_file() and path.suffix in kept)


def sources_hash() -> str:
    digest = hashlib.sha256()
    for path in sources():
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def requirements() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project["optional-dependencies"]["test"]


def copy(name: str, folder: Path) -> None:
    """A file or folder of this tree, without what was made from it."""
    folder.mkdir(parents=True, exist_ok=True)
    if (ROOT / name).is_dir():
        shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
    else:
        shutil.copyfile(ROOT / name, folder / name)


def run(*command: object, cwd: Path) -> None:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command}:\n{(done.stdout + done.stderr)[-4000:]}")


def environment(python: Python) -> Path:
    """The Python of an environment with the wheel in it."""
    home = CACHE / sources_hash() / python.name
    command = home / "venv" / "bin" / "python"
    if (home / "done").exists():
        return command
    shutil.rmtree(home, ignore_errors=True)
    source = home / "source"
    for name in BUILT_FROM:
        copy(name, source)
    run(python.command, "-m", "venv", home / "venv", cwd=home)
    install = [command, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    run(*install, source, cwd=home)
    run(*install, "--only-binary=:all:", *requirements(), cwd=home)
    shutil.rmtree(source)
    (home / "done").touch()
    return command


def ask(python: Python) -> Outcome:
    """Build, install and test; never raises."""
    began = time.monotonic()
    try:
        command = environment(python)
        with tempfile.TemporaryDirectory() as folder:
            for name in ASKED:
                copy(name, Path(folder))
            pytest = [command, "-m", "pytest", "-q", *TESTS]
            done = subprocess.run(pytest, cwd=folder, capture_output=True, text=True)
        passed, text = done.returncode == 0, done.stdout + done.stderr
    except (OSError, RuntimeError) as error:
        passed, text = False, str(error)
    return Outcome(python, passed, text, time.monotonic() - began)


def forget_old() -> None:
    """Keep what was built of these sources alone."""
    for path in CACHE.glob("*"):
        if path.name != sources_hash():
            shutil.rmtree(path, ignore_errors=True)


def main() -> int:
    pythons = others()
    own = ".".join(map(str, sys.version_info[:3]))
    if not pythons:
        print(f"pythons: {own} alone is here; install another from 3.11 to 3.14 to ask it, too")
        return 0
    print(f"pythons: {', '.join(p.name for p in pythons)}, besides {own}", flush=True)
    forget_old()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(pool.map(ask, pythons))
    for outcome in outcomes:
        if not outcome.passed:
            print(outcome.text[-20_000:])
        last = outcome.text.strip().splitlines()[-1]
        verdict = last if outcome.passed else "FAILED, see above"
        print(f"Python {outcome.python.name}: {verdict}; {outcome.seconds:.0f} s in all")
    return 0 if all(outcome.passed for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
