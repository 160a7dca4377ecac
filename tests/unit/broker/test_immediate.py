"""One node's view of its store: answers within the call, and errors raised."""

import pytest

from bus.broker.immediate import ImmediateStore
from bus.errors import StorageError
from bus.model.store_errors import StoreUnreachable
from bus.ports import Write
from tests.fixtures.asked_store import SoloBench
from tests.fixtures.etcd_stores import SimBench


def test_answers_are_given_back() -> None:
    store = ImmediateStore(SoloBench().solo)
    assert store.get("a") is None
    assert store.transact([Write("a", b"1")], {}) == 1
    assert store.transact([Write("a", b"2")], {}) is None
    assert store.get("a") == (b"1", 1)
    assert store.list("") == {"a": (b"1", 1)}


def test_errors_are_raised() -> None:
    bench = SoloBench()
    bench.files.failure = OSError("no space")
    with pytest.raises(StorageError, match="no space"):
        ImmediateStore(bench.solo).transact([Write("a", b"1")], {})


def test_a_store_that_does_not_answer_at_once_is_not_waited_for() -> None:
    store = ImmediateStore(SimBench().store())
    with pytest.raises(StoreUnreachable, match="at once"):
        store.get("a")
