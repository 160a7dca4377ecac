"""The near side of an agent: its process, and its commands as calls."""

import json
import queue
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.conformance.agents.agent import Absent, Refused

ROOT = Path(__file__).parents[2]
ANSWER_SECONDS_MAX = 120.0
END_SECONDS_MAX = 60.0


class AgentDied(Exception):
    """The process of a client ended, or does not answer."""


class AgentProcess:
    """`agent.create(topic="t")` is the command `create`; errors of the broker raise Refused."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                cwd=ROOT,
            )
        threading.Thread(target=self._listen, daemon=True).start()
        self._take()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def call(**arguments: Any) -> Any:
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(json.dumps({"do": name, **arguments}) + "\n")
                self._process.stdin.flush()
            except OSError:
                raise AgentDied(self._last_words()) from None
            return self._take()

        return call

    def kill(self) -> None:
        """As a crash does: the broker is told nothing."""
        self._process.kill()
        self.end()

    def end(self) -> None:
        """Close its input, wait, and kill it if it stays."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):  # it is gone, with a command unread
            self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                if line.startswith("{"):  # a client may talk, too
                    self._answers.put(line)
        except ValueError:
            pass  # closed by `end`
        self._answers.put("")

    def _take(self) -> Any:
        try:
            line = self._answers.get(timeout=ANSWER_SECONDS_MAX)
        except queue.Empty:
            raise AgentDied(f"no answer in {ANSWER_SECONDS_MAX:g} s") from None
        if not line:
            self._answers.put("")  # for whoever asks again
            raise AgentDied(self._last_words())
        answer = json.loads(line)
        if "absent" in answer:
            raise Absent(answer["absent"])
        if "error" in answer:
            raise Refused(answer["code"], answer["error"])
        return answer["value"]

    def _last_words(self) -> str:
        return f"the client ended: {self._log.read_text(errors='replace')[-800:]}"
