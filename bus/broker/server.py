"""The daemon's composition: a service on this process's main loop, until it is told to stop."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable

from bus.adapters.malloc import keep_freed_memory
from bus.adapters.open_files import raise_open_files
from bus.broker.service import Service
from bus.broker.status import Status
from bus.model.broker_settings import BrokerSettings

log = logging.getLogger("busd.server")

SWITCH_INTERVAL = 0.001  # seconds a thread may hold the GIL while another waits


def _started(loop: asyncio.AbstractEventLoop, settings: BrokerSettings) -> Service:
    """The service. What a start makes stays: the collector looks at none of it, then or later."""
    gc.disable()
    try:
        return Service(loop, settings)
    finally:
        gc.freeze()
        gc.enable()


class Server:
    """`busd serve`: one broker, SIGTERM and SIGINT stop it cleanly."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._stop = asyncio.Event()
        self._service: Service | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, on_ready: Callable[["Server"], None]) -> None:
        """Serve until `stop`; `on_ready` is called once when requests are served."""
        self._loop = loop = asyncio.get_running_loop()
        sys.setswitchinterval(SWITCH_INTERVAL)
        keep_freed_memory()
        before, now = raise_open_files()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        self._service = _started(loop, self._settings)
        try:
            log.info("open files", extra={"limit": now, "limit_before": before})
            on_ready(self)
            await self._stop.wait()
        finally:
            self._service.close()

    def stop(self) -> None:
        """End `run`; on the loop's thread."""
        self._stop.set()

    @property
    def endpoints(self) -> dict[str, str]:
        """Where it listens, by listener name."""
        assert self._service is not None, "the server runs"
        return self._service.status().endpoints

    def status(self) -> Status:
        """A snapshot, from any thread but the loop's."""
        service, loop = self._service, self._loop
        assert service is not None, "the server runs"
        assert loop is not None, "the server runs"

        async def snapshot() -> Status:
            return service.status()

        return asyncio.run_coroutine_threadsafe(snapshot(), loop).result(5)
