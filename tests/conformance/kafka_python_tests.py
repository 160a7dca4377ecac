"""kafka-python's own integration tests, as they are, from its source distribution.

They skip everything unless KAFKA_VERSION is set, and start brokers of their own unless KAFKA_URI
is. Each test is a scenario here; the ones that need TLS or SASL skip on both brokers, and a test
that ran on Kafka must run on busd.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from perf.foreign import venv
from perf.foreign.debian import InstallFailed
from tests.conformance.outcome import ABSENT, FAILED, NOT_RUN, PASSED, Outcome
from tests.conformance.targets import Target

VERSION = "3.0.12"
PACKAGES = (
    f"kafka-python[crc32c,lz4,snappy,zstd]=={VERSION}",
    *("pytest", "pytest-mock", "pytest-timeout", "py"),
)
KAFKA_VERSION = "3.8.0"  # as busd's APIs say, and within what Kafka 4.1 serves
SECONDS_MAX = 900
SETTINGS = {  # as of the brokers that their fixtures start
    "node_id": 0,
    "num_partitions": 4,
    "group_min_session_timeout_ms": 1000,
}
TIMEOUT = ("--timeout=60", "--timeout-method=signal")  # of one test; the next is run
SERVICE = Path(__file__).parent / "kafka_python_service.py"


def run(target: Target, directory: Path) -> Iterator[Outcome]:
    """All of test/integration by pytest, in an environment of its own."""
    try:
        python = venv.python("kafka-python-tests", *PACKAGES)
        tests = complete(venv.source(f"kafka-python=={VERSION}"))
    except InstallFailed as error:
        yield Outcome("all", NOT_RUN, str(error))
        return
    results = directory / "results.xml"
    command = [
        str(python),
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *TIMEOUT,
        "test/integration",
    ]
    told = {
        "KAFKA_URI": f"PLAINTEXT://{target.bootstrap.split(',')[0]}",
        "KAFKA_VERSION": KAFKA_VERSION,
        "KAFKA_ROOT": str(directory),  # where a Kafka would be that they start; it must be there
    }
    with (directory / "pytest.log").open("wb") as log:
        subprocess.run(
            [*command, f"--junitxml={results}"],
            cwd=tests,
            env={**os.environ, **told, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=log,
            stderr=log,
            timeout=SECONDS_MAX,
        )
    if not results.exists():
        yield Outcome("all", FAILED, (directory / "pytest.log").read_text()[-600:])
        return
    for case in ElementTree.parse(results).iter("testcase"):
        yield outcome(case)


def complete(folder: Path) -> Path:
    """What the distribution leaves out of `test`: that it is a package, and one module."""
    (folder / "test" / "__init__.py").touch()
    shutil.copyfile(SERVICE, folder / "test" / "service.py")
    return folder


def outcome(case: ElementTree.Element) -> Outcome:
    """One test as junit's XML tells it."""
    place = case.get("classname", "").rpartition(".")[2].removeprefix("test_")
    name = f"{place.removesuffix('_integration')}: {case.get('name', '').removeprefix('test_')}"
    seconds = round(float(case.get("time", 0)), 2)
    for kind, state in (("failure", FAILED), ("error", FAILED), ("skipped", ABSENT)):
        found = case.find(kind)
        if found is not None:
            return Outcome(name, state, found.get("message", "")[:600], seconds)
    return Outcome(name, PASSED, "", seconds)
