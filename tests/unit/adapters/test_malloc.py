"""The allocator of a process can be told to keep what was freed."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource
from bus.adapters.malloc import keep_freed_memory
assert keep_freed_memory()
def faults():
    for _ in range(50):
        bytes(8 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(-faults() + faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is on Linux alone")
def test_memory_that_was_used_before_is_not_faulted_in_again() -> None:
    output = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    assert int(output.stdout) < 1_000
