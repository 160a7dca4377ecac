"""Jars of Apache Kafka, and a Java for them: for conformance tests and for comparisons.

    python -m perf.foreign.maven NAME           prints the folder with the jars of jars/NAME
    python -m perf.foreign.maven NAME --pin     accepts what the registry serves; review it

`jars(name)` returns that folder and `java()` the command; what is missing is installed. The jars of
`jars/NAME/pom.xml` come by Maven, which checks them against the registry's checksums and
keeps them in its own cache; then each must match `SHA256SUMS` beside the pom. They are copied to
`.cache/` of this tree. The first time takes about a minute, a further tree some seconds, afterwards
nothing.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from perf.foreign.debian import InstallFailed, apt_install, need, run

POMS = Path(__file__).parent / "jars"
CACHE = Path(__file__).parents[2] / ".cache"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
JAVA_VERSION_MIN = 17  # Kafka's broker and tools since 4.0
TRIES = 3  # a registry may fail once, and Maven where another one fills the same cache


def jars(name: str) -> Path:
    """The folder with the jars of that pom, ready for `java -cp 'FOLDER/*' CLASS`; and a Java."""
    java()
    text = (POMS / name / "pom.xml").read_bytes() + (POMS / name / "SHA256SUMS").read_bytes()
    folder = CACHE / f"{name}-{hashlib.sha256(text).hexdigest()[:12]}"
    if folder.exists():
        return folder
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as parent:
        found = Path(parent) / "jars"
        download(name, found)
        check(name, found)
        try:
            found.rename(folder)  # whole or not at all
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


def compiled(source: Path, folder: Path) -> Path:
    """The classes of one Java file, compiled against the jars of `folder`, once."""
    java()
    key = hashlib.sha256(source.read_bytes() + folder.name.encode()).hexdigest()[:12]
    classes = CACHE / f"classes-{key}"
    if not classes.exists():
        if shutil.which("javac") is None:
            apt_install("default-jdk-headless")
        with tempfile.TemporaryDirectory(dir=CACHE) as parent:
            made = Path(parent) / "classes"
            run(["javac", "-nowarn", "-cp", f"{folder}/*", "-d", str(made), str(source)])
            if not classes.exists():
                made.rename(classes)
    return classes


def java_version() -> int:
    """The major version of `java`; 0 where there is none."""
    try:
        said = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr
    except FileNotFoundError:
        return 0
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def download(name: str, folder: Path) -> None:
    """All that the pom asks for, into a new folder."""
    need("mvn", "maven")
    print(f"fetching the jars of {name} (about a minute the first time)", file=sys.stderr)
    options = ["-B", "-q", "--strict-checksums", "-f", str(POMS / name / "pom.xml")]
    command = ["mvn", *options, COPY, "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    for left in reversed(range(TRIES)):
        try:
            return run(command)
        except InstallFailed:
            if not left:
                raise


def sums(folder: Path) -> str:
    """One line a file, as sha256sum writes it."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.iterdir())
    ]
    return "".join(lines)


def check(name: str, folder: Path) -> None:
    """Refuse any jar but the pinned ones."""
    pinned = (POMS / name / "SHA256SUMS").read_text()
    wanted, found = set(pinned.splitlines()), set(sums(folder).splitlines())
    if wanted != found:
        names = sorted(line.split()[1] for line in wanted ^ found)
        raise InstallFailed(f"not the pinned jars: {', '.join(names)}")


def pin(name: str) -> None:
    """Write the checksums of what the pom asks for now."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "jars"
        download(name, folder)
        (POMS / name / "SHA256SUMS").write_text(sums(folder))


def main(arguments: list[str]) -> int:
    names = [word for word in arguments if word != "--pin"]
    if len(names) != 1 or not (POMS / names[0]).is_dir():
        known = ", ".join(sorted(path.name for path in POMS.iterdir()))
        print(f"maven: name one of {known}", file=sys.stderr)
        return 2
    try:
        if "--pin" in arguments:
            pin(names[0])
        print(jars(names[0]))
    except InstallFailed as error:
        print(f"maven: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
