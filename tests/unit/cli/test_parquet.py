"""Parquet as records."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bus.cli.failure import UserError
from bus.cli.parquet import open_parquet, parquet
from bus.cli.rows import Chunk, Layout


@pytest.fixture
def path(tmp_path: Path) -> str:
    moment = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    table = pa.table({"k": ["a", None], "v": [b"1", b"\xff"], "t": [moment, moment], "n": [1, 2]})
    pq.write_table(table, tmp_path / "f.parquet")
    return str(tmp_path / "f.parquet")


def read(path: str, layout: Layout) -> Chunk:
    with open_parquet(path) as file:
        (chunk,) = parquet(file, "f", layout)
    return chunk


def test_columns_may_be_key_value_and_timestamp(path: str) -> None:
    chunk = read(path, Layout("k", "v", "t"))
    assert (chunk.keys, chunk.values) == ([b"a", None], [b"1", b"\xff"])
    assert list(chunk.timestamps or ()) == [1000, 1000]


def test_a_row_becomes_a_json_object(path: str) -> None:
    first = read(path, Layout()).values[0]
    assert first == b'{"k":"a","v":"1","t":"1970-01-01T00:00:01+00:00","n":1}'


def test_a_missing_column_is_refused(path: str) -> None:
    with pytest.raises(UserError, match=r"f has no column 'x'; it has k, v, t, n\."):
        read(path, Layout(key="x"))


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"a,b\n1,2\n" * 10)
    with pytest.raises(UserError, match="is not Parquet"):
        open_parquet(str(tmp_path / "f"))
