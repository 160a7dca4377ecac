"""Damage to the files of a log that crashed: never silent, never spread, never a crash."""

import os
import random
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pytest

from bus.errors import BusError
from tests.crash.damage import Image, is_refused, prepare, problems_of, take
from tests.fixtures.node import Bench

BATCHES = 8
HEADER_BYTES = 61
RANDOM_CASES = 200
DERIVED = (".index", ".timeindex", ".snapshot")
SECTOR, PAGE = 512, 4096

Case = tuple[str, Image]


@pytest.fixture
def tmp_path() -> Iterable[Path]:
    """In memory where that is possible: hundreds of directories are written and synced."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as made:
        yield Path(made)


@pytest.fixture(scope="module")
def durable(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Every batch is below the durable end."""
    return prepare(tmp_path_factory.mktemp("durable"), BATCHES, 0)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The last four batches are above the durable end."""
    return prepare(tmp_path_factory.mktemp("written"), BATCHES - 4, 4)


@pytest.fixture(params=["durable", "written"])
def image(request: pytest.FixtureRequest) -> Image:
    found: Image = request.getfixturevalue(request.param)
    return found


def judge(sound: Image, cases: Iterable[Case], path: Path, size: int = 0) -> dict[str, list[str]]:
    """What is wrong, by case."""
    wrong = {}
    for number, (name, damaged) in enumerate(cases):
        directory = path / str(number)
        problems = problems_of(sound, damaged, directory, size)
        shutil.rmtree(directory)
        if problems:
            wrong[name] = problems
    return wrong


def test_an_undamaged_log_is_all_there_after_a_crash(image: Image, tmp_path: Path) -> None:
    assert judge(image, [("nothing", image)], tmp_path) == {}


def test_truncation_at_every_byte_of_the_last_three_batches(image: Image, tmp_path: Path) -> None:
    data = image.content(image.log)
    stops = range(image.places[-3].start, image.places[-1].stop)
    cases = [(f"to {stop}", image.with_file(image.log, data[:stop])) for stop in stops]
    assert judge(image, cases, tmp_path) == {}


@pytest.mark.parametrize("batch", [0, BATCHES - 3, BATCHES - 1])
def test_a_flipped_bit_in_every_byte_of_a_header(image: Image, tmp_path: Path, batch: int) -> None:
    data, start = image.content(image.log), image.places[batch].start
    cases = [
        (f"byte {at} bit {bit}", image.with_file(image.log, flipped(data, start + at, bit)))
        for at in range(HEADER_BYTES)
        for bit in ((0, 2, 7) if at < 21 else (at % 8,))
    ]
    assert judge(image, cases, tmp_path) == {}


def flipped(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


@pytest.mark.parametrize("unit", [SECTOR, PAGE])
def test_zeroed_sectors_and_pages(tmp_path: Path, unit: int) -> None:
    size = 700  # of a record, so that the log spans some pages
    sound = prepare(tmp_path / "sound", BATCHES - 2, 2, size)
    data = sound.content(sound.log)
    cases = []
    for start in range(0, sound.places[-1].stop, unit):
        zeroed = data[:start] + bytes(unit) + data[start + unit :]
        cases.append((f"at {start}", sound.with_file(sound.log, zeroed)))
    assert judge(sound, cases, tmp_path, size) == {}


def test_a_stale_copy_of_the_active_segment(image: Image, tmp_path: Path) -> None:
    data, cases = image.content(image.log), []
    for place in image.places:
        stale = data[: place.start].ljust(len(data), b"\0")
        cases.append((f"without what is from {place.start} on", image.with_file(image.log, stale)))
    assert judge(image, cases, tmp_path) == {}


def test_a_missing_segment_or_partition_directory(image: Image, tmp_path: Path) -> None:
    assert judge(image, [("missing", image.with_file(image.log, None))], tmp_path) == {}


def garbage(data: bytes, chance: random.Random) -> Iterable[tuple[str, bytes | None]]:
    """What may stand in place of a file."""
    yield "missing", None
    yield "empty", b""
    yield "random", chance.randbytes(max(len(data), 64))
    for stop in sorted({1, len(data) // 2, len(data) - 1}):
        yield f"cut to {stop}", data[:stop]
    for _ in range(4):
        at = chance.randrange(len(data))
        yield f"flipped at {at}", flipped(data, at, chance.randrange(8))


def replaced(image: Image, names: Iterable[str]) -> list[Case]:
    chance = random.Random(1)
    return [
        (f"{path} {how}", image.with_file(path, data))
        for path in sorted(image.files)
        if path.endswith(tuple(names)) and image.lengths[path]
        for how, data in garbage(image.files[path], chance)
    ]


@pytest.mark.parametrize("clean", [False, True])
def test_bad_indexes_and_snapshots_cost_nothing(tmp_path: Path, clean: bool) -> None:
    sound = prepare(tmp_path / "sound", BATCHES, 0, 1000, clean, segment_bytes="5000")
    cases = replaced(sound, DERIVED)
    assert cases
    assert judge(sound, cases, tmp_path, 1000) == {}


@pytest.mark.parametrize("name", ["checkpoint", "flush.journal", "epoch.journal", "lock"])
def test_bad_records_of_the_store_cost_no_records(image: Image, tmp_path: Path, name: str) -> None:
    assert judge(image, replaced(image, [name]), tmp_path) == {}


def test_a_bad_clean_shutdown_file_costs_nothing(tmp_path: Path) -> None:
    sound = prepare(tmp_path / "sound", BATCHES, 0, clean=True)
    assert judge(sound, replaced(sound, ["clean_shutdown"]), tmp_path) == {}


def test_bad_metadata_is_refused_with_a_sentence(image: Image, tmp_path: Path) -> None:
    cases = [
        case for case in replaced(image, ["metadata"]) if case[1].files.get("metadata") is not None
    ]
    accepted = [n for i, (n, bad) in enumerate(cases) if not is_refused(bad, tmp_path / str(i))]
    assert accepted == []


def test_missing_metadata_leaves_the_records_alone(image: Image, tmp_path: Path) -> None:
    image.with_file("metadata", None).put(tmp_path)
    with suppress(BusError):
        Bench(tmp_path).close()
    data = take(tmp_path)[0][image.log]
    assert data == image.files[image.log]


def test_random_damage_is_never_silent(image: Image, tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    print(f"SEED={seed}")
    chance = random.Random(seed)
    cases = [damaged(image, chance) for _ in range(RANDOM_CASES // 2)]
    assert judge(image, cases, tmp_path) == {}


def damaged(image: Image, chance: random.Random) -> Case:
    """Some bytes of the active segment overwritten by noise or zeroes, or one bit flipped."""
    data, end = image.content(image.log), image.places[-1].stop
    start = chance.randrange(end)
    if chance.random() < 0.3:
        bit = chance.randrange(8)
        return f"bit {start}.{bit}", image.with_file(image.log, flipped(data, start, bit))
    size = min(chance.choice([1, 2, 8, 61, 200]), end - start)
    noise = chance.choice([bytes(size), chance.randbytes(size)])
    bad = data[:start] + noise + data[start + size :]
    return f"{size} bytes at {start}", image.with_file(image.log, bad)
