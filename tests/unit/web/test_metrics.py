"""Metrics and health, by snapshots of a broker."""

from dataclasses import replace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from bus.broker.status import DirectoryStatus, ListenerStatus, PartitionStatus, Status
from bus.web.metrics import GetStatus, MetricsServer

STATUS = Status(
    node_id=1,
    cluster_id="c",
    ready=True,
    listener_closed=False,
    alive=True,
    uptime_ms=1500,
    endpoints={},
    directories=(DirectoryStatus("/data", "id", 1, 70, 100, 5, False, None, 3, 0.5, *[0] * 7),),
    absent_partitions=0,
    partitions=(PartitionStatus("t", 0, 0, 1, 9, 8, 7, 4096, "group", None),),
    requests={"Produce": 5},
    errors={"NotLeader": 2},
    records_in=10,
    bytes_in=1000,
    bytes_out=2000,
    commits=3,
    commit_seconds=0.25,
    connections=4,
    parked_fetches=1,
    loop_lag_ms_max=12.0,
    listeners=(ListenerStatus("PLAINTEXT", 4, 9, 1, 300, 500),),
    fetch_sessions=2,
    recoveries={"operator": 1},
)


def get(status: GetStatus, path: str, method: str = "GET") -> tuple[int, str]:
    with MetricsServer("127.0.0.1:0", status) as server:
        try:
            with urlopen(Request(f"http://{server.address}{path}", method=method)) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()


def stuck() -> Status:
    raise TimeoutError


@pytest.mark.parametrize(
    "line",
    [
        "busd_ready 1.0",
        "busd_uptime_seconds 1.5",
        "busd_records_in_total 10.0",
        "busd_commit_seconds_total 0.25",
        'busd_requests_total{request="Produce"} 5.0',
        'busd_errors_total{error="NotLeader"} 2.0',
        'busd_partition_start_offset{partition="0",topic="t"} 1.0',
        'busd_partition_end_offset{partition="0",topic="t"} 9.0',
        'busd_partition_flushed_offset{partition="0",topic="t"} 8.0',
        'busd_partition_high_watermark{partition="0",topic="t"} 7.0',
        'busd_partition_size_bytes{partition="0",topic="t"} 4096.0',
        "busd_connections 4.0",
        "busd_parked_fetches 1.0",
        "busd_fetch_sessions 2.0",
        'busd_recoveries_total{cause="operator"} 1.0',
        'busd_listener_connections{listener="PLAINTEXT"} 4.0',
        'busd_listener_accepted_total{listener="PLAINTEXT"} 9.0',
        'busd_listener_refused_total{listener="PLAINTEXT"} 1.0',
        'busd_listener_bytes_in_total{listener="PLAINTEXT"} 300.0',
        'busd_listener_bytes_out_total{listener="PLAINTEXT"} 500.0',
        "busd_loop_lag_seconds_max 0.012",
    ],
)
def test_the_snapshot_is_told_in_prometheus_text(line: str) -> None:
    code, text = get(lambda: STATUS, "/metrics")
    assert (code, line in text.splitlines()) == (200, True), text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/livez", lambda: STATUS, 200),
        ("/livez", lambda: None, 200),
        ("/livez", lambda: replace(STATUS, alive=False), 503),
        ("/livez", stuck, 503),
        ("/readyz", lambda: STATUS, 200),
        ("/readyz", lambda: None, 503),
        ("/readyz", lambda: replace(STATUS, ready=False), 503),
        ("/readyz", lambda: replace(STATUS, listener_closed=True), 503),
        ("/livez", lambda: replace(STATUS, listener_closed=True), 200),
        ("/readyz", stuck, 503),
        ("/metrics", lambda: None, 200),
        ("/metrics", stuck, 503),
        ("/", lambda: STATUS, 404),
    ],
)
def test_health_is_a_status_code(path: str, status: GetStatus, code: int) -> None:
    assert get(status, path)[0] == code


def test_only_reading_is_answered() -> None:
    assert get(lambda: STATUS, "/metrics", "POST")[0] == 405


def test_an_address_in_use_is_said_in_a_sentence() -> None:
    with (
        MetricsServer("127.0.0.1:0", lambda: STATUS) as first,
        pytest.raises(OSError, match=f"HTTP cannot listen on {first.address}: Address already"),
    ):
        MetricsServer(first.address, lambda: STATUS)
