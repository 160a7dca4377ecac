"""/metrics in Prometheus text, /livez and /readyz, over HTTP on a thread of their own.

path       200 when                                 503 when
----       --------                                 --------
/metrics   the broker answers                       it does not answer in time
/livez     it is starting, or answers and one of    it does not answer in time, or all of its
           its disks works                          disks have failed
/readyz    it serves requests                       it is starting, stopping or stuck, or has
                                                    closed its listener for want of memory

Nothing of prometheus_client is imported before the first scrape.
"""

import socket
from collections.abc import Callable, Iterable, Iterator
from socketserver import ThreadingMixIn
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from bus.broker.status import DirectoryStatus, ListenerStatus, PartitionStatus, Status
from bus.model.endpoint import split_host_port
from bus.web.group_metrics import group_families

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from prometheus_client.metrics_core import Metric

REQUEST_TIMEOUT_S = 10  # for a client that connects and says nothing

GetStatus = Callable[[], Status | None]  # None: not started yet; TimeoutError: it does not answer

_GAUGES: tuple[tuple[str, str, Callable[[Status], float]], ...] = (
    ("busd_ready", "1 while requests are served.", lambda s: s.ready),
    (
        "busd_listener_closed",
        "1 if the process had too much memory to listen any longer.",
        lambda s: s.listener_closed,
    ),
    ("busd_uptime_seconds", "Time since the start.", lambda s: s.uptime_ms / 1000),
    ("busd_connections", "Clients that are connected.", lambda s: s.connections),
    (
        "busd_absent_partitions",
        "Partitions in a data directory that is not there.",
        lambda s: s.absent_partitions,
    ),
    ("busd_parked_fetches", "Fetches that wait for records.", lambda s: s.parked_fetches),
    ("busd_fetch_sessions", "Fetch sessions that are kept.", lambda s: s.fetch_sessions),
    (
        "busd_loop_lag_seconds_max",
        "Worst delay of the event loop within the last minute.",
        lambda s: s.loop_lag_ms_max / 1000,
    ),
)
_COUNTERS: tuple[tuple[str, str, Callable[[Status], float]], ...] = (
    ("busd_records_in", "Records appended.", lambda s: s.records_in),
    ("busd_bytes_in", "Bytes of record batches appended.", lambda s: s.bytes_in),
    ("busd_bytes_out", "Bytes of record batches fetched.", lambda s: s.bytes_out),
    ("busd_commits", "Group commits finished.", lambda s: s.commits),
    ("busd_commit_seconds", "Time spent in group commits.", lambda s: s.commit_seconds),
)
_LISTENER_COUNTERS: tuple[tuple[str, str, Callable[[ListenerStatus], float]], ...] = (
    ("busd_listener_accepted", "Connections that were taken.", lambda o: o.accepted),
    ("busd_listener_refused", "Connections over one of the limits.", lambda o: o.refused),
    ("busd_listener_bytes_in", "Bytes received.", lambda o: o.bytes_in),
    ("busd_listener_bytes_out", "Bytes sent.", lambda o: o.bytes_out),
)
_DIRECTORY_GAUGES: tuple[tuple[str, str, Callable[[DirectoryStatus], float]], ...] = (
    ("busd_directory_free_bytes", "What the disk has left.", lambda d: d.free_bytes),
    ("busd_directory_total_bytes", "Size of the disk.", lambda d: d.total_bytes),
    ("busd_directory_reserve_bytes", "Free space that stays free.", lambda d: d.reserve_bytes),
    ("busd_directory_partitions", "Partitions on it.", lambda d: d.partitions),
    ("busd_directory_full", "1 if it takes no writes for want of room.", lambda d: d.full),
    (
        "busd_directory_scrubbed_bytes",
        "Bytes of closed segments that were checked again.",
        lambda d: d.scrubbed_bytes,
    ),
    (
        "busd_directory_scrub_damages",
        "Damages and unreadable segments found by that.",
        lambda d: d.scrub_damages,
    ),
    ("busd_directory_compactions", "Partitions that were compacted.", lambda d: d.compactions),
    (
        "busd_directory_compaction_failures",
        "Compactions that could not be finished.",
        lambda d: d.compaction_failures,
    ),
    (
        "busd_directory_compacted_bytes",
        "Bytes that compaction has read.",
        lambda d: d.compacted_bytes,
    ),
    (
        "busd_directory_compacted_bytes_kept",
        "And what it left of them.",
        lambda d: d.compacted_bytes_kept,
    ),
    (
        "busd_directory_dirty_ratio_max",
        "Share of the dirtiest compacted partition that was written since.",
        lambda d: d.dirty_ratio,
    ),
    ("busd_directory_failed", "1 if its disk has failed.", lambda d: d.failed is not None),
)
_PARTITION_GAUGES: tuple[tuple[str, str, Callable[[PartitionStatus], float]], ...] = (
    ("busd_partition_start_offset", "First offset kept.", lambda p: p.start_offset),
    ("busd_partition_end_offset", "Next offset to be written.", lambda p: p.end_offset),
    ("busd_partition_flushed_offset", "End of what is synced.", lambda p: p.flushed_offset),
    ("busd_partition_high_watermark", "End of what is committed.", lambda p: p.high_watermark),
    ("busd_partition_size_bytes", "Bytes of the log.", lambda p: p.size_bytes),
    (
        "busd_partition_read_only",
        "1 if it takes no writes: damage, a full disk or a failed one.",
        lambda p: p.read_only is not None,
    ),
)


def families(status: Status) -> "Iterator[Metric]":
    """The snapshot as metric families."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    for name, text, value in _GAUGES:
        yield GaugeMetricFamily(name, text, value=float(value(status)))
    for name, text, value in _COUNTERS:
        yield CounterMetricFamily(name, text, value=float(value(status)))
    for name, text, label, counts in (
        ("busd_requests", "Requests by name.", "request", status.requests),
        ("busd_errors", "Answers with an error, by its name.", "error", status.errors),
        (
            "busd_recoveries",
            "Leaders elected by this broker's word that may lack records, by cause.",
            "cause",
            status.recoveries,
        ),
    ):
        counter = CounterMetricFamily(name, text, labels=[label])
        for key, count in counts.items():
            counter.add_metric([key], count)
        yield counter
    yield from _of_listeners(status.listeners)
    yield from group_families(status.groups)
    for name, text, value_of in _DIRECTORY_GAUGES:
        gauge = GaugeMetricFamily(name, text, labels=["directory"])
        for directory in status.directories:
            gauge.add_metric([directory.path], float(value_of(directory)))
        yield gauge
    for name, text, of in _PARTITION_GAUGES:
        gauge = GaugeMetricFamily(name, text, labels=["topic", "partition"])
        for partition in status.partitions:
            labels = [partition.topic, str(partition.partition)]
            gauge.add_metric(labels, float(of(partition)))
        yield gauge


def _of_listeners(listeners: Iterable[ListenerStatus]) -> "Iterator[Metric]":
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    gauge = GaugeMetricFamily(
        "busd_listener_connections", "Clients that are connected.", labels=["listener"]
    )
    for listener in listeners:
        gauge.add_metric([listener.name], float(listener.connections))
    yield gauge
    for name, text, value_of in _LISTENER_COUNTERS:
        counter = CounterMetricFamily(name, text, labels=["listener"])
        for listener in listeners:
            counter.add_metric([listener.name], float(value_of(listener)))
        yield counter


class _Collector:
    """What prometheus_client asks at each scrape."""

    def __init__(self, status: GetStatus) -> None:
        self._status = status

    def collect(self) -> "Iterable[Metric]":
        """All families; none before the broker has started."""
        status = self._status()
        return families(status) if status is not None else ()

    def describe(self) -> "Iterable[Metric]":
        """Nothing is known before a scrape."""
        return ()


class Pages:
    """The WSGI application."""

    def __init__(self, status: GetStatus) -> None:
        self._status = status
        self._metrics: WSGIApplication | None = None

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "/")
        if environ.get("REQUEST_METHOD") not in {"GET", "HEAD"}:
            return _say(start_response, "405 Method Not Allowed", "only GET")
        try:
            if path == "/metrics":
                return self._scrape(environ, start_response)
            if path in {"/livez", "/readyz"}:
                return self._health(path, start_response)
        except TimeoutError:
            return _say(start_response, _UNAVAILABLE, "the broker does not answer")
        return _say(start_response, "404 Not Found", "try /metrics, /livez or /readyz")

    def _scrape(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if self._metrics is None:
            from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app

            registry = CollectorRegistry(auto_describe=False)
            registry.register(_Collector(self._status))
            ProcessCollector(registry=registry)
            self._metrics = make_wsgi_app(registry)
        return self._metrics(environ, start_response)

    def _health(self, path: str, start_response: "StartResponse") -> Iterable[bytes]:
        status = self._status()
        if path == "/livez":
            good = status is None or status.alive
        else:
            good = status is not None and status.ready
            if good and status is not None and status.listener_closed:
                return _say(start_response, _UNAVAILABLE, _CLOSED)
        return _say(start_response, *(_GOOD if good else (_UNAVAILABLE, "no")))


_GOOD = ("200 OK", "ok")
_UNAVAILABLE = "503 Service Unavailable"
_CLOSED = "the listener is closed: the process was above memory.limit.bytes"


def _say(start_response: "StartResponse", line: str, text: str) -> Iterable[bytes]:
    body = f"{text}\n".encode()
    start_response(
        line,
        [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))],
    )
    return [body]


class _QuietHandler(WSGIRequestHandler):
    timeout = REQUEST_TIMEOUT_S

    def log_message(self, format: str, *args: Any) -> None:
        """A scrape is no news."""


class _Threading(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        """Bind without looking up the host's name, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        host, port = self.socket.getsockname()[:2]
        self.server_name, self.server_port = str(host), int(port)
        self.setup_environ()


class _ThreadingV6(_Threading):
    address_family = socket.AF_INET6


class MetricsServer:
    """Serves until closed; a context manager. Raises OSError with a sentence if it cannot bind."""

    def __init__(self, address: str, status: GetStatus) -> None:
        """`status` is called on threads of this server."""
        host, port = split_host_port(address)
        kind = _ThreadingV6 if ":" in host else _Threading
        bound = ("" if host == "*" else host, 0 if port == "*" else int(port))
        try:
            self._server = kind(bound, _QuietHandler)
        except OSError as error:
            raise OSError(f"HTTP cannot listen on {address}: {error.strerror}.") from None
        self._server.set_app(Pages(status))
        self._thread = Thread(
            target=self._server.serve_forever, args=(0.2,), name="busd-http", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """HOST:PORT as bound."""
        host, port = self._server.server_address[:2]
        return f"[{host!s}]:{port}" if ":" in str(host) else f"{host!s}:{port}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "MetricsServer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
