"""Does Kafka's own dump tool read the files of a stopped broker as we wrote them (S11)?"""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from bus.embedded import Broker
from perf.foreign.maven import jars, java

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
START_MS = 1_700_000_000_000
TIMEOUT_S = 120
INSTALL_TIMEOUT_S = 600  # the first time on a machine: Java and Maven, perhaps, and 45 MB of jars

DUMPING = re.compile(r"Dumping (.*)")
BATCH = re.compile(
    r"baseOffset: (\d+) lastOffset: (\d+) count: (\d+) .* magic: 2 compresscodec: (\w+) "
    r"crc: \d+ isvalid: (\w+)"
)
RECORD = re.compile(
    r"\| offset: (\d+) CreateTime: (\d+) keySize: (-?\d+) valueSize: (-?\d+) sequence: (\d+) "
    r"headerKeys: \[(.*?)\](?: key: (.*?))?(?: payload: (.*))?"
)
ENTRY = re.compile(r"offset: \d+ position: \d+|timestamp: \d+ offset: \d+|.*index is empty\.")


@dataclass
class Dump:
    """What the tool said of one partition's files, in the order of their offsets."""

    batches: list[tuple[int, int, int, str, str]] = field(default_factory=list)
    records: list[tuple[object, ...]] = field(default_factory=list)
    index_entries: int = 0
    files: int = 0
    other: list[str] = field(default_factory=list)  # complaints, that is


def written(codec: str) -> list[tuple[int, str | None, str | None, list[str]]]:
    """(timestamp, key, value, header names) of each record, for the topic of one codec."""
    random = Random(codec)
    rows: list[tuple[int, str | None, str | None, list[str]]] = [
        (START_MS, None, "no key", []),
        (START_MS + 1, "key", None, []),
        (START_MS + 2, "", "", ["h"]),
        (START_MS + 3, "key", "headers", ["a", "b", "a"]),
    ]
    for i in range(4, 1500):
        value = "".join(random.choices("abcdef ", k=1000)).strip()
        rows.append((START_MS + i, f"k{i % 7}", value, []))
    return rows


def write(data: Path) -> None:
    """A topic of each codec: records one by one, in full batches, over several segments."""
    config = {"segment.bytes": str(1 << 20), "index.interval.bytes": "4096", "retention.ms": "-1"}
    with Broker(str(data)) as broker:
        for codec in CODECS:
            broker.create_topic(codec, 1, config=config)
            with broker.producer(compression=codec) as producer:
                for timestamp, key, value, headers in written(codec):
                    producer.send(
                        codec,
                        None if value is None else value.encode(),
                        key=None if key is None else key.encode(),
                        headers=[(name, b"x") for name in headers],
                        timestamp=timestamp,
                    )


def dump(files: list[Path], may_say: str = "") -> list[str]:
    """What the tool prints; it complains of nothing but what matches `may_say`, line by line."""
    tool = [java(), "-Xmx256m", "-cp", f"{jars('broker')}/*", "kafka.tools.DumpLogSegments"]
    options = ["--deep-iteration", "--print-data-log", "--files", ",".join(map(str, files))]
    done = subprocess.run([*tool, *options], capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [one for one in done.stderr.splitlines() if not re.fullmatch(may_say, one)] == []
    return done.stdout.splitlines()


def parsed(lines: list[str]) -> dict[Path, Dump]:
    """By the partition's directory."""
    found: dict[Path, Dump] = {}
    for line in lines:
        if match := DUMPING.fullmatch(line):
            current = found.setdefault(Path(match[1]).parent, Dump())
            current.files += 1
        elif match := BATCH.fullmatch(line):
            first, last, count = map(int, match.groups()[:3])
            current.batches.append((first, last, count, match[4], match[5]))
        elif match := RECORD.fullmatch(line):
            offset, timestamp, key_size, value_size, _, names, key, value = match.groups()
            headers = names.split(",") if names else []
            key = None if key_size == "-1" else key
            value = None if value_size == "-1" else value
            current.records.append((int(offset), int(timestamp), key, value, headers))
        elif ENTRY.fullmatch(line):
            current.index_entries += 1
        elif not line.startswith("Log starting offset: "):
            current.other.append(line)
    return found


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dump]:
    """By codec: which topic is which is told by its content."""
    data = tmp_path_factory.mktemp("kafka") / "data"
    write(data)
    suffixes = {".log", ".index", ".timeindex"}
    files = sorted(path for path in (data / "topics").rglob("*") if path.suffix in suffixes)
    found = parsed(dump(files)).values()
    last = {written(codec)[-1][2]: codec for codec in CODECS}
    return {last[str(one.records[-1][3])]: one for one in found}


pytestmark = pytest.mark.timeout(INSTALL_TIMEOUT_S)


@pytest.mark.parametrize("codec", CODECS)
def test_kafka_s_tool_reads_every_record_as_it_was_sent(codec, dumps):
    rows = [(offset, *row) for offset, row in enumerate(written(codec))]
    assert dumps[codec].records == rows


@pytest.mark.parametrize("codec", CODECS)
def test_kafka_s_tool_finds_every_batch_valid_and_next_to_the_one_before(codec, dumps):
    batches = dumps[codec].batches
    assert {valid for *_, valid in batches} == {"true"}
    assert all(last - first + 1 == count for first, last, count, *_ in batches)
    ends = [last + 1 for _, last, *_ in batches]
    assert [first for first, *_ in batches] == [0, *ends[:-1]]
    assert codec in {used for *_, used, _ in batches}


@pytest.mark.parametrize("codec", CODECS)
def test_kafka_s_tool_finds_nothing_wrong_with_the_indexes(codec, dumps):
    found = dumps[codec]
    assert found.other == []
    assert found.index_entries > 0
    assert found.files >= 3


def test_the_log_that_was_dumped_has_several_segments(dumps):
    assert dumps["none"].files == 6
