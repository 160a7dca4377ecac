"""topic, produce, consume and segment as processes, on a server and on a directory."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import BUSD, busd, environment

SECONDS_MAX = 60  # for a process to end


def done(*arguments: str, stdin: str = "") -> str:
    """What a command printed that must succeed."""
    result = busd(*arguments, stdin=stdin)
    assert result.returncode == 0, result.stderr
    return result.stdout


def refused(*arguments: str, stdin: str = "") -> str:
    """The sentence of a command that must be refused."""
    result = busd(*arguments, stdin=stdin)
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1), result.stderr
    return result.stderr


def test_lines_come_back_as_they_were_sent(where: list[str]) -> None:
    done("produce", "greetings", *where, stdin="hello\nworld\n")
    assert done("consume", "greetings", "--end", *where) == "hello\nworld\n"


def test_keys_and_offsets_come_back_as_json(where: list[str]) -> None:
    done("produce", "t", "--key-separator", "=", *where, stdin="k=v\n")
    (line,) = done("consume", "t", "--end", "--format", "json", *where).splitlines()
    record = json.loads(line)
    assert (record["offset"], record["key"], record["value"]) == (0, "k", "v")


def test_max_and_from_choose_records(where: list[str]) -> None:
    done("produce", "t", *where, stdin="a\nb\nc\nd\n")
    assert done("consume", "t", "--from", "1", "--max", "2", *where) == "b\nc\n"


def test_a_group_goes_on_where_it_left_off(where: list[str]) -> None:
    busd("produce", "shared", *where, stdin="a\nb\nc\n")
    group = ("consume", "shared", "--group", "g", *where)
    assert busd(*group, "--max", "2").stdout == "a\nb\n"
    assert busd(*group, "--max", "1").stdout == "c\n"
    refused = busd(*group, "--partition", "0")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "leave out --partition" in refused.stderr


def test_a_time_chooses_where_to_begin(where: list[str], tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("at,v\n1000,a\n2000,b\n3000,c\n")
    columns = ("--timestamp-column", "at", "--value-column", "v")
    done("produce", "t", str(rows), *columns, *where)
    begin = "1970-01-01T00:00:02Z"
    assert done("consume", "t", "--from", begin, "--end", *where) == "b\nc\n"


def test_a_topic_has_a_life(where: list[str]) -> None:
    done("topic", "create", "t", "--partitions", "2", "--config", "flush=os", *where)
    listed = done("topic", "list", *where).split()
    assert listed == ["topic", "partitions", "replicas", "t", "2", "1"]
    done("topic", "alter", "t", "--partitions", "3", "--config", "retention.ms=5000", *where)
    described = done("topic", "describe", "t", *where)
    assert "retention.ms" in described
    assert "flush" in described
    done("topic", "alter", "t", "--reset", "retention.ms", *where)
    assert "retention.ms" not in done("topic", "describe", "t", *where)
    done("topic", "delete", "t", *where)
    assert "t" not in done("topic", "list", *where).split()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["topic", "describe", "nothing"], "nothing"),
        (["topic", "delete", "nothing"], "nothing"),
        (["consume", "nothing", "--end"], "nothing"),
        (["topic", "create", "bad name"], "bad name"),
        (["topic", "create", "t", "--config", "flsh=os"], "Did you mean flush?"),
        (["topic", "create", "t", "--config", "cleanup.policy=shred"], "cleanup.policy"),
    ],
)
def test_a_mistake_is_one_sentence(
    where: list[str], tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    (tmp_path / "data").mkdir(exist_ok=True)
    assert sentence in refused(*arguments, *where)


def test_a_file_that_is_no_csv_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"\x7fELF\0\0\n\0")
    assert "is not CSV" in refused(
        "produce", "t", str(tmp_path / "x.csv"), "--data", str(tmp_path / "data")
    )


def test_a_server_that_is_not_there_is_said_to_be_unreachable() -> None:
    assert "tcp://127.0.0.1:1" in refused("topic", "list", "--server", "tcp://127.0.0.1:1")


def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert "There is no data directory" in refused("topic", "list", "--data", str(tmp_path / "x"))


def test_a_reader_that_leaves_ends_the_command_quietly(where: list[str]) -> None:
    done("produce", "t", *where, stdin="".join(f"{n}\n" for n in range(200_000)))
    command = [*BUSD, "consume", "t", "--end", *where]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.wait(SECONDS_MAX), process.stderr.read()) == (141, b"")


def heed_ctrl_c() -> None:
    """A shell starts jobs in the background with SIGINT ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_a_waiting_consumer_quietly(serve) -> None:
    server = ["--server", serve().endpoint]
    done("produce", "t", *server, stdin="a\n")
    with subprocess.Popen(
        [*BUSD, "consume", "t", *server],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        preexec_fn=heed_ctrl_c,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"a\n"
        process.send_signal(signal.SIGINT)
        assert (process.wait(SECONDS_MAX), process.stderr.read()) == (130, b"")


def test_dump_and_verify_read_what_was_produced(tmp_path: Path) -> None:
    where = ["--data", str(tmp_path / "data")]
    done("produce", "t", *where, stdin="a\nb\n")
    lines = done("segment", "dump", str(tmp_path / "data"), "--records").splitlines()
    assert [json.loads(line)["value"] for line in lines] == ["a", "b"]
    assert "good" in done("segment", "verify", str(tmp_path / "data"))


def test_verify_finds_a_flipped_bit(tmp_path: Path) -> None:
    done("produce", "t", "--data", str(tmp_path / "data"), stdin="a\nb\n")
    (log,) = (tmp_path / "data").rglob("*.log")
    data = bytearray(log.read_bytes())
    data[70] ^= 1
    log.write_bytes(data)
    result = busd("segment", "verify", str(tmp_path / "data"))
    assert (result.returncode, "damaged" in result.stdout) == (1, True)


def test_a_partition_takes_writes_again_once_its_loss_is_accepted(tmp_path: Path) -> None:
    where = ["--data", str(tmp_path / "data")]
    done("produce", "t", *where, stdin="a\n")
    done("produce", "t", *where, stdin="b\n")
    (log,) = (tmp_path / "data").rglob("*.log")
    data = bytearray(log.read_bytes())
    data[65] ^= 1
    log.write_bytes(data)
    assert busd("segment", "verify", str(tmp_path / "data")).returncode == 1
    told = done("segment", "verify", str(tmp_path / "data"), "--accept-loss")
    assert "records 0 to 0 are given up" in told
    done("produce", "t", *where, stdin="c\n")
    assert done("consume", "t", *where) == "b\nc\n"
    assert "good" in done("segment", "verify", str(tmp_path / "data"))
