"""The limit of open files: as high as the system allows, and never lower than it was."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, resource
from bus.adapters.open_files import raise_open_files
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print(*raise_open_files(), *resource.getrlimit(resource.RLIMIT_NOFILE))
files = [os.open(os.devnull, os.O_RDONLY) for _ in range({hard} - 20)]
"""


@pytest.mark.parametrize(("soft", "hard"), [(64, 500), (500, 500)])
def test_the_soft_limit_becomes_the_hard_one(soft: int, hard: int) -> None:
    program = PROGRAM.format(soft=soft, hard=hard)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(soft), str(hard), str(hard), str(hard)]
