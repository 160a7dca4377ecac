"""A FastStream app: a subscriber that publishes what it makes of each message."""

import asyncio
import sys
from collections import Counter

from faststream import FastStream
from faststream.kafka import KafkaBroker

BOOTSTRAP, SOURCE, SINK, _ = sys.argv[1:5]
broker = KafkaBroker(BOOTSTRAP.split(","))
counts: Counter[str] = Counter()


@broker.subscriber(
    SOURCE, group_id="faststream", auto_offset_reset="earliest", auto_commit_interval_ms=200
)
@broker.publisher(SINK)
async def count(word: str) -> str:
    """How often it came, this one included."""
    counts[word] += 1
    return f"{word} {counts[word]}"


asyncio.run(FastStream(broker).run())
