"""A data directory as a crash leaves it, damage done to copies of it, and what must hold then.

An image is every file of a directory that a node was writing when it was taken: the page cache's
bytes, no clean stop. `durable` records were flushed and the flush journal says so; the records
behind them were only written. Damage is any change of an image's files.

What was damaged            What must be true after opening
----------------            -------------------------------
nothing that counts         every record is there, and the log takes more
above the durable end       all records before the damage are there, and the log takes more
below the durable end       damaged records answer CORRUPT_MESSAGE, all others of the durable part
                            are there, and writes are refused
metadata                    refused with a sentence, and nothing is changed

And always: no bytes of a data file are gone; what was cut off stands in a `.cut`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bus.errors import BusError, CorruptBatch, CorruptMessage
from bus.native.batch import check
from tests.fixtures.batches import HEADER, parse
from tests.fixtures.node import Bench, batch_of
from tests.fixtures.requests import fetch, got, produce, told

PER_BATCH = 2
EPOCH_BYTES = range(12, 16)  # of a header: no checksum covers the leader epoch
Files = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch stands."""

    path: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Image:
    """Files by path, trailing zeroes left out of `files` and counted in `lengths`."""

    files: Files
    lengths: dict[str, int]
    durable: int  # offset
    places: list[Place] = field(default_factory=list)  # of each batch
    earlier: Files = field(default_factory=dict)  # whole files, as they were half way
    clean: bool = False  # stopped cleanly: what is behind the indexes is not scanned at a start

    @property
    def log(self) -> str:
        """The active segment's path."""
        return self.places[-1].path

    def with_file(self, path: str, data: bytes | None) -> "Image":
        """A damaged copy: `data` in place of the file, None to remove it."""
        files, lengths = dict(self.files), dict(self.lengths)
        files.pop(path, None)
        lengths.pop(path, None)
        if data is not None:
            files[path], lengths[path] = data.rstrip(b"\0"), len(data)
        return replace(self, files=files, lengths=lengths)

    def content(self, path: str) -> bytes:
        """A file with its zeroes."""
        return self.files[path].ljust(self.lengths[path], b"\0")

    def logs(self) -> list[bytes]:
        """The contents of all data files, and a zero that may have been the last byte of each."""
        return [data + b"\0" for path, data in self.files.items() if path.endswith(".log")]

    def put(self, directory: Path) -> None:
        """Write it out into a new directory."""
        for path, data in self.files.items():
            full = directory / path
            full.parent.mkdir(parents=True, exist_ok=True)
            with full.open("wb") as file:
                file.write(data)
                file.truncate(self.lengths[path])


def take(directory: Path) -> tuple[Files, dict[str, int]]:
    """Every file of a directory: bytes without trailing zeroes, and lengths."""
    full = {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
    return (
        {path: data.rstrip(b"\0") for path, data in full.items()},
        {path: len(data) for path, data in full.items()},
    )


def value_of(offset: int, size: int = 0) -> bytes:
    """What the record at an offset says."""
    return b"record %06d" % offset + b"." * size


def prepare(
    directory: Path, durable: int, written: int, size: int = 0, clean: bool = False, **config: str
) -> Image:
    """An image of so many durable batches, and so many more that were only written."""
    bench = Bench(directory)
    bench.create_topic("t", 1, config={k.replace("_", "."): v for k, v in config.items()})
    earlier: Files = {}
    for number in range(durable):
        assert told(bench, produce(_batch(number, size))).error_code == 0
        if number == durable // 2:
            bench.node.stores.checkpoint_now()
            files, lengths = take(directory)
            earlier = {path: files[path].ljust(lengths[path], b"\0") for path in files}
    waiting = [bench.send(produce(_batch(durable + n, size))) for n in range(written)]
    if clean:
        bench.close()
    files, lengths = take(directory)
    if not clean:
        while not all(waiting):
            bench.disk.wait(60)
        bench.close()
    places = list(_places(files, (len(_batch(n, size)) for n in range(durable + written))))
    return Image(files, lengths, durable * PER_BATCH, places, earlier, clean)


def _batch(number: int, size: int) -> bytes:
    first = number * PER_BATCH
    values = (value_of(first + delta, size) for delta in range(PER_BATCH))
    return batch_of(*values, producer=(7, 0, first))


def _places(files: Files, sizes: Iterable[int]) -> Iterable[Place]:
    logs = iter(sorted(path for path in files if path.endswith(".log")))
    path, position = next(logs), 0
    for size in sizes:
        if position >= len(files[path]):
            path, position = next(logs), 0
        yield Place(path, position, position + size)
        position += size


# --- what a start makes of it ----------------------------------------------------------------


def problems_of(
    sound: Image, damaged: Image, directory: Path, size: int = 0, strict: bool = True
) -> list[str]:
    """Open the damaged image and compare with the table above; empty if all of it holds.

    Not `strict`, where files of several kinds are damaged: what is served is right, and all
    before the first damage is there, if the topic is known.
    """
    damaged.put(directory)
    try:
        bench = Bench(directory)
    except BusError as error:
        after = take(directory)[0]
        lost = [p for p, data in damaged.files.items() if p != "lock" and after.get(p) != data]
        silent = [] if str(error).endswith(".") else [f"refused without a sentence: {error}"]
        return [f"refused ({error}), but {lost} changed"] if lost else silent
    try:
        check = _Check(sound, damaged, bench, size, strict)
        return [*conserved(sound, damaged, directory), *check.run()]
    finally:
        bench.close()


def is_refused(damaged: Image, directory: Path) -> bool:
    """Does opening end in a sentence?"""
    damaged.put(directory)
    try:
        Bench(directory).close()
    except BusError as error:
        return str(error).endswith(".")
    return False


def conserved(sound: Image, damaged: Image, directory: Path) -> Iterable[str]:
    """What is gone of the files that only ever grow; what damage put behind them may go."""
    lengths = {path: len(data) for path, data in sound.files.items()}
    after = take(directory)[0]
    cuts = [data for path, data in after.items() if path.endswith(".cut")]
    for path, data in damaged.files.items():
        if path.endswith((".log", ".cut")):
            kept = after.get(path, b"")
            if not any(_is_kept(d, kept, cuts) for d in (data, data[: lengths.get(path)])):
                yield f"bytes of {path} are gone"
    if after.get("metadata") != damaged.files.get("metadata", after.get("metadata")):
        yield "the metadata was changed"


def _is_kept(data: bytes, kept: bytes, cuts: list[bytes]) -> bool:
    """Does the file, with what was cut off it, still say all that it said?"""
    if kept.startswith(data):
        return True
    rest = data[len(kept) :].lstrip(b"\0") if data.startswith(kept) else data
    return not rest or any(cut.lstrip(b"\0") == rest for cut in cuts)


class _Check:
    """One opened directory, record by record."""

    def __init__(self, sound: Image, damaged: Image, bench: Bench, size: int, strict: bool) -> None:
        self.bench = bench
        self.strict = strict
        self.clean = sound.clean
        self.size = size
        self.durable = sound.durable
        self.end = len(sound.places) * PER_BATCH
        self.hard: set[int] = set()  # offsets whose records cannot be read any more
        self.soft: set[int] = set()  # whose epoch alone is wrong
        self.moved: set[int] = set()  # whose batch stands in another place
        for number, place in enumerate(sound.places):
            before = sound.content(place.path)[place.start : place.stop]
            now = damaged.files.get(place.path, b"")[place.start : place.stop]
            if damaged.lengths.get(place.path, 0) >= place.stop:
                now = now.ljust(len(before), b"\0")
            wrong = {i for i in range(len(before)) if before[i : i + 1] != now[i : i + 1]}
            offsets = range(number * PER_BATCH, (number + 1) * PER_BATCH)
            if wrong and any(
                before in data for data in damaged.logs()
            ):  # elsewhere: found there or not
                self.moved.update(offsets)
            elif wrong:
                (self.soft if wrong <= set(EPOCH_BYTES) else self.hard).update(offsets)
        self.first = min(self.hard | self.soft | self.moved, default=self.end)

    def run(self) -> Iterable[str]:
        """All that is not as it should be."""
        self.partition = self.bench.node.runtime.find("t", 0)
        if self.partition is None:
            return ["the topic is gone"] if self.strict else []
        self.found = self._survey()
        if not self.strict:
            return self._served()
        return [*self._records(), *self._served(), *self._writing()]

    def _survey(self) -> dict[int, bytes | None]:
        """Value of each offset, None where the answer is CORRUPT_MESSAGE."""
        found: dict[int, bytes | None] = {}
        log = self.partition.log
        offset = log.start_offset
        while offset < log.end_offset:
            answer = got(self.bench, fetch(offset))
            if answer.error_code:
                assert answer.error_code == CorruptMessage.code, answer
                found[offset] = None
                offset += 1
                continue
            values = decoded(bytes(answer.records or b""))
            assert offset in values, f"nothing is served at {offset} of {log.end_offset}"
            found |= {at: value for at, value in values.items() if at >= offset}
            offset = max(values) + 1
        return found

    def _records(self) -> Iterable[str]:
        sure = max(self.durable, self.first)
        for offset in range(sure):
            if offset not in self.found:
                yield f"offset {offset} is missing"
            elif self.found[offset] is None and offset not in self.hard | self.soft | self.moved:
                yield f"offset {offset} is sound, and served as damaged"
        for offset, value in self.found.items():
            if value is None and offset >= self.durable:
                yield f"offset {offset} was never durable, and should have been cut"

    def _served(self) -> Iterable[str]:
        for offset in range(self.first):
            if self.found.get(offset) is None:
                yield f"offset {offset} stands before the first damage, and is not served"
        for offset, value in self.found.items():
            if value is not None and value != value_of(offset, self.size):
                yield f"offset {offset} is served as {value!r}"
            elif value is not None and offset in self.hard:
                yield f"offset {offset} is served although it is damaged"

    def _writing(self) -> Iterable[str]:
        must_refuse = any(offset < self.durable for offset in self.hard)
        in_doubt = self.hard | self.soft | self.moved
        may_refuse = any(offset < self.durable for offset in in_doubt)
        end = self.partition.log.end_offset
        answer = told(self.bench, produce(batch_of(b"new")))
        if answer.error_code:
            if not may_refuse:
                yield f"a write was refused: {answer.error_code} {answer.error_message}"
        elif must_refuse and not self.clean:  # then damage is met by who reads it
            yield "a write was taken although durable records are damaged"
        elif answer.base_offset != end:
            yield f"the next offset was {answer.base_offset}, not {end}"
        elif decoded(bytes(got(self.bench, fetch(end)).records or b"")) != {end: b"new"}:
            yield "a new record was not read back"


def decoded(data: bytes) -> dict[int, bytes | None]:
    """Offset to value of back-to-back batches; None in one whose checksum a client refuses."""
    values: dict[int, bytes | None] = {}
    position = 0
    while position < len(data):
        fields = HEADER.unpack_from(data, position)
        end = position + 12 + fields[1]
        records = data[position + HEADER.size : end]
        try:
            check(data, position)
        except CorruptBatch:
            values |= dict.fromkeys(range(fields[0], fields[0] + fields[6] + 1))
            position = end
            continue
        for delta, _, _, value, _ in parse(records, fields[-1]):
            values[fields[0] + delta] = value
        position = end
    return values
