"""A quixstreams pipeline: counts words in a state store with a changelog topic, and tells each."""

import sys

from quixstreams import Application, State

BOOTSTRAP, SOURCE, SINK, STATE = sys.argv[1:5]


def count(word: str, state: State) -> str:
    """How often it came, this one included."""
    total = state.get("count", 0) + 1
    state.set("count", total)
    return f"{word} {total}"


app = Application(
    broker_address=BOOTSTRAP,
    consumer_group="quix",
    auto_offset_reset="earliest",
    state_dir=STATE,
    commit_interval=0.5,
)
source = app.topic(SOURCE, key_deserializer="str", value_deserializer="str")
sink = app.topic(SINK, key_serializer="str", value_serializer="str")
frame = app.dataframe(source).apply(count, stateful=True).to_topic(sink)
app.run()
