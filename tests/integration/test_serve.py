"""`busd serve` as a process: ready, stopped, and refused."""

import json
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from perf.child import free_port
from tests.integration.conftest import busd

HEAVY = {"numpy", "rich", "pyarrow", "prometheus_client", "pandas"}


def test_it_says_ready_and_where(serve) -> None:
    assert serve().ready.startswith("ready tcp://127.0.0.1:")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_stops_it_without_a_traceback(serve, number: int, code: int) -> None:
    exit_code, log = serve().stop(number)
    assert (exit_code, "Traceback" in log) == (code, False)


def test_it_may_open_as_many_files_as_the_system_allows(serve, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        broker = serve()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
    assert "open files" in broker.stop()[1]


def test_a_clean_stop_leaves_the_directory_free(serve) -> None:
    serve().stop()
    assert serve().ready.startswith("ready ")


def test_nothing_heavy_is_imported_before_it_is_ready() -> None:
    program = "import bus.cli.serve, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert not HEAVY & set(loaded.stdout.split()), loaded.stderr


def refused(*options: str) -> str:
    """The one sentence."""
    done = busd("serve", *options)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_directory_in_use_is_refused(serve, tmp_path: Path) -> None:
    serve()
    sentence = refused("--data", str(tmp_path / "data"), "--listen", "tcp://127.0.0.1:*")
    assert str(tmp_path / "data") in sentence


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refused("--data", str(tmp_path), "--listen", f"tcp://127.0.0.1:{port}")
    assert str(port) in sentence


def test_a_port_in_use_for_http_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        sentence = refused(
            "--data", str(tmp_path), "--listen", "tcp://127.0.0.1:*", "--http", address
        )
    assert address in sentence


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in refused("--data", str(tmp_path / "file" / "data"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--listne", "x"], "Did you mean --listen?"),
        (["--set", "log.retention.mss=1"], "Did you mean log.retention.ms?"),
        (["--set", "num.partitions=-1"], "num.partitions cannot be '-1'"),
        (["--listen", "tcp://0.0.0.0:7901"], "not on loopback"),
        (["--config", "/no/such.toml"], "There is no file or directory /no/such.toml."),
    ],
)
def test_a_mistake_is_one_sentence(options: list[str], sentence: str) -> None:
    assert sentence in refused(*options)


def test_logs_may_be_json(serve) -> None:
    _, log = serve("--set", "logging.format=json").stop()
    assert all(json.loads(line)["message"] for line in log.splitlines())


def test_http_tells_health_and_metrics(serve) -> None:
    address = f"127.0.0.1:{free_port()}"
    broker = serve("--http", address)
    busd("produce", "t", "--server", broker.endpoint, stdin="a\nb\nc\n")
    for path in ("livez", "readyz"):
        with urlopen(f"http://{address}/{path}") as answer:
            assert answer.read() == b"ok\n"
    with urlopen(f"http://{address}/metrics") as answer:
        text = answer.read().decode()
    assert "busd_records_in_total 3.0" in text
    assert 'busd_partition_high_watermark{partition="0",topic="t"} 3.0' in text
    with pytest.raises(HTTPError, match="404") as caught:
        urlopen(f"http://{address}/other")
    caught.value.close()
