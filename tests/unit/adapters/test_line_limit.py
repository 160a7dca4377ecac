"""Lines about what peers do wrong, and how many of them are told."""

from bus.adapters.line_limit import LineLimit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_few_lines_are_told_and_no_more() -> None:
    limit = LineLimit(Clock(), lines_max=2)
    assert [limit.told("x") for _ in range(4)] == ["x", "x", "", ""]


def test_after_a_while_lines_are_told_again_with_how_many_were_left_out() -> None:
    clock = Clock()
    limit = LineLimit(clock, lines_max=1)
    for _ in range(4):
        limit.told("x")
    clock.now = 10.0
    assert limit.told("y") == "y (3 lines like this one were left out.)"
    clock.now = 20.0
    assert limit.told("z") == "z"
