"""What becomes of something that the I/O thread does for a user's thread."""

from typing import Generic, TypeVar

from bus.client.bell import Bell
from bus.errors import BusError

T = TypeVar("T")


class Outcome(Generic[T]):
    """Set once on the I/O thread, waited for on any other."""

    __slots__ = ("_value", "bell", "done", "error")

    def __init__(self) -> None:
        self.bell = Bell()
        self.done = False
        self.error: BusError | None = None
        self._value: T | None = None

    def is_done(self) -> bool:
        """For a wait."""
        return self.done

    def succeed(self, value: T) -> None:
        """It went well."""
        self._value = value
        self._finish()

    def fail(self, error: BusError) -> None:
        """It did not."""
        self.error = error
        self._finish()

    @property
    def value(self) -> T:
        """The result. Raises the error."""
        if self.error is not None:
            raise self.error
        assert self._value is not None, "asked for once it is done"
        return self._value

    def _finish(self) -> None:
        if not self.done:
            self.done = True
            self.bell.ring()
