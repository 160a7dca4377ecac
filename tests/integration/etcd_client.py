"""A process with a session in an etcd: says `open`, and `lost` if it was ended."""

import asyncio
import sys

from bus.adapters.clock import SystemClock
from bus.adapters.etcd.settings import EtcdSettings, etcd_endpoints
from bus.adapters.etcd.store import etcd_store
from bus.adapters.random import SystemRandom
from bus.errors import BusError
from bus.ports import Write


async def main(urls: str, key: str) -> None:
    lost = asyncio.Event()
    written = asyncio.Event()
    loop = asyncio.get_running_loop()
    settings = EtcdSettings(etcd_endpoints(urls))
    store = etcd_store(loop, settings, SystemClock(), SystemRandom(), "/busd/c/client/", "stopped")

    def begin(session: object) -> None:
        assert not isinstance(session, BusError), session
        store.transact([Write(key, b"here", 0, session)], {}, lambda _: written.set())

    store.open_session(3000, lost.set, begin)
    await written.wait()
    print("open", flush=True)
    await lost.wait()
    print("lost", flush=True)
    closed = asyncio.Event()
    store.close(closed.set)
    await closed.wait()


asyncio.run(main(*sys.argv[1:]))
