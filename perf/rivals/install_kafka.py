"""Kafka itself, with a Java to run it: for conformance tests and for comparisons.

    python -m perf.rivals.install_kafka          prints the folder with the jars

`install()` returns that folder and `java()` the command; what is missing is installed. The jars
(about 50, 45 MB) come by Maven, which checks them against the registry's checksums and keeps them
in its own cache; then each must match `kafka/SHA256SUMS`. They are copied to `.cache/` of this
tree. The first time takes about a minute, a further tree some seconds, afterwards nothing.

Another version: change it in `kafka/pom.xml`, run with `--pin`, and review the difference.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from perf.rivals.debian import InstallFailed, apt_install, need, run

HERE = Path(__file__).parent / "kafka"
POM = HERE / "pom.xml"
PINS = HERE / "SHA256SUMS"
CACHE = Path(__file__).parents[2] / ".cache"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
JAVA_VERSION_MIN = 17  # Kafka's broker and tools since 4.0
TRIES = 3  # a registry may fail once, and Maven where another one fills the same cache


def install() -> Path:
    """The folder with Kafka's jars, ready for `java -cp 'FOLDER/*' CLASS`; installs Java too."""
    java()
    text = POM.read_bytes() + PINS.read_bytes()
    folder = CACHE / f"kafka-{hashlib.sha256(text).hexdigest()[:12]}"
    if folder.exists():
        return folder
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as parent:
        jars = Path(parent) / "jars"
        download(jars)
        check(jars)
        try:
            jars.rename(folder)  # whole or not at all
        except OSError:
            if not folder.exists():  # else another process was quicker
                raise
    return folder


def java() -> str:
    """The command of a Java that is new enough."""
    if java_version() < JAVA_VERSION_MIN:
        apt_install("default-jre-headless")
        if java_version() < JAVA_VERSION_MIN:
            raise InstallFailed(f"no Java {JAVA_VERSION_MIN} or later; put one on PATH")
    return "java"


def java_version() -> int:
    """The major version of `java`; 0 where there is none."""
    try:
        said = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr
    except FileNotFoundError:
        return 0
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def download(jars: Path) -> None:
    need("mvn", "maven")
    print("fetching Kafka (about a minute the first time)", file=sys.stderr)
    options = ["-B", "-q", "--strict-checksums", "-f", str(POM)]
    command = ["mvn", *options, COPY, "-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
    for left in reversed(range(TRIES)):
        try:
            return run(command)
        except InstallFailed:
            if not left:
                raise


def sums(jars: Path) -> str:
    """One line a file, as sha256sum writes it."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(jars.iterdir())
    ]
    return "".join(lines)


def check(jars: Path) -> None:
    wanted, found = set(PINS.read_text().splitlines()), set(sums(jars).splitlines())
    if wanted != found:
        names = sorted(line.split()[1] for line in wanted ^ found)
        raise InstallFailed(f"not the pinned jars: {', '.join(names)}")


def pin() -> None:
    """Write the checksums of what the pom asks for now."""
    with tempfile.TemporaryDirectory() as parent:
        jars = Path(parent) / "jars"
        download(jars)
        PINS.write_text(sums(jars))


def main() -> int:
    try:
        if sys.argv[1:] == ["--pin"]:
            pin()
        print(install())
    except InstallFailed as error:
        print(f"install_kafka: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
