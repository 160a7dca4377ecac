"""A process that never outlives the one that started it.

On Linux the kernel ends it (PR_SET_PDEATHSIG), however we die; elsewhere only who has started it
does. The signal has to be asked for by the child itself, so a few lines of Python run first and
then become the program. What it prints is appended to a file, of which the last part is kept.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

LOG_BYTES_MAX = 16 * 1024 * 1024
LOG_BYTES_KEPT = 1024 * 1024
LAST_WORDS_BYTES = 2000

_BECOME = """
import os, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, int(sys.argv[2]), 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit("who started this has died")
os.execv(sys.argv[3], sys.argv[3:])
"""


def dependent(command: Sequence[str], at_our_end: signal.Signals) -> list[str]:
    """A command that becomes this one, which gets the signal when the thread that starts it has
    ended; `command[0]` is the path of its program."""
    starter = [sys.executable, "-I", "-S", "-c", _BECOME, str(os.getpid()), str(int(at_our_end))]
    return [*starter, *command]


class DependentProcess:
    """One process; `command[0]` is the path of its program."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        """Raises OSError if it cannot be started, or the log cannot be written."""
        self._log = log
        self._file = log.open("ab", buffering=0)
        try:
            self._process = subprocess.Popen(
                dependent(command, signal.SIGKILL),
                stdin=subprocess.DEVNULL,
                stdout=self._file,
                stderr=self._file,
                start_new_session=True,  # Ctrl-C is for us alone
            )
        except BaseException:
            self._file.close()
            raise

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs; a signal's number with a minus if it was killed."""
        return self._process.poll()

    def ask_to_end(self) -> None:
        """By SIGTERM."""
        self._process.terminate()

    def close(self) -> None:
        """End it now, if it runs."""
        self._process.kill()
        self._process.wait()
        self._file.close()

    def last_words(self) -> str:
        """The end of what it has printed, as one line for people."""
        with suppress(OSError), self._log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_WORDS_BYTES))
            lines = file.read().decode(errors="replace").strip().splitlines()
            text = lines[-1] if lines else ""
            return "".join(c if c.isprintable() else " " for c in text)
        return ""

    def trim_log(self) -> None:
        """Forget the beginning of a long log; it is appended to, so the process goes on with it."""
        with suppress(OSError):
            size = self._log.stat().st_size
            if size > LOG_BYTES_MAX:
                with self._log.open("r+b") as file:
                    file.seek(size - LOG_BYTES_KEPT)
                    kept = file.read(LOG_BYTES_KEPT)
                    file.seek(0)
                    file.write(kept)
                    file.truncate()
