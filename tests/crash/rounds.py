"""Kill `busd` at full rate, again and again, and account for every acknowledged record.

One producer lives through all rounds, with several batches in flight. In each round the broker
is killed at a moment drawn from the seed, after at least RECORDS_PER_ROUND acknowledged records,
and started again on the same directory; the producer's retries must then neither lose, double
nor reorder anything.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import bus
from bus.testing.history import History
from tests.crash.daemon import Daemon
from tests.crash.load import Load, following, read_to_end

RECORDS_PER_ROUND = 100_000
EXTRA_RECORDS_MAX = 50_000  # acknowledged on top, drawn from the seed
TOPIC = "rounds"


def run_rounds(data: Path, seed: int, rounds: int, flush: str) -> Iterator[list[str]]:
    """The problems found in each round; all empty is the promise kept."""
    chance = random.Random(seed)
    daemon = Daemon(data).start()
    try:
        with bus.Admin(daemon.url) as admin:
            admin.create_topic(TOPIC, partitions=1, config={"flush": flush})
        load, history = Load(daemon.url, TOPIC), History()
        for _ in range(rounds):
            load.produce(history, RECORDS_PER_ROUND + chance.randrange(EXTRA_RECORDS_MAX))
            daemon.kill()
            daemon.start()
            load.settle(history)
            read_to_end(daemon.url, TOPIC, history)
            told = sum(span.count for span in history.acknowledged)
            assert told >= RECORDS_PER_ROUND, "a round without acknowledgements proves nothing"
            yield list(history.verdict())
            history = following(history)
        load.producer.close()
    finally:
        daemon.kill()
