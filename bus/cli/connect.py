"""Where a command works: on a running server, or on a directory, with the same calls.

--server URL   tcp://HOST:PORT or ipc://PATH; BUSD_SERVER in the environment is the default
--data DIR     opens the directory in this process; no server may run on it
"""

import os
from types import TracebackType
from typing import Any

from bus.cli.config import SERVER_VARIABLE
from bus.cli.failure import UserError
from bus.cli.options import Namespace, Parser

DEFAULT_SERVER = "tcp://127.0.0.1:7901"
TIMEOUT_MS = 5000  # for a server to answer what takes no time


def add_options(parser: Parser) -> None:
    """--server and --data."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--server",
        metavar="URL",
        help=f"where a broker serves (default: {SERVER_VARIABLE}, else {DEFAULT_SERVER})",
    )
    where.add_argument("--data", metavar="DIR", help="work on this directory, without a server")


def connect(args: Namespace, *, create: bool = False) -> "Connection":
    """What the options ask for. UserError if the directory is none; `create` makes a new one."""
    if args.data is None:
        return Connection(args.server or os.environ.get(SERVER_VARIABLE) or DEFAULT_SERVER)
    if not create and not os.path.isdir(args.data):
        raise UserError(f"There is no data directory {args.data}.")
    return Connection(data=args.data)


class Connection:
    """Makes producers, consumers and admins, and closes them."""

    def __init__(self, server: str = "", data: str | None = None) -> None:
        self.server, self.data = server, data
        self._broker: Any = None
        self._open: list[Any] = []

    @property
    def embedded(self) -> bool:
        """Whether nobody else can write while we are here."""
        return self.data is not None

    def producer(self, **options: Any) -> Any:
        """A `bus.Producer`."""
        if self._broker is not None:
            return self._broker.producer(**options)
        from bus.client.producer import Producer

        return self._keep(Producer(self.server, **options))

    def consumer(self, **options: Any) -> Any:
        """A `bus.Consumer`."""
        if self._broker is not None:
            return self._broker.consumer(**options)
        from bus.client.consumer import Consumer

        return self._keep(Consumer(self.server, **options))

    def admin(self) -> Any:
        """A `bus.Admin`."""
        if self._broker is not None:
            return self._broker.admin(timeout_ms=TIMEOUT_MS)
        from bus.client.admin import Admin

        return self._keep(Admin(self.server, timeout_ms=TIMEOUT_MS))

    def _keep(self, handle: Any) -> Any:
        self._open.append(handle)
        return handle

    def __enter__(self) -> "Connection":
        """Open the directory, or make sure that the server answers."""
        if self.data is None:
            self.admin().list_topics()
        else:
            from bus.embedded import Broker

            self._broker = Broker(self.data)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in reversed(self._open):
            handle.close()
        if self._broker is not None:
            self._broker.close()
