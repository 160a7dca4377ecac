"""The bare relay: one message at a time from a producer through a relay to a consumer.

Three processes and two TCP connections, as with a broker between: the producer's DEALER, the
relay's ROUTER and PUSH, the consumer's PULL, all blocking. The sender waits for the consumer's
word over a pipe before it sends the next message, so nothing queues. Time is the monotonic
clock, which processes of one machine share.
"""

import time
from multiprocessing.connection import Connection

import zmq

from perf.bench import Bench
from perf.limits.processes import worker
from perf.pool import VALUE_BYTES
from perf.result import Result
from perf.stats import latencies

MESSAGES = 3_000
WARM_UP = 300


def run(bench: Bench) -> list[Result]:
    """limit-relay."""
    with worker(_relay) as relay:
        front, back = relay.hello
        with worker(_consumer, back) as consumer:
            context = zmq.Context()
            dealer = context.socket(zmq.DEALER)
            dealer.connect(front)
            count = WARM_UP + max(500, int(MESSAGES * bench.scale))
            body = bytes(VALUE_BYTES - 8)
            times = []
            for _ in range(count):
                dealer.send(time.monotonic_ns().to_bytes(8, "big") + body)
                times.append(consumer.pipe.recv())
            dealer.close(0)
            context.term()
    found = latencies(times[WARM_UP:])
    bench.say(f"limit-relay: p50 {found['p50_ms']:.3f} ms")
    return [Result("limit-relay", found, facts={"value_bytes": VALUE_BYTES, "messages": count})]


def _relay(pipe: Connection) -> None:
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    push = context.socket(zmq.PUSH)
    for socket in (router, push):
        socket.bind("tcp://127.0.0.1:*")
    pipe.send([socket.getsockopt_string(zmq.LAST_ENDPOINT) for socket in (router, push)])
    while True:
        push.send(router.recv_multipart()[1])


def _consumer(pipe: Connection, endpoint: str) -> None:
    context = zmq.Context()
    pull = context.socket(zmq.PULL)
    pull.connect(endpoint)
    pipe.send(None)
    while True:
        message = pull.recv()
        pipe.send(time.monotonic_ns() - int.from_bytes(message[:8], "big"))
