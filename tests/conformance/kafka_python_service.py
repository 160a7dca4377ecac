"""Stands in for `test/service.py`, which kafka-python's source distribution leaves out.

Its fixtures import two classes from there: one for brokers that they start, which never happens
here, and one for a broker that runs already. This file is put into their tree as it is.
"""


class SpawnedService:
    """A broker that the fixtures would start."""

    def __init__(self, *_: object) -> None:
        raise RuntimeError("KAFKA_URI names a broker; none is started")


class ExternalService:
    """A broker that runs already."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port

    def open(self) -> None:
        """Nothing to do."""

    def start(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """It is not theirs to end."""

    def stop(self) -> None:
        """It is not theirs to end."""
