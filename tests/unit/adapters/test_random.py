"""The real source of randomness stays in bounds and does not repeat."""

from bus.adapters.random import SystemRandom


def test_a_number_lies_below_its_limit() -> None:
    random = SystemRandom()
    assert {random.below(3) for _ in range(200)} == {0, 1, 2}


def test_two_ids_differ() -> None:
    random = SystemRandom()
    first, second = random.uuid_bytes(), random.uuid_bytes()
    assert len(first) == 16
    assert first != second
