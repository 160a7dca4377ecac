"""The image of a cluster, made of what its store holds."""

import pytest

from bus.errors import CorruptLog
from tests.fixtures.memory_store import MemoryStore
from tests.fixtures.topic_store import TopicStore


def test_a_topic_that_has_not_changed_is_the_same_object() -> None:
    topics = TopicStore(MemoryStore())
    topics.create("a")
    topics.create("b", 64)
    made = topics.image("a")  # whose group has b's first partitions, too
    topics.alter("b", {"flush": "os"})
    assert topics.image("a") is made


def test_metadata_that_does_not_parse_is_refused_and_kept() -> None:
    store = MemoryStore()
    TopicStore(store).create("flights")
    store.readers.clear()
    store.put("/busd/local/g/0", b"garbage")
    with pytest.raises(CorruptLog, match="/busd/local/g/0"):
        TopicStore(store)
    entry = store.get("/busd/local/g/0")
    assert entry is not None
    assert entry.value == b"garbage"
