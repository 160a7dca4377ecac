"""Loops over the public API, to be run in a process each: `python -m tests.integration.loops NAME`.

Prints what grows with each round, one sentence a line. The names that begin with `planted` do the
work of `single_records` and leak something on top, which must be seen.
"""

import ctypes
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count

import numpy
import pyarrow

import bus
from bus.errors import BusError
from tests.fixtures.leaks import leaks

VALUES = [b"value %d" % number for number in range(50)]
KEYS = [b"key %d" % (number % 7) for number in range(50)]
FIXED = numpy.array(VALUES, "S10")
ARROW = pyarrow.array(VALUES, pyarrow.binary())
HEADERS = [("name", b"header")]
WATCHED = [VALUES, KEYS, VALUES[0], VALUES[7], KEYS[3], FIXED, ARROW, HEADERS, HEADERS[0]]
WAIT = 10


class Api:
    """Each method is one round of work."""

    def __init__(self, broker: bus.Broker) -> None:
        self.broker = broker
        self.producer = broker.producer(linger_ms=0)
        self.consumers = {topic: broker.consumer() for topic in ("one", "batches", "columns")}
        for topic, consumer in self.consumers.items():
            consumer.assign([(topic, 0)])

    def close(self) -> None:
        for consumer in self.consumers.values():
            consumer.close()
        self.producer.close()

    def take(self, topic: str, wanted: int) -> Iterator[object]:
        while wanted > 0:
            batch = self.consumers[topic].poll_batch(timeout=WAIT)
            assert len(batch), "nothing came"
            wanted -= len(batch)
            yield batch

    def single_records(self) -> None:
        for value, key in zip(VALUES[:10], KEYS[:10], strict=True):
            self.producer.send("one", value, key=key, headers=HEADERS)
        self.producer.flush(WAIT)
        for batch in self.take("one", 10):
            for record in batch:
                assert record.headers == HEADERS

    def batches(self) -> None:
        for values in (VALUES, FIXED, ARROW):
            self.producer.send_batch("batches", values).result(WAIT)
        self.producer.send_batch("batches", VALUES, keys=KEYS).result(WAIT)
        for batch in self.take("batches", 4 * len(VALUES)):
            assert len(batch.values) == len(batch)

    def columns(self) -> None:
        self.producer.send_batch("columns", ARROW).result(WAIT)
        for batch in self.take("columns", len(VALUES)):
            table = pyarrow.table(batch)
            assert table.num_rows == len(batch)
            assert batch.offsets.sum() >= 0
            assert batch.value_spans.shape[1] == 3

    def errors(self) -> None:
        with suppress(TypeError):
            self.producer.send("one", "no bytes")
        with suppress(BusError, TypeError):
            self.producer.send_batch("one", [b"x", 5])
        with self.broker.admin() as admin, suppress(BusError):
            admin.create_topic("one")

    def clients(self) -> None:
        with self.broker.producer() as producer, self.broker.consumer() as consumer:
            consumer.assign([("own", 0)])
            producer.send("own", VALUES[0]).result(WAIT)
            assert len(consumer.poll_batch(timeout=WAIT))

    def members(self) -> None:
        self.producer.send("own", VALUES[0]).result(WAIT)
        with self.broker.consumer(group="g", on_assigned=len, on_revoked=len) as consumer:
            consumer.subscribe("own")
            assert len(consumer.poll_batch(timeout=WAIT))
            consumer.commit()


increment = ctypes.pythonapi.Py_IncRef
increment.argtypes = [ctypes.py_object]
increment.restype = None
allocate = ctypes.CDLL(None).malloc
allocate.restype = ctypes.c_void_p
kept: list[object] = []
numbers = count(10_000)

PLANTED: dict[str, Callable[[], object]] = {
    "planted_object": lambda: kept.append(object()),
    "planted_reference": lambda: increment(VALUES[7]),
    "planted_native_object": lambda: increment(b"%d" % next(numbers)),
    "planted_native_memory": lambda: ctypes.memset(allocate(1 << 13), 1, 1 << 13),
}
WORK = ("single_records", "batches", "columns", "errors", "clients", "members")


def main(name: str) -> None:
    plant = PLANTED.get(name, int)
    work = "single_records" if name in PLANTED else name

    def stretch(rounds: int) -> None:
        with tempfile.TemporaryDirectory() as folder, bus.Broker(folder) as broker:
            for topic in ("one", "batches", "columns", "own"):
                broker.create_topic(topic, partitions=1, config={"flush": "os"})
            api = Api(broker)
            for _ in range(rounds):
                getattr(api, work)()
                plant()
            api.close()

    for sentence in leaks(stretch, WATCHED):
        print(sentence)


if __name__ == "__main__":
    main(sys.argv[1])
