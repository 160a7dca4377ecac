"""The daemon's composition: a service on this process's main loop, until it is told to stop."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bus.adapters.clock import SystemClock
from bus.adapters.malloc import keep_freed_memory
from bus.adapters.open_files import raise_open_files
from bus.broker.service import Service
from bus.broker.status import Status
from bus.model.broker_settings import BrokerSettings

if TYPE_CHECKING:
    from bus.broker.etcd_member import BesideEtcd

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
        beside_us = self._beside(loop)
        try:
            settings = self._settings
            if beside_us is not None:
                settings = replace(settings, etcd=await beside_us.start())
            self._service = _started(loop, settings)
            if beside_us is not None and beside_us.pid is not None:
                beside_us.show(self._service.node.etcd)
            log.info("open files", extra={"limit": now, "limit_before": before})
            await self._serve(loop, self._service, on_ready)
        finally:
            if beside_us is not None:
                await beside_us.close()

    def _beside(self, loop: asyncio.AbstractEventLoop) -> "BesideEtcd | None":
        """The member of etcd that there shall be beside this broker. Raises BadSetting."""
        if not self._settings.cluster:
            return None
        from bus.broker.cluster_store import beside  # a node alone needs none of it

        return beside(loop, self._settings, SystemClock())

    async def _serve(
        self,
        loop: asyncio.AbstractEventLoop,
        service: Service,
        on_ready: Callable[["Server"], None],
    ) -> None:
        stopped = loop.create_task(self._stop.wait())
        try:
            await _first(service.outcome, stopped)
            if service.outcome.done() and (error := service.outcome.result()) is not None:
                raise error
            if not stopped.done():
                on_ready(self)
            await _first(service.failure, stopped)
            if service.failure.done():
                raise service.failure.result()
            await service.leave()
        finally:
            stopped.cancel()
            await service.close_all()

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


async def _first(*events: "asyncio.Future[Any]") -> None:
    await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
