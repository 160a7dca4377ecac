"""A producer's requests hold what a broker takes in one."""

from bus.client.lane import Parcel
from bus.client.sender import requests_of
from bus.model.ids import TopicPartition
from bus.model.limits import BUFFERS_PER_REQUEST_MAX, CREDIT_BYTES


def entries(count: int, size: int = 10) -> list[tuple[TopicPartition, Parcel]]:
    return [(TopicPartition("t", n), Parcel(1, size, 0, None)) for n in range(count)]


def test_few_partitions_go_in_one_request() -> None:
    given = entries(5)
    assert list(requests_of(given)) == [given]


def test_nothing_is_no_request() -> None:
    assert list(requests_of([])) == []


def test_a_request_has_no_more_buffers_than_a_broker_takes() -> None:
    given = entries(2 * BUFFERS_PER_REQUEST_MAX + 1)
    parts = list(requests_of(given))
    assert [len(part) for part in parts] == [BUFFERS_PER_REQUEST_MAX, BUFFERS_PER_REQUEST_MAX, 1]
    assert [entry for part in parts for entry in part] == given


def test_a_request_stays_within_the_credit_unless_one_batch_is_larger() -> None:
    given = entries(5, CREDIT_BYTES // 2)
    assert [len(part) for part in requests_of(given)] == [2, 2, 1]
    assert [len(part) for part in requests_of(entries(2, 2 * CREDIT_BYTES))] == [1, 1]
