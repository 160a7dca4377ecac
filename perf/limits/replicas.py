"""The raw way onto three replicas: no encoding, no CRC, no fsync, no keys.

One client, one leader and two followers, each a process with a blocking loop on pyzmq over
TCP loopback. The leader copies each batch into a window of 256 MiB of resident pages, followers
fetch it from there and copy it into windows of their own, and what they ask for next says what
they hold. The client is told of what both hold. Several batch sizes and numbers in flight are
tried; the fastest counts.
"""

import mmap
import struct
from multiprocessing.connection import Connection

import zmq

from perf.bench import Bench, Failed, throughput
from perf.limits.processes import Worker, worker
from perf.pool import VALUE_BYTES
from perf.result import Result
from perf.usage import Stopwatch

WINDOW_BYTES = 256 << 20
RECORD_BYTES = 111  # of a record of VALUE_BYTES in a batch
RECORDS = 8_000_000
SHAPES = [(2_500, 16), (5_000, 8), (10_000, 5), (10_000, 8)]  # records a batch, in flight
FOLLOWERS = 2
FETCH_BATCHES_MAX = 4
PRODUCE, FETCH = b"p", b"f"
COUNT = struct.Struct(">q")  # of batches
NOTHING = memoryview(b"")  # in the place of a batch that all hold


def run(bench: Bench) -> list[Result]:
    """limit-replicas."""
    tried = [_measure(bench, records, in_flight) for records, in_flight in SHAPES]
    best = max(tried, key=lambda result: result.metrics["records_per_second"])
    best.facts["tried"] = ", ".join(
        f"{result.facts['batch_records']} x {result.facts['in_flight']}: "
        f"{result.metrics['records_per_second'] / 1e6:.1f} M"
        for result in tried
    )
    return [best]


def _measure(bench: Bench, records: int, in_flight: int) -> Result:
    calls = max(50, int(RECORDS * bench.scale) // records)

    def once(stopwatch: Stopwatch, _: int) -> int:
        with (
            worker(_leader) as leader,
            worker(_follower, leader.hello) as first,
            worker(_follower, leader.hello) as second,
        ):
            followers = {"follower-1": first.pid, "follower-2": second.pid}
            for name, pid in {"leader": leader.pid, **followers}.items():
                stopwatch.pids[name] = pid
                stopwatch.cpu.setdefault(name, 0.0)
                stopwatch.rss_anon_mb.setdefault(name, 0.0)
            _produce(stopwatch, leader, bytes(records * RECORD_BYTES), calls, in_flight)
        return calls * records

    return throughput(
        "limit-replicas",
        bench,
        once,
        {},
        value_bytes=VALUE_BYTES,
        replicas=1 + FOLLOWERS,
        batch_records=records,
        in_flight=in_flight,
    )


def _produce(
    stopwatch: Stopwatch, leader: Worker, batch: bytes, calls: int, in_flight: int
) -> None:
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(leader.hello)

    def send() -> None:
        dealer.send(PRODUCE, zmq.SNDMORE)
        dealer.send(batch, copy=False)

    for _ in range(in_flight):  # warm-up: sockets, allocator, code
        send()
    for _ in range(in_flight):
        dealer.recv()
    with stopwatch:
        for index in range(calls):
            send()
            if index >= in_flight:
                held = COUNT.unpack(dealer.recv())[0]
        for _ in range(min(calls, in_flight)):
            held = COUNT.unpack(dealer.recv())[0]
    if held != calls + in_flight:
        raise Failed(f"the raw replicas hold {held} batches, not {calls + in_flight}")
    dealer.close(0)
    context.term()


class _Window:
    """Resident memory that is written over and over."""

    def __init__(self) -> None:
        self._memory = memoryview(mmap.mmap(-1, WINDOW_BYTES))
        self._at = 0
        for at in range(0, WINDOW_BYTES, mmap.PAGESIZE):
            self._memory[at] = 0

    def copy(self, data: memoryview) -> memoryview:
        """Where it stands until the window has gone round."""
        if self._at + len(data) > WINDOW_BYTES:
            self._at = 0
        place = self._memory[self._at : self._at + len(data)]
        place[:] = data
        self._at += len(data)
        return place


def _leader(pipe: Connection) -> None:
    router = zmq.Context().socket(zmq.ROUTER)
    router.bind("tcp://127.0.0.1:*")
    window = _Window()
    pipe.send(router.getsockopt_string(zmq.LAST_ENDPOINT))
    batches: list[memoryview] = []
    asking: list[bytes] = []  # clients, one a batch that is not on all replicas
    held: dict[bytes, int] = {}  # batches, by follower
    parked: set[bytes] = set()
    acknowledged = 0
    while True:
        identity, word, body = router.recv_multipart(copy=False)
        if word.bytes == PRODUCE:
            batches.append(window.copy(body.buffer))
            asking.append(identity.bytes)
        else:
            held[identity.bytes] = COUNT.unpack(body.buffer)[0]
            parked.add(identity.bytes)
        for follower in [one for one in parked if held[one] < len(batches)]:
            parked.discard(follower)
            given = batches[held[follower] : held[follower] + FETCH_BATCHES_MAX]
            router.send_multipart([follower, *given], copy=False)
        committed = min(held.values()) if len(held) == FOLLOWERS else 0
        while acknowledged < committed:
            batches[acknowledged] = NOTHING
            router.send_multipart([asking[acknowledged], COUNT.pack(acknowledged + 1)])
            acknowledged += 1


def _follower(pipe: Connection, leader: str) -> None:
    dealer = zmq.Context().socket(zmq.DEALER)
    dealer.connect(leader)
    window = _Window()
    pipe.send(None)
    held = 0
    while True:
        dealer.send_multipart([FETCH, COUNT.pack(held)])
        for batch in dealer.recv_multipart(copy=False):
            window.copy(batch.buffer)
            held += 1
