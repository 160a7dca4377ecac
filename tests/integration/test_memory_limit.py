"""A message whose parts never end: the listener goes, the rest of the broker goes on."""

import contextlib
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

import bus
from bus.adapters.memory import own_bytes
from perf.child import free_port
from tests.fixtures.leaks import anonymous_bytes
from tests.fixtures.raw_peer import RawPeer
from tests.fixtures.waiting import wait_until

MIB = 1 << 20
PART = bytes(MIB)
PARTS_MAX = 3000  # more than would ever be sent to a broker that heeds its limit


def attack(endpoint: str) -> int:
    """Parts that were sent until the connection ended."""
    sent = 0
    with RawPeer(endpoint) as peer, contextlib.suppress(OSError):
        while sent < PARTS_MAX:
            peer.send_part(PART)
            sent += 1
    return sent


def page(address: str, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://{address}{path}") as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_daemon_closes_its_port_and_says_so(serve) -> None:
    address = f"127.0.0.1:{free_port()}"
    broker = serve("--http", address, "--set", f"memory.limit.bytes={150 * MIB}")
    assert page(address, "/readyz")[0] == 200
    assert attack(broker.endpoint) < PARTS_MAX
    assert wait_until(lambda: page(address, "/readyz")[0] == 503)
    assert "memory.limit.bytes" in page(address, "/readyz")[1]
    assert page(address, "/livez")[0] == 200
    assert "busd_listener_closed 1.0" in page(address, "/metrics")[1]
    assert wait_until(lambda: anonymous_bytes(broker.process.pid) < 150 * MIB)
    code, log = broker.stop()
    assert code == 0
    assert "no more clients are served from other processes" in log


def test_clients_in_the_broker_s_process_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limit = (own_bytes() or 0) + 100 * MIB
    with bus.Broker(
        str(tmp_path / "data"), listen="tcp://127.0.0.1:*", memory_limit_bytes=limit
    ) as broker:
        broker.producer().send("t", b"before").result(60)
        attack(broker.url)
        assert wait_until(lambda: broker.status().listener_closed)
        broker.producer().send("t", b"after").result(60)
        with broker.consumer() as consumer:
            consumer.assign([("t", 0)])
            assert consumer.poll_batch(timeout=60).values == [b"before", b"after"]
        assert broker.url == ""
    assert "above the limit" in caplog.text
