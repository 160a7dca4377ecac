"""Damage drawn from a seed, of every kind to every kind of file, one directory after another.

What is damaged                      What must hold
---------------                      --------------
data files (.log)                    records outside of the damage are served; the damage is not
derived files (index, snapshot)      nothing is lost
records of the store                 nothing is lost
metadata                             refused, or opened; no data file changes
files of several of these at once    what is served is right; all before the first damage is there
always                               opened or refused with a sentence; nothing of a data file gone
"""

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.crash.damage import Image, prepare, problems_of

SECTOR = 512
RECORD_BYTES = 300  # so that a log spans some sectors
DERIVED = (".index", ".timeindex", ".snapshot")
STORE = ("checkpoint", "flush.journal", "epoch.journal", "clean_shutdown", "lock", "disk_uuid")
FAMILIES = {"data": (".log",), "derived": DERIVED, "store": STORE, "metadata": ("metadata",)}
FAMILY_WEIGHTS = {"data": 5, "derived": 3, "store": 4, "metadata": 1, "several": 4}
DAMAGES_MAX = 3  # of one case

Harm = Callable[[Image, str, random.Random], bytes | None]  # the file's new content, None if gone


def flipped_bits(image: Image, path: str, chance: random.Random) -> bytes:
    data = bytearray(image.content(path))
    for _ in range(chance.choice([1, 1, 1, 8])):
        if data:
            data[chance.randrange(used(image, path))] ^= 1 << chance.randrange(8)
    return bytes(data)


def zeroed_sectors(image: Image, path: str, chance: random.Random) -> bytes:
    data = bytearray(image.content(path))
    start = SECTOR * chance.randrange(used(image, path) // SECTOR + 1)
    size = min(SECTOR * chance.choice([1, 1, 8]), len(data) - start)
    data[start : start + size] = bytes(size)
    return bytes(data)


def noise(image: Image, path: str, chance: random.Random) -> bytes:
    data = bytearray(image.content(path))
    start = chance.randrange(used(image, path))
    size = min(chance.choice([1, 2, 8, 61, 200, SECTOR]), len(data) - start)
    data[start : start + size] = chance.randbytes(size)
    return bytes(data)


def swapped_sectors(image: Image, path: str, chance: random.Random) -> bytes:
    data = bytearray(image.content(path))
    sectors = used(image, path) // SECTOR + 1
    one, other = (SECTOR * chance.randrange(sectors) for _ in range(2))
    if max(one, other) + SECTOR <= len(data):
        kept = data[one : one + SECTOR]
        data[one : one + SECTOR] = data[other : other + SECTOR]
        data[other : other + SECTOR] = kept
    return bytes(data)


def cut_short(image: Image, path: str, chance: random.Random) -> bytes:
    return image.content(path)[: chance.randrange(used(image, path) + 1)]


def lengthened(image: Image, path: str, chance: random.Random) -> bytes:
    return image.content(path) + chance.randbytes(chance.choice([1, 7, 100, SECTOR]))


def stale(image: Image, path: str, _: random.Random) -> bytes | None:
    return image.earlier.get(path)


def swapped_file(image: Image, path: str, chance: random.Random) -> bytes:
    """Another file of the same kind stands under its name."""
    alike = [other for other in sorted(image.files) if other.endswith(suffix_of(path))]
    return image.content(chance.choice(alike))


def missing(_: Image, __: str, ___: random.Random) -> None:
    return None


HARMS: dict[str, Harm] = {
    "flipped bits": flipped_bits,
    "zeroed sectors": zeroed_sectors,
    "noise": noise,
    "swapped sectors": swapped_sectors,
    "cut short": cut_short,
    "lengthened": lengthened,
    "an older copy": stale,
    "another file": swapped_file,
    "missing": missing,
}


def used(image: Image, path: str) -> int:
    """Bytes of a file that say something, at least 1."""
    return max(1, min(len(image.files[path]), image.lengths[path]))


def suffix_of(path: str) -> str:
    return path[path.rindex(".") :] if "." in path else path


@dataclass(frozen=True, slots=True)
class Case:
    """One damaged directory."""

    sound: Image
    damaged: Image
    family: str
    told: str  # what was done to it


@cache
def images(folder: Path) -> tuple[Image, ...]:
    """Crashed and cleanly stopped directories, of one segment and of several."""
    made = []
    for number, (durable, written, clean, segment_bytes) in enumerate(
        [
            (8, 0, False, 1 << 20),
            (5, 3, False, 1 << 20),
            (8, 0, True, 1 << 20),
            (10, 0, False, 2048),
            (6, 4, False, 2048),
            (10, 0, True, 2048),
        ]
    ):
        directory = folder / f"sound-{number}"
        config = {"segment_bytes": str(segment_bytes)}
        made.append(prepare(directory, durable, written, RECORD_BYTES, clean, **config))
        shutil.rmtree(directory)
    return tuple(made)


def draw(folder: Path, seed: int) -> Case:
    """The case of a seed."""
    chance = random.Random(seed)
    sound = chance.choice(images(folder))
    family = chance.choices(list(FAMILY_WEIGHTS), list(FAMILY_WEIGHTS.values()))[0]
    kinds = FAMILIES[family] if family != "several" else sum(FAMILIES.values(), ())
    damaged, told = sound, []
    for _ in range(chance.randint(1, DAMAGES_MAX)):
        paths = [path for path in sorted(damaged.files) if path.endswith(kinds)]
        paths = [path for path in paths if damaged.lengths[path]]
        if not paths:
            break
        path, harm = chance.choice(paths), chance.choice(list(HARMS))
        damaged = damaged.with_file(path, HARMS[harm](damaged, path, chance))
        told.append(f"{path}: {harm}")
    return Case(sound, damaged, family, "; ".join(told))


def judge(folder: Path, seed: int) -> list[str]:
    """What is wrong after opening the case of a seed; empty if all holds."""
    case = draw(folder, seed)
    directory = folder / f"case-{seed}"
    try:
        strict = case.family not in ("metadata", "several")
        problems = problems_of(case.sound, case.damaged, directory, RECORD_BYTES, strict)
    except Exception as error:  # any at all is a finding, to be told with its case
        problems = [f"{type(error).__name__}: {error}"]
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return [f"seed {seed}: {case.told}: {problem}" for problem in problems]


def run_campaign(folder: Path, first: int, cases: int) -> Iterator[list[str]]:
    """The problems of each case; the seeds are first, first + 1, ..."""
    for seed in range(first, first + cases):
        yield judge(folder, seed)
