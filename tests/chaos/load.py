"""One topic that is written to while a cluster is broken, and the account of it."""

import threading
import traceback

from bus.testing.history import History
from tests.crash.load import Load, following, read_to_end

CALL_RECORDS = 1000
PAUSE_SECONDS = 0.04  # so that memory lasts for long faults
AFTER_RECORDS = 5000  # acknowledged after all is undone
END_SECONDS_MAX = 200.0


class Writing:
    """A producer that lives through all rounds, on a thread of its own in each."""

    def __init__(self, urls: list[str], topic: str) -> None:
        self._urls, self._topic = urls, topic
        self._load = Load(urls, topic)
        self._history = History()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure = ""

    def begin(self) -> None:
        """Write until `end`."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name=self._topic, daemon=True)
        self._thread.start()

    def end(self) -> list[str]:
        """Write some more, then read what is new; all that is wrong with it."""
        assert self._thread is not None, "it was begun"
        self._stop.set()
        self._thread.join(END_SECONDS_MAX)
        if self._thread.is_alive():
            return [f"{self._topic}: nothing was acknowledged any more"]
        if self._failure:
            return [f"{self._topic}: {self._failure}"]
        self._load.settle(self._history)
        read_to_end(self._urls, self._topic, self._history)
        problems = [f"{self._topic}: {each}" for each in self._history.verdict()]
        self._history = following(self._history)
        return problems

    def close(self) -> None:
        self._load.producer.close()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._load.produce(self._history, CALL_RECORDS)
                self._stop.wait(PAUSE_SECONDS)
            self._load.produce(self._history, AFTER_RECORDS)
        except Exception:
            self._failure = traceback.format_exc()
