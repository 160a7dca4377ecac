"""A `busd serve` of our own in a process beside us, for the demo."""

import subprocess
import sys
from types import TracebackType

from bus.cli.failure import UserError

STOP_S = 30


class Daemon:
    """Runs while the `with` block does; `endpoint` is where it serves."""

    def __init__(self, directory: str, *options: str) -> None:
        self._command = [
            *(sys.executable, "-m", "bus.cli.main", "serve"),
            *("--data", directory, "--listen", "tcp://127.0.0.1:*"),
            *("--set", "logging.level=warning", *options),
        ]
        self.endpoint = ""

    def __enter__(self) -> "Daemon":
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is ours; we stop it when we are done
        )
        assert self._process.stdout is not None
        words = self._process.stdout.readline().split()
        if words[:1] != ["ready"]:
            self._stop()
            raise UserError("The broker did not start; it says why above.")
        self.endpoint = words[1]
        return self

    @property
    def pid(self) -> int:
        """Of the broker's process."""
        return self._process.pid

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
