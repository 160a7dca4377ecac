"""What is shipped: a wheel without sources, and an sdist that builds where nothing of ours is."""

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {".c", ".h", ".pyx", ".pxd"}

pytestmark = pytest.mark.timeout(900)  # the first test waits for the build


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it in a clean environment."""
    out = tmp_path_factory.mktemp("dist")
    tracked = run("git", "ls-files", cwd=ROOT).splitlines()
    clean = tmp_path_factory.mktemp("source")
    for name in tracked:
        target = clean / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    run(sys.executable, "-m", "build", "--outdir", out, cwd=clean)
    return out


def test_the_wheel_holds_modules_and_stubs_but_no_sources(shipped: Path) -> None:
    (wheel,) = shipped.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if Path(name).suffix in SOURCES] == []
    assert any(name.startswith("bus/native/batch.") and name.endswith(".so") for name in names)
    assert "bus/native/batch.pyi" in names
    assert "bus/py.typed" in names
    assert not any(name.startswith(("tests/", "perf/")) for name in names)


def test_the_sdist_holds_all_that_a_build_needs(shipped: Path) -> None:
    (sdist,) = shipped.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tracked = set(run("git", "ls-files", "csrc", "bus", cwd=ROOT).splitlines())
    assert tracked - names == set()
    assert "LICENSE" in names


def test_the_installed_wheel_serves_a_record(shipped: Path, tmp_path: Path) -> None:
    (wheel,) = shipped.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", wheel, cwd=tmp_path)
    program = """
import bus
with bus.Broker("data") as broker:
    print(broker.producer().send("t", b"v").result(5))
"""
    assert run(python, "-c", program, cwd=tmp_path).strip() == "0"
