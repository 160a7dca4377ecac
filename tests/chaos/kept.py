"""Small topics that were written once, and must stand as they were after whatever happens."""

import time

import bus
from bus.client.admin import Admin
from bus.errors import BusError

TOPICS = 6
RECORDS = 60
VALUE_BYTES = 300
SEGMENT_BYTES = 4096  # so that there are several files
READ_SECONDS_MAX = 60.0


class Kept:
    """Made and written as soon as it is made."""

    def __init__(self, urls: list[str], admin: Admin) -> None:
        self._urls = urls
        self._names = [f"kept-{number}" for number in range(TOPICS)]
        config = {"flush": "group", "min.insync.replicas": 2, "segment.bytes": SEGMENT_BYTES}
        with bus.Producer(urls, linger_ms=0) as producer:
            for name in self._names:
                admin.create_topic(name, 1, 3, config)
                for number in range(RECORDS):
                    producer.send(name, value_of(name, number)).result(READ_SECONDS_MAX)

    def problems(self) -> list[str]:
        """What is wrong with them, as consumers see them."""
        return [problem for name in self._names for problem in self._read(name)]

    def _read(self, name: str) -> list[str]:
        found: list[bytes] = []
        until = time.monotonic() + READ_SECONDS_MAX
        with bus.Consumer(self._urls) as consumer:
            consumer.assign([(name, 0)])
            consumer.seek(name, 0, 0)
            while len(found) < RECORDS and time.monotonic() < until:
                try:
                    found += [bytes(value) for value in consumer.poll_batch(timeout=1.0).values]
                except BusError as error:
                    return [f"{name} cannot be read after record {len(found)}: {error}"]
        return verdict(name, found)


def verdict(name: str, found: list[bytes]) -> list[str]:
    """What is wrong with the values that were read, in order."""
    wanted = [value_of(name, number) for number in range(RECORDS)]
    if found == wanted:
        return []
    same = sum(a == b for a, b in zip(found, wanted, strict=False))
    return [f"{name}: {same} of {RECORDS} records are as they were, {len(found)} were read"]


def value_of(name: str, number: int) -> bytes:
    """What the record at an offset says."""
    return f"{name} {number}".encode().ljust(VALUE_BYTES, b".")
