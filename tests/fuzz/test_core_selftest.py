"""Can bytes hurt the C core? Its own test under the sanitizers, where a compiler has them."""

import shutil
import subprocess
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "csrc"
FLAGS = ["-std=c11", "-O1", "-g", "-DBUS_SELFTEST", "-D_GNU_SOURCE"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def test_the_core_survives_damaged_batches_under_the_sanitizers(tmp_path):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    program = tmp_path / "selftest"
    sources = sorted(str(path) for path in CORE.glob("*.c"))
    command = [compiler, *FLAGS, *SANITIZERS, "-o", str(program), *sources]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode and "sanitize" in built.stderr:
        pytest.skip("the compiler has no sanitizers")
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([program, "20000"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "selftest: 20000 rounds\n"
