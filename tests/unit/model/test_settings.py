"""The one place to import settings from."""

from bus.model import settings


def test_everything_that_it_promises_is_there() -> None:
    assert all(hasattr(settings, name) for name in settings.__all__)
