"""Does Kafka's own dump tool read the files of a compacted topic?"""

import pytest

from bus.embedded import Broker
from tests.conformance.test_kafka_dump import INSTALL_TIMEOUT_S, Dump, dump, parsed
from tests.fixtures.compacted import SETTINGS, check, fill

CODECS = ["none", "gzip", "lz4"]
SUFFIXES = {".log", ".index", ".timeindex"}
GONE = r"Non-consecutive offsets in .*|  \d+ is followed by \d+"  # records are: that is the point

pytestmark = pytest.mark.timeout(INSTALL_TIMEOUT_S)


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dump]:
    """By codec, which the last batch tells."""
    data = tmp_path_factory.mktemp("compacted") / "data"
    with Broker(str(data), **SETTINGS) as broker:
        fill(broker, *CODECS)
    files = sorted(path for path in (data / "topics").rglob("*") if path.suffix in SUFFIXES)
    return {one.batches[-1][3]: one for one in parsed(dump(files, may_say=GONE)).values()}


@pytest.mark.parametrize("codec", CODECS)
def test_kafka_s_tool_reads_what_is_left_and_its_time(codec, dumps):
    found = [
        (offset, timestamp, key.encode(), None if value is None else value.encode())
        for offset, timestamp, key, value, _ in dumps[codec].records
    ]
    check(codec, found)


@pytest.mark.parametrize("codec", CODECS)
def test_kafka_s_tool_finds_every_batch_valid_and_no_offset_uncovered(codec, dumps):
    batches = dumps[codec].batches
    assert {valid for *_, valid in batches} == {"true"}
    assert any(count < last - first + 1 for first, last, count, *_ in batches)
    ends = [last + 1 for _, last, *_ in batches]
    assert [first for first, *_ in batches] == [0, *ends[:-1]]


@pytest.mark.parametrize("codec", CODECS)
def test_kafka_s_tool_finds_nothing_wrong_with_the_indexes(codec, dumps):
    assert dumps[codec].other == []
    assert dumps[codec].index_entries > 0
