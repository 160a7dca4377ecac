"""The answers of one connection: in order, and a bound on how many are awaited."""

from bus.adapters.tcp_order import ReplyOrder
from bus.model.limits import REQUESTS_PENDING_MAX


def make() -> tuple[ReplyOrder, list[None]]:
    ready: list[None] = []
    return ReplyOrder(lambda: ready.append(None)), ready


def test_answers_leave_in_the_order_of_the_requests() -> None:
    order, ready = make()
    first, second, third = (order.open(10) for _ in range(3))
    third.answer([b"3"])
    second.answer([b"2a", b"2b"])
    assert (ready, order.take()) == ([], None)
    first.answer([b"1"])
    assert (ready, order.take()) == ([None], [b"1", b"2a", b"2b", b"3"])


def test_a_request_without_an_answer_gives_its_place_up() -> None:
    order, _ = make()
    first, second = order.open(10), order.open(10)
    second.answer([b"2"])
    first.answer([])
    assert order.take() == [b"2"]


def test_a_parked_request_blocks_what_is_behind_it_until_it_is_answered() -> None:
    order, _ = make()
    fetch = order.open(10)
    fetch.blocks = True
    assert not order.may_start
    fetch.answer([b"1"])
    assert order.may_start


def test_only_so_many_requests_are_under_way() -> None:
    order, _ = make()
    turns = [order.open(1) for _ in range(REQUESTS_PENDING_MAX)]
    assert not order.may_start
    turns[-1].answer([b"last"])
    assert not order.may_start
    turns[0].answer([b"first"])
    order.take()
    assert order.may_start


def test_bytes_under_way_are_those_of_requests_that_were_not_taken_out() -> None:
    order, _ = make()
    first, _second = order.open(10), order.open(5)
    assert order.bytes == 15
    first.answer([b"1"])
    order.take()
    assert order.bytes == 5


def test_an_answer_after_the_end_is_dropped() -> None:
    order, ready = make()
    turn = order.open(10)
    order.clear()
    turn.answer([b"late"])
    assert (ready, order.take(), order.bytes) == ([], None, 0)
