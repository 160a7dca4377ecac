"""Can bytes hurt us? Sanitizers watch the native tests, and fuzzers have a share of each run."""

import os

import pytest

from tests.fuzz import instrumented, sanitize
from tests.fuzz.fuzzing import BROKEN, NAMES, Outcome, fuzz, why_not

SECONDS = int(os.environ.get("FUZZ_SECONDS", "180"))  # of all targets together

pytestmark = pytest.mark.timeout(
    1200
)  # the first test waits for the build, another for all fuzzing


@pytest.fixture(scope="module")
def build() -> None:
    if reason := instrumented.why_not():
        pytest.skip(reason)
    instrumented.built()


@pytest.fixture(scope="module")
def outcomes(build: None) -> dict[str, Outcome]:
    """Of all targets, with one seed."""
    if reason := why_not():
        pytest.skip(reason)
    seed = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(4), "big") >> 1
    seconds = max(1, SECONDS // len(NAMES))
    return {name: fuzz(name, seconds, seed) for name in NAMES}


def test_the_native_tests_pass_under_the_sanitizers(build: None) -> None:
    done = sanitize.run(sanitize.SHORT, capture_output=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


@pytest.mark.parametrize("name", NAMES)
def test_no_input_breaks_a_target(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    print(f"SEED={outcome.seed}: {outcome.executions} inputs")
    assert not outcome.failure, f"{outcome.failure}\nThe input is in {BROKEN}; SEED={outcome.seed}"
    assert outcome.executions, "nothing was fuzzed"
