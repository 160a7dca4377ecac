"""Steps one after the other."""

from bus.broker.in_turn import in_turn


def test_steps_that_end_at_once_do_not_pile_up() -> None:
    ended: list[str] = []
    in_turn([lambda through: through()] * 100_000, lambda: ended.append("all"))
    assert ended == ["all"]


def test_a_step_begins_when_the_one_before_is_through() -> None:
    begun: list[int] = []
    left: list = []

    def step(number):
        def begin(through):
            begun.append(number)
            left.append(through)

        return begin

    in_turn([step(0), step(1), lambda through: through()], lambda: begun.append(-1))
    assert begun == [0]
    left.pop()()
    assert begun == [0, 1]
    left.pop()()
    assert begun == [0, 1, -1]


def test_between_two_steps_there_may_be_a_pause() -> None:
    paused: list = []

    def pause(go_on):
        paused.append(go_on)
        return True

    done: list[int] = []

    def step(through):
        done.append(1)
        through()

    in_turn([step, step, step], lambda: done.append(9), pause)
    assert done == [1]
    paused.pop()()
    paused.pop()()
    assert done == [1, 1, 1, 9]
    assert paused == []


def test_no_steps_are_through_at_once() -> None:
    ended: list[int] = []
    in_turn([], lambda: ended.append(1))
    assert ended == [1]
