"""A Faust app: counts words in a table, whose changelog is a compacted topic, and tells each."""

import sys

import faust

BOOTSTRAP, SOURCE, SINK, STATE = sys.argv[1:5]
sys.argv = [sys.argv[0], "worker", "--without-web", "-l", "warn"]

BROKERS = [f"kafka://{one}" for one in BOOTSTRAP.split(",")]

app = faust.App("faust", broker=BROKERS, datadir=STATE, topic_partitions=1)
app.conf.broker_commit_interval = 0.2
source = app.topic(SOURCE, key_type=str, value_type=str, value_serializer="raw")
sink = app.topic(SINK, key_type=str, value_type=str, value_serializer="raw")
counts = app.Table("counts", default=int)


@app.agent(source)
async def count(words: faust.Stream) -> None:
    """How often each came, this one included."""
    async for word in words:
        text = word.decode() if isinstance(word, bytes) else word
        counts[text] += 1
        await sink.send(key=text, value=f"{text} {counts[text]}")


app.main()
