"""The power fails at full rate: what was flushed is there, and nothing else is made of the rest."""

import os
from pathlib import Path

import pytest

from tests.crash.power_rounds import run_power_rounds
from tests.crash.volume import FILESYSTEMS, Volume, why_not

ROUNDS = 3  # of each; `python -m tests.crash --power ext4` does any number


pytestmark = pytest.mark.crash


@pytest.fixture(params=FILESYSTEMS)
def filesystem(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if reason := why_not(tmp_path / "probe", request.param):
        pytest.skip(reason)
    return str(request.param)


@pytest.mark.parametrize("flush", ["group", "os"])
def test_nothing_flushed_is_lost_and_what_is_left_is_in_order(
    tmp_path: Path, filesystem: str, flush: str
) -> None:
    seed = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    print(f"SEED={seed}")
    for problems in run_power_rounds(tmp_path / "volume", seed, ROUNDS, flush, filesystem):
        assert problems == []


def test_a_broker_that_does_not_flush_is_found_out(tmp_path: Path, filesystem: str) -> None:
    (problems, _) = run_power_rounds(tmp_path / "volume", 5, 1, "os", filesystem, "group")
    assert "acknowledged at offset" in problems[0]


def test_a_volume_forgets_what_was_not_synced(tmp_path: Path, filesystem: str) -> None:
    with Volume(tmp_path / "volume", filesystem) as volume:
        for name in ("synced", "written"):
            with (volume.path / name).open("wb") as file:
                file.write(b"x" * 10_000)
                if name == "synced":
                    file.flush()
                    os.fsync(file.fileno())
        volume.cut_power()
        with pytest.raises(OSError, match="Input/output error"):
            (volume.path / "late").touch()
        volume.restore_power()
        assert (volume.path / "synced").read_bytes() == b"x" * 10_000
        written = volume.path / "written"
        assert not written.exists() or written.stat().st_size == 0
        assert not (volume.path / "late").exists()
