"""`busd serve --shards N`: N brokers as one host of a cluster, each a `busd serve` of its own.

Event                     What is done
-----                     ------------
all serve                 one line beginning with "ready" is printed
one prints something      it is logged, with the shard's name before it
one ends                  it is started again after a second, after longer each time
  before it ever served,  all are ended: what is wrong only the user can put right
  with exit code 2
SIGTERM, SIGINT           asked of all at once, so that nothing is handed from one to the next; of
                          the one that has etcd beside it last, so that they can take their leave
again                     asked again of all: they leave at once
this process dies         the kernel asks all of them to end
"""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue

from bus.adapters.dependent_process import dependent
from bus.cli.failure import INTERRUPTED, OK, USER_ERROR
from bus.cli.options import Namespace
from bus.cli.shard_plan import Settings, etcd_urls, has_member, options, shard_settings
from bus.cli.supervision import Keeper, end
from bus.model.settings import BrokerSettings

AGAIN_SECONDS, AGAIN_SECONDS_MAX = 1.0, 30.0
STOP_SECONDS_MAX = 120.0  # of one step of the end; then who is left is killed
LOOK_SECONDS = 0.25
READY = b"ready "


def run_shards(args: Namespace, settings: BrokerSettings, flags: Sequence[str]) -> int:
    """Until a signal comes; the exit code. Raises UserError."""
    host = socket.gethostname()
    plans = shard_settings(settings, args.shards, host)
    shards = [_Shard(n, args, settings, flags, own) for n, own in enumerate(plans)]
    return _Host(shards, settings).run()


class _Shard:
    """One of them; its process is another one after each start."""

    def __init__(
        self,
        number: int,
        args: Namespace,
        settings: BrokerSettings,
        flags: Sequence[str],
        own: Settings,
    ) -> None:
        self.number = number
        self.urls: list[str] = []  # where it served first; empty: it has not yet
        self.process: subprocess.Popen[bytes] | None = None
        self._args = args
        self._settings = settings
        self._flags = flags
        self._own = own
        self._reader: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """On the main thread: with its end the kernel ends the process."""
        own = dict(self._own)
        if self.number > 0:
            own["etcd"] = etcd_urls(self._settings)
        command = [sys.executable, "-m", "bus.cli.main", "serve"]
        command += options(self._args, self._flags, own)
        self.join_reader()
        self.process = subprocess.Popen(
            dependent(command, signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; it is passed on
        )
        self._reader = threading.Thread(target=self._pass_on, args=[self.process], daemon=True)
        self._reader.start()

    def join_reader(self) -> None:
        """Until all that an ended process has said is passed on."""
        if self._reader is not None:
            self._reader.join()

    def _pass_on(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None, "it was asked for"
        with process.stdout as lines:
            for line in lines:
                if line.startswith(READY) and not self.urls:
                    self.urls = line.decode().split()[1:-1]
                sys.stderr.buffer.write(named(line, self.number))
                sys.stderr.buffer.flush()


def named(line: bytes, number: int) -> bytes:
    """A line of a shard's log, with the shard that it is of; JSON stays JSON."""
    end_of_line = line if line.endswith(b"\n") else line + b"\n"
    if line.startswith(b'{"'):
        return b'{"shard": %d, ' % number + end_of_line[1:]
    return b"shard-%d: " % number + end_of_line


class _Host:
    """All of them together."""

    def __init__(self, shards: list[_Shard], settings: BrokerSettings) -> None:
        self._shards = shards
        self._settings = settings
        self._signals: SimpleQueue[int] = SimpleQueue()
        self._is_ready = False

    def run(self) -> int:
        with self._listening():
            for shard in self._shards:
                shard.start()
            try:
                return self._keep()
            finally:
                end(self._processes(self._shards), STOP_SECONDS_MAX)
                for shard in self._shards:
                    shard.join_reader()

    def _keep(self) -> int:
        """Until a signal comes, or one of them cannot be started at all."""
        keeper = Keeper(lambda n: self._shards[n].start(), AGAIN_SECONDS, AGAIN_SECONDS_MAX)
        while True:
            number = self._next_signal()
            if number is not None:
                self._stop(number)
                return INTERRUPTED if number == signal.SIGINT else OK
            for shard in self._shards:
                if self._is_hopeless(shard):
                    return USER_ERROR
            keeper.look({s.number: s.is_running for s in self._shards}, time.monotonic())
            self._tell_ready()

    def _is_hopeless(self, shard: _Shard) -> bool:
        code = shard.process.poll() if shard.process is not None else None
        return code == USER_ERROR and not shard.urls

    def _tell_ready(self) -> None:
        if not self._is_ready and all(shard.urls for shard in self._shards):
            self._is_ready = True
            urls = " ".join(url for shard in self._shards for url in shard.urls)
            print(f"ready {urls} shards={len(self._shards)} data={self._settings.data}", flush=True)

    def _stop(self, number: int) -> None:
        """In one or two steps."""
        last = self._shards[:1] if has_member(self._settings) else []
        for step in ([shard for shard in self._shards if shard not in last], last):
            self._pass_to(step, number)
            until = time.monotonic() + STOP_SECONDS_MAX
            while any(shard.is_running for shard in step) and time.monotonic() < until:
                again = self._next_signal()
                if again is not None:
                    self._pass_to(self._shards, again)

    def _pass_to(self, shards: Iterable[_Shard], number: int) -> None:
        for process in self._processes(shards):
            process.send_signal(number)

    def _next_signal(self) -> int | None:
        try:
            return self._signals.get(timeout=LOOK_SECONDS)
        except Empty:
            return None

    @contextmanager
    def _listening(self) -> Iterator[None]:
        before = {
            number: signal.signal(number, lambda number, _: self._signals.put(number))
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _processes(self, shards: Iterable[_Shard]) -> "list[subprocess.Popen[bytes]]":
        return [s.process for s in shards if s.process is not None and s.is_running]
