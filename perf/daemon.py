"""A `busd serve` of our own: started, found ready, and stopped or killed."""

import sys
from pathlib import Path

from perf.child import Child, free_port


class Daemon(Child):
    """One `busd`; use it as a context, or `kill` it."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.endpoint = f"tcp://127.0.0.1:{free_port()}"
        self.ready_line = ""
        command = [sys.executable, "-m", "bus.cli.main", "serve"]
        command += ["--data", str(data), "--listen", self.endpoint, *arguments]
        super().__init__(command, data.with_suffix(".log"), read_output=True, PYTHONUNBUFFERED="1")

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None, "it was asked for"
        for line in self.process.stdout:
            if line.startswith("ready"):
                self.ready_line = line.strip()
                return
        self.process.wait()
        raise RuntimeError(f"busd did not become ready: {self.last_words()}")
