"""Fan-out by bare ZeroMQ XPUB, the other way to serve many readers: what it costs, what it drops.

A sender process, a hub and the subscribers, as with a broker between; the loads are those of
perf/macro/fanout.py, without a log: calls as one frame of their values, single records.

The hub's socket is XPUB_MANUAL: a subscription of another size than 20 bytes is not taken, so that
no prefix and no empty key receives what is not its own. High-water marks count messages, so they
are chosen for each load: 64 calls (64 MB a subscriber) or 1,000 records; 16 calls where one
subscriber takes 20 calls a second, whose latencies are left out. With XPUB_NODROP a
subscriber at its mark holds up everyone (the hub tries again); without, it loses messages and is
not told. `dropped` counts messages that a subscriber did not get, found by their numbers.

message     key, header, body
header      number (int64, of data; -1 is idle), moment at which it was due or count of data sent
idle        every 20 ms in which nothing is to be sent: says how much a subscriber should have
"""

import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import zmq

from perf.bench import Bench, Failed, throughput
from perf.limits.processes import Worker, worker
from perf.paced import moments
from perf.pool import CALL_RECORDS, VALUE_BYTES
from perf.result import Result
from perf.stats import latencies
from perf.usage import Stopwatch

KEY = b"k" * 20  # a partition's id and index, say
HEADER = struct.Struct(">qq")
IDLE = -1
IDLE_MS = 20
SLOW_SECONDS = 0.05  # between two messages that the slow subscriber takes
REPORT_SECONDS = 120.0
CALLS_MARK, RECORDS_MARK, SLOW_MARK = 64, 1000, 16


@dataclass(frozen=True, slots=True)
class Load:
    """One row of the table."""

    name: str
    processes: int
    each: int  # subscribers of a process
    per_second: float  # messages
    message_records: int
    mark: int  # SNDHWM of the hub, RCVHWM of subscribers
    nodrop: bool = True
    slow: int = 0  # subscribers that do not keep up

    def messages(self, bench: Bench) -> int:
        seconds = 3.0 if self.message_records > 1 else 5.0
        return max(50, int(self.per_second * seconds * bench.scale))


LOADS = (
    Load("limit-xpub 1", 1, 1, 100, CALL_RECORDS, CALLS_MARK),
    Load("limit-xpub 8", 8, 1, 100, CALL_RECORDS, CALLS_MARK),
    Load("limit-xpub 8, one slow", 8, 1, 100, CALL_RECORDS, SLOW_MARK, slow=1),
    Load("limit-xpub 8, one slow, dropping", 8, 1, 100, CALL_RECORDS, SLOW_MARK, False, 1),
    Load("limit-xpub 200", 4, 50, 1000, 1, RECORDS_MARK),
)


@dataclass(slots=True)
class Got:
    """What one subscriber received of the data messages of one stretch."""

    count: int = 0
    latencies: list[int] = field(default_factory=list)


def run(bench: Bench) -> list[Result]:
    """limit-xpub for 1, 8 and 200 subscribers, and for 8 of which one is slow."""
    return [_measure(bench, load) for load in LOADS]


def _measure(bench: Bench, load: Load) -> Result:
    body = bytes(VALUE_BYTES * load.message_records - HEADER.size)
    count = load.messages(bench)
    found: list[Got] = []
    with ExitStack() as stack:
        hub = stack.enter_context(worker(_hub, load.mark, load.nodrop))
        front, back = hub.hello
        readers = [
            stack.enter_context(worker(_subscribers, back, load, index < load.slow))
            for index in range(load.processes)
        ]
        push = stack.enter_context(_pushing(front))

        def once(stopwatch: Stopwatch, repeat: int) -> int:
            with stopwatch:
                for number, due in enumerate(moments(load.per_second, count), repeat * count):
                    push.send_multipart([HEADER.pack(number, due), body])
                hub.pipe.send((repeat + 1) * count)
                hub.pipe.recv()
            for reader in readers:
                reader.pipe.send((repeat + 1) * count)
            for reader in readers:
                found.extend(_report(reader))
            return count * load.message_records

        pids = {"hub": hub.pid, "subscriber": readers[-1].pid}
        result = throughput(load.name, bench, once, pids, nodrop=int(load.nodrop), mark=load.mark)
    times = [latency for got in found for latency in got.latencies]
    result.metrics |= latencies(times)
    result.metrics["dropped"] = count * len(found) - sum(got.count for got in found)
    p99, dropped = result.metrics["p99_ms"], result.metrics["dropped"]
    bench.say(f"{load.name}: p99 {p99:.1f} ms, {dropped} dropped")
    return result


def _report(reader: Worker) -> list[Got]:
    if not reader.pipe.poll(REPORT_SECONDS):
        raise Failed(f"subscriber process {reader.pid} does not come to the end")
    return reader.pipe.recv()


@contextmanager
def _pushing(endpoint: str) -> Iterator["zmq.Socket[bytes]"]:
    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        push.linger = 0
        push.connect(endpoint)
        yield push


def _hub(pipe: Connection, mark: int, nodrop: bool) -> None:
    """Everything that comes goes out; it answers on the pipe once so many messages have."""
    context = zmq.Context()
    pull, xpub = context.socket(zmq.PULL), context.socket(zmq.XPUB)
    xpub.setsockopt(zmq.XPUB_MANUAL, 1)
    xpub.setsockopt(zmq.XPUB_NODROP, int(nodrop))
    xpub.setsockopt(zmq.SNDHWM, mark)
    for socket in (pull, xpub):
        socket.bind("tcp://127.0.0.1:*")
    pipe.send([socket.getsockopt_string(zmq.LAST_ENDPOINT) for socket in (pull, xpub)])
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    poller.register(xpub, zmq.POLLIN)
    sent = 0
    while True:
        ready = dict(poller.poll(IDLE_MS))
        if xpub in ready:
            _take_subscription(xpub)
        if pull in ready:
            _publish(xpub, [KEY, *pull.recv_multipart(copy=False)])
            sent += 1
        elif not ready:
            _publish(xpub, [KEY, HEADER.pack(IDLE, sent), b""])
            if pipe.poll() and sent >= pipe.recv():
                pipe.send(sent)


def _take_subscription(xpub: "zmq.Socket[bytes]") -> None:
    event = xpub.recv()
    if event[:1] == b"\x01" and len(event) == 1 + len(KEY):
        xpub.setsockopt(zmq.SUBSCRIBE, event[1:])


def _publish(xpub: "zmq.Socket[bytes]", frames: list[bytes | zmq.Frame]) -> None:
    """Try again for as long as some subscriber is at its mark (XPUB_NODROP)."""
    while True:
        try:
            xpub.send_multipart(frames, zmq.NOBLOCK, copy=False)
        except zmq.Again:
            time.sleep(0.0005)
        else:
            return


def _subscribers(pipe: Connection, endpoint: str, load: Load, slow: bool) -> None:
    """Say hello once all are subscribed; then read up to a number that comes, and report."""
    context = zmq.Context()
    poller = zmq.Poller()
    sockets = [context.socket(zmq.SUB) for _ in range(load.each)]
    for socket in sockets:
        socket.setsockopt(zmq.RCVHWM, load.mark)
        socket.connect(endpoint)
        socket.setsockopt(zmq.SUBSCRIBE, KEY)
        poller.register(socket, zmq.POLLIN)
    for socket in sockets:
        socket.recv_multipart()
    pipe.send(None)
    got, told = [Got() for _ in sockets], [0] * load.each  # told: data sent, by the last idle
    end = -1
    while True:
        for socket, _ in poller.poll(IDLE_MS):
            index = sockets.index(socket)
            told[index] = _take(socket, got[index], slow) or told[index]
        if end < 0 and pipe.poll():
            end = pipe.recv()
        if 0 <= end <= min(told):
            pipe.send(got)
            got, end = [Got() for _ in sockets], -1


def _take(socket: "zmq.Socket[bytes]", got: Got, slow: bool) -> int:
    """One message; if it is an idle one, how much data was sent."""
    _, header, _ = socket.recv_multipart(copy=False)
    number, moment = HEADER.unpack(header.bytes)
    if number == IDLE:
        return moment
    got.count += 1
    if slow:
        time.sleep(SLOW_SECONDS)
    else:
        got.latencies.append(time.monotonic_ns() - moment)
    return 0
