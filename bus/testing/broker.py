"""A broker for tests: in a directory of its own, which goes with it, and a Kafka port on demand."""

import tempfile
from typing import Any

from bus.embedded import Broker

DEFAULTS: dict[str, object] = {
    "log_flush": "os",  # no fsync: the directory is gone before the machine is
    "offsets_topic_num_partitions": 1,  # groups are ready sooner
    "log_reserve_bytes": 0,  # a small disk will do
    "log_reserve_percent": 0,
    "log_scrub_bytes_per_second": 0,
}


class TemporaryBroker(Broker):
    """A `bus.Broker` that nothing is left of. Ready in a few milliseconds.

    `bootstrap` (HOST:PORT) and `kafka_url` open a free port on loopback when first asked for.
    """

    def __init__(self, **settings: Any) -> None:
        """Keywords as of `bus.Broker`; where nothing is said, what is quick goes before durable."""
        self._folder = tempfile.TemporaryDirectory(prefix="busd-")
        try:
            super().__init__(self._folder.name, **{**DEFAULTS, **settings})
        except BaseException:
            self._folder.cleanup()
            raise

    @property
    def kafka_url(self) -> str:
        """Where our own clients connect over Kafka's protocol."""
        if not super().kafka_url:
            self.listen_kafka()
        return super().kafka_url

    def close(self) -> None:
        """Stop, and remove the directory; harmless when done before."""
        try:
            super().close()
        finally:
            self._folder.cleanup()

    def _warn_of_filesystem(self) -> None:
        """What is in it need not outlive a power failure."""
