"""busd built by clang with AddressSanitizer, UBSan and libFuzzer's counters, under build/.

The build is a copy of the sources with its modules in place, so that Python started in it imports
the copy. It is made anew when a source has changed. What is needed besides: clang, and atheris for
fuzzing through Python; `./run` installs both.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "instrumented"
CORE = BUILD / "core-fuzzer"  # csrc alone, by libFuzzer
SANITIZERS = "address,undefined"
COPIED = ("bus", "csrc", "docs", "perf", "tests", "run", ".ci")
COPIED += tuple(path.name for path in ROOT.glob("*.*") if path.is_file())
SUFFIXES = (".py", ".pyx", ".pxd", ".c", ".h", ".toml")
ASAN = "detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=32"  # CPython keeps memory
UBSAN = "halt_on_error=1:print_stacktrace=1"


def why_not() -> str:
    """Why nothing can be instrumented here; empty if it can."""
    if platform.system() != "Linux":
        return "sanitizers are run on Linux only"
    return "" if shutil.which("clang") else "there is no clang"


def built() -> Path:
    """The folder of an up-to-date build; makes it if need be."""
    stamp, wanted = BUILD / "stamp", _sources_hash()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(BUILD, ignore_errors=True)
        BUILD.mkdir(parents=True)
        _copy(*COPIED)
        _build_modules()
        _build_core()
        stamp.write_text(wanted)
    else:
        shutil.rmtree(BUILD / "tests")
        _copy("tests")  # these change without a new build
    return BUILD


def python(fuzzing: bool) -> dict[str, str]:
    """The environment in which this Python can load the build's modules."""
    return os.environ | {
        "LD_PRELOAD": _fuzzer_runtime() if fuzzing else _runtime(),
        "ASAN_OPTIONS": ASAN,
        "UBSAN_OPTIONS": UBSAN,
        "PYTHONMALLOC": "malloc",  # so that each object has red zones of its own
        "PYTHONPATH": str(BUILD),
    }


def _runtime() -> str:
    name = f"libclang_rt.asan-{platform.machine()}.so"
    return _say("clang", f"-print-file-name={name}") + ":" + _say("clang", _CXX)


_CXX = "-print-file-name=libstdc++.so.6"  # or throwing through the sanitizer fails


def _fuzzer_runtime() -> str:
    """Atheris ships the sanitizer's runtime joined with libFuzzer's."""
    return str(Path(sysconfig.get_path("platlib")) / "asan_with_fuzzer.so")


def _say(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _sources_hash() -> str:
    made = hashlib.sha256()
    paths = [ROOT / "setup.py", ROOT / "pyproject.toml"]
    for folder in ("bus", "csrc"):
        paths += sorted(p for p in (ROOT / folder).rglob("*") if p.suffix in SUFFIXES)
    for path in paths:
        made.update(path.read_bytes())
    return made.hexdigest()


def _copy(*names: str) -> None:
    unwanted = shutil.ignore_patterns("*.so", "__pycache__")
    for name in names:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, BUILD / name, ignore=unwanted)
        elif source.exists():
            shutil.copy2(source, BUILD / name)


def _build_modules() -> None:
    """As a wheel, in an environment of its own as always; then unpacked over the copy."""
    (BUILD / "setup.cfg").write_text(f"[build_ext]\nparallel = {os.cpu_count() or 1}\n")
    environment = os.environ | {"CC": "clang", "BUS_SANITIZE": f"{SANITIZERS},fuzzer-no-link"}
    environment.pop("CI", None)  # clang warns of other things than gcc
    wheels = BUILD / "wheel"
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheels, BUILD]
    subprocess.run(list(map(str, command)), env=environment, check=True)
    (wheel,) = wheels.glob("*.whl")
    shutil.unpack_archive(wheel, BUILD, "zip")


def _build_core() -> None:
    flags = ["-std=c11", "-O1", "-g", "-DBUS_FUZZER", "-D_GNU_SOURCE"]
    flags += [f"-fsanitize={SANITIZERS},fuzzer", "-fno-sanitize-recover=undefined"]
    sources = sorted(str(path) for path in (ROOT / "csrc").glob("*.c"))
    subprocess.run(["clang", *flags, "-o", str(CORE), *sources], check=True)
