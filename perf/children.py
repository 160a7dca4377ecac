"""Several processes that make one cluster, each of which can be killed and started again."""

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from perf.child import Child

COUNT = 3


class Children:
    """Brokers 0 to 2. A subclass says how one is made, and has set up what that takes."""

    def __init__(self) -> None:
        self._children: dict[int, Child] = {}
        try:
            with ThreadPoolExecutor() as threads:  # none may be ready before there are two
                list(threads.map(self.start, range(COUNT)))
        except BaseException:
            self.close()
            raise

    def made(self, number: int) -> Child:
        """A broker's next life, ready."""
        raise NotImplementedError

    def start(self, number: int) -> None:
        """Begin a broker's next life."""
        self._children[number] = self.made(number)

    def kill(self, number: int) -> None:
        """SIGKILL."""
        self._children.pop(number).kill()

    def close(self) -> None:
        """End all of them; there is nothing left to be saved."""
        for number in list(self._children):
            self.kill(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
