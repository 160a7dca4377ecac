"""Can bytes hurt us? Sanitizers watch the native tests, and a fuzzer has a share of each run."""

import os

import pytest

from tests.fuzz import instrumented, sanitize
from tests.fuzz.fuzzing import BROKEN, NAMES, fuzz, why_not

SECONDS = int(os.environ.get("FUZZ_SECONDS", "180"))  # of all targets together
BUILD_SECONDS = 600


@pytest.fixture(scope="module")
def build() -> None:
    if reason := instrumented.why_not():
        pytest.skip(reason)
    instrumented.built()


@pytest.mark.timeout(BUILD_SECONDS)
def test_the_native_tests_pass_under_the_sanitizers(build: None) -> None:
    done = sanitize.run(sanitize.SHORT, capture_output=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


@pytest.mark.timeout(BUILD_SECONDS)
@pytest.mark.parametrize("name", NAMES)
def test_no_input_breaks_a_target(build: None, name: str) -> None:
    if reason := why_not():
        pytest.skip(reason)
    seed = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(4), "big") >> 1
    outcome = fuzz(name, max(1, SECONDS // len(NAMES)), seed)
    print(f"SEED={seed}: {outcome.executions} inputs")
    assert not outcome.failure, f"{outcome.failure}\nThe input is in {BROKEN}; SEED={seed}"
    assert outcome.executions, "nothing was fuzzed"
