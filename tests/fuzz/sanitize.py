"""`./run sanitize [PYTEST-ARGUMENT...]`: the native tests under AddressSanitizer and UBSan."""

import subprocess
import sys

from tests.fuzz import instrumented

SHORT = ["tests/unit/native", "tests/unit/wire", "tests/golden", "tests/fuzz/test_corpus.py"]
LONG = [
    *SHORT,
    "tests/fuzz/test_core_selftest.py",
    "tests/property",
    "tests/unit/log",
    "tests/unit/adapters/disk",
    "tests/unit/broker",
    "tests/crash/test_damage.py",
]
# Memory that the sanitizers keep back looks like a leak.
UNSUITED = ["--deselect=tests/property/test_native_leaks.py"]


def command(tests: list[str]) -> list[str]:
    options = ["-q", "-p", "no:faulthandler", "-o", "timeout=900", *UNSUITED]
    return [sys.executable, "-m", "pytest", *options, *tests]


def run(tests: list[str], **more: object) -> subprocess.CompletedProcess[str]:
    """Under the sanitizers; any report of theirs ends the process with an error."""
    folder = instrumented.built()
    environment = instrumented.python(fuzzing=False)
    return subprocess.run(command(tests), cwd=folder, env=environment, text=True, **more)


def main() -> int:
    if reason := instrumented.why_not():
        print(f"Nothing can be sanitized here: {reason}.", file=sys.stderr)
        return 2
    return run(sys.argv[1:] or LONG).returncode


if __name__ == "__main__":
    sys.exit(main())
