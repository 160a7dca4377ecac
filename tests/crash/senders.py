"""Idempotent producers that others wrote; each sends numbered records and notes where they stand.

A value is "SENDER.NUMBER". `send` gives the producer so many more, `settle` waits until each of
those has an outcome. The settings are Kafka's defaults, but that nobody gives up and that they come
again soon; several batches are in flight.
"""

import asyncio
import gc
import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from perf.foreign.maven import jars, java

TOPIC = "t"
GIVE_UP_SECONDS = 60
BATCH_RECORDS = 5  # so that there are many requests
BACKOFF_MS, BACKOFF_MS_MAX = 50, 200
JVM = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
TOO_LATE = ("after producer has been closed", "closed while send in progress")  # it was not sent
JAVA_RATE = 400  # records a second
JAVA = f"""\
enable.idempotence=true
retries=2147483647
delivery.timeout.ms={GIVE_UP_SECONDS * 1000}
batch.size={BATCH_RECORDS * 80}
linger.ms=1
reconnect.backoff.ms={BACKOFF_MS}
reconnect.backoff.max.ms={BACKOFF_MS_MAX}
retry.backoff.max.ms={BACKOFF_MS_MAX}
"""


class Sender:
    """What is known of one producer's records. A subclass sends them."""

    def __init__(self, number: int) -> None:
        self.number, self.sent = number, 0  # records
        self.told: dict[int, tuple[int, int]] = {}  # number -> partition, offset
        self.failed: list[str] = []

    @property
    def in_flight(self) -> int:
        """Records without an outcome."""
        return self.sent - len(self.told) - len(self.failed)

    def send(self, count: int) -> None:
        """So many more, maybe none; it does not wait for them."""
        for _ in range(count):
            self.sent += 1
            self._produce(self.sent - 1, b"%d.%d" % (self.number, self.sent - 1))

    def settle(self) -> None:
        """Return when all that was sent has an outcome."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave."""

    def _produce(self, number: int, value: bytes) -> None:
        raise NotImplementedError

    def verdict(self, found: dict[int, list[tuple[int, int]]]) -> list[str]:
        """What is wrong, given each partition's (sender, number) from offset 0 on."""
        places: dict[int, tuple[int, int]] = {}
        problems = [f"{failure} was given up" for failure in self.failed]
        for partition, records in found.items():
            last = -1
            for offset, (sender, number) in enumerate(records):
                if sender != self.number:
                    continue
                if number <= last or number in places:
                    problems.append(f"{number} at {partition}:{offset} is out of order, or double")
                places[number], last = (partition, offset), max(last, number)
        for number in range(self.sent):
            if number not in places:
                problems.append(f"{number} is lost")
            elif self.told.get(number, places[number]) != places[number]:
                problems.append(f"{number}: told {self.told[number]}, it is {places[number]}")
        return [f"{type(self).__name__}: {problem}" for problem in problems]


class Confluent(Sender):
    def __init__(self, number: int, bootstrap: str, folder: Path) -> None:
        super().__init__(number)
        from confluent_kafka import Producer

        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 1,
                "batch.num.messages": BATCH_RECORDS,
                "message.timeout.ms": GIVE_UP_SECONDS * 1000,
                "reconnect.backoff.ms": BACKOFF_MS,
                "reconnect.backoff.max.ms": BACKOFF_MS_MAX,
                "log_level": 0,
            }
        )

    def _produce(self, number: int, value: bytes) -> None:
        def told(error, record) -> None:
            if error is not None:
                self.failed.append(f"{number}: {error}")
            else:
                self.told[number] = record.partition(), record.offset()

        self._producer.produce(TOPIC, value, on_delivery=told)

    def send(self, count: int) -> None:
        super().send(count)
        self._producer.poll(0)  # without it nobody is told anything

    def settle(self) -> None:
        self._producer.flush(GIVE_UP_SECONDS)


class KafkaPython(Sender):
    def __init__(self, number: int, bootstrap: str, folder: Path) -> None:
        super().__init__(number)
        from kafka import KafkaProducer

        self._producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            enable_idempotence=True,
            linger_ms=1,
            batch_size=BATCH_RECORDS * 80,
            delivery_timeout_ms=GIVE_UP_SECONDS * 1000,
            retry_backoff_ms=BACKOFF_MS_MAX,
            reconnect_backoff_ms=BACKOFF_MS,
            reconnect_backoff_max_ms=BACKOFF_MS_MAX,
        )

    def _produce(self, number: int, value: bytes) -> None:
        def told(record) -> None:
            self.told[number] = record.partition, record.offset

        future = self._producer.send(TOPIC, value)
        future.add_callback(told)
        future.add_errback(lambda error: self.failed.append(f"{number}: {error!r}"))

    def settle(self) -> None:
        self._producer.flush(GIVE_UP_SECONDS)

    def close(self) -> None:
        self._producer.close()
        del self._producer
        gc.collect()  # it leaves sockets that never connected to the collector, which complains


class Aiokafka(Sender):
    """Its loop runs in a thread."""

    def __init__(self, number: int, bootstrap: str, folder: Path) -> None:
        super().__init__(number)
        from aiokafka import AIOKafkaProducer

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

        async def made() -> AIOKafkaProducer:
            producer = AIOKafkaProducer(
                bootstrap_servers=bootstrap,
                enable_idempotence=True,
                linger_ms=1,
                max_batch_size=BATCH_RECORDS * 80,
                request_timeout_ms=GIVE_UP_SECONDS * 1000,  # and the delivery's
                retry_backoff_ms=BACKOFF_MS_MAX,
            )
            await producer.start()
            return producer

        self._producer = self._run(made())

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(GIVE_UP_SECONDS)

    def _produce(self, number: int, value: bytes) -> None:
        def told(future: asyncio.Future) -> None:
            if error := future.exception():
                self.failed.append(f"{number}: {error!r}")
            else:
                self.told[number] = future.result().partition, future.result().offset

        async def send() -> None:
            (await self._producer.send(TOPIC, value)).add_done_callback(told)

        self._run(send())

    def settle(self) -> None:
        self._run(self._producer.flush())

    def close(self) -> None:
        self._run(self._producer.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Java(Sender):
    """One of Kafka's tools, which is given `words`."""

    def __init__(self, number: int, folder: Path, tool: str, *words: str) -> None:
        super().__init__(number)
        settings = folder / f"{number}.properties"
        settings.write_text(JAVA)
        command = [java(), *JVM, "-cp", f"{jars('broker')}/*", f"org.apache.kafka.tools.{tool}"]
        self._process = subprocess.Popen(
            [*command, "--topic", TOPIC, "--producer.config", str(settings), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class JavaLines(_Java):
    """ConsoleProducer: sends what it is given; where that stands it does not tell."""

    def __init__(self, number: int, bootstrap: str, folder: Path) -> None:
        told = ["--bootstrap-server", bootstrap, "--timeout", "1"]  # its name for linger.ms
        told += ["--message-send-max-retries", str(2**31 - 1)]
        super().__init__(number, folder, "ConsoleProducer", *told)

    def _produce(self, number: int, value: bytes) -> None:
        self._process.stdin.write(value.decode() + "\n")
        self._process.stdin.flush()

    def settle(self) -> None:
        """Nobody knows: look into the log."""


def is_late(message: str) -> bool:
    """Whether a failure is of a record that was never sent, because the tool was told to end."""
    return any(words in message for words in TOO_LATE)


class JavaStream(_Java):
    """VerifiableProducer: sends by itself, and tells where each record stands."""

    def __init__(self, number: int, bootstrap: str, folder: Path) -> None:
        told = ["--bootstrap-server", bootstrap, "--value-prefix", str(number)]
        told += ["--throughput", str(JAVA_RATE)]
        super().__init__(number, folder, "VerifiableProducer", *told)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def send(self, count: int) -> None:
        """It does by itself."""

    def _read(self) -> None:
        for line in self._process.stdout:
            told = json.loads(line)
            if told["name"] == "producer_send_success":
                self.told[int(told["value"].partition(".")[2])] = told["partition"], told["offset"]
                self.sent = max(self.sent, len(self.told))
            elif told["name"] == "producer_send_error" and not is_late(told["message"]):
                self.failed.append(f"{told['value']}: {told['message']}")

    def settle(self) -> None:
        """Have it end, which it does when all that it has sent has an outcome."""
        self._process.terminate()
        self._reader.join(GIVE_UP_SECONDS)
        self.sent = max(self.told) + 1

    def close(self) -> None:
        super().close()
        self._reader.join()


Made = Callable[[int, str, Path], Sender]  # a number, where the broker is, a folder
