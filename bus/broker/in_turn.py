"""Steps one after the other, whether each ends within its call or later."""

from collections import deque
from collections.abc import Callable, Iterable

Step = Callable[[Callable[[], None]], None]  # calls what it is given once, when it is through


def in_turn(
    steps: Iterable[Step],
    done: Callable[[], None],
    pause: Callable[[Callable[[], None]], bool] = lambda _: False,
) -> None:
    """Each begins when the one before is through; then `done`.

    `pause` is asked between two: if it says so, it will call what it is given, to go on.
    """
    _InTurn(steps, done, pause).go_on()


class _InTurn:
    """A loop as long as steps end within their calls, so that many do not pile up."""

    def __init__(
        self,
        steps: Iterable[Step],
        done: Callable[[], None],
        pause: Callable[[Callable[[], None]], bool],
    ) -> None:
        self._left = deque(steps)
        self._done = done
        self._pause = pause
        self._is_calling = False
        self._is_through = True

    def go_on(self) -> None:
        while self._left:
            self._is_calling, self._is_through = True, False
            self._left.popleft()(self._on_through)
            self._is_calling = False
            if not self._is_through:
                return
            if self._left and self._pause(self.go_on):
                return
        self._done()

    def _on_through(self) -> None:
        self._is_through = True
        if not self._is_calling and not (self._left and self._pause(self.go_on)):
            self.go_on()
