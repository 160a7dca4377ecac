"""`busd serve`: one broker in this process, until a signal asks it to stop.

SIGTERM   stop accepting, answer what is under way, close the log cleanly; exit code 0
SIGINT    the same; exit code 130
again     leave at once: the log recovers as after a crash
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable

from bus.broker.server import Server
from bus.broker.status import Status
from bus.cli import log_output
from bus.cli.config import load
from bus.cli.failure import INTERRUPTED, OK
from bus.cli.options import Namespace, Parser, assignments, positive
from bus.model.settings import BROKER_SETTINGS, BrokerSettings

log = logging.getLogger("busd.serve")

FLAGS = (
    "data",
    "listen",
    "kafka",
    "http",
    "insecure",
    "accept.filesystem",
    "accept.missing.data",
    "node.id",
    "cluster",
    "etcd",
    "etcd.ca.file",
    "etcd.cert.file",
    "etcd.key.file",
    "etcd.user",
    "etcd.password.file",
    "etcd.listen",
    "bootstrap",
    "join",
    "rack",
    "peers",
)
REPEATABLE = {"data": "DIRECTORY", "kafka": "[NAME=]HOST:PORT"}

SHARDS_HELP = (
    "run N brokers of a cluster as this host: each with a process, a directory DIR/shard-I and the "
    "ports I above those given; ended ones are started again (default: 1)"
)

EXAMPLES = """  busd serve --data /var/lib/busd
  busd serve --data /tmp/try --listen 'tcp://127.0.0.1:*' --http 127.0.0.1:9464
  busd serve --kafka 127.0.0.1:9092
  busd serve --config busd.toml --set log.retention.ms=86400000
  BUSD_LOG_FLUSH=os busd serve
  busd serve --shards 3 --cluster main --bootstrap --kafka 127.0.0.1:9092

It prints one line beginning with "ready" when it serves, and logs to stderr.
SIGTERM and Ctrl-C stop it cleanly.
"""


def parser() -> Parser:
    """Flags for the settings that every broker is told, and --set for all."""
    made = _ServeParser("busd serve", "Run a broker.", EXAMPLES)
    for name in FLAGS:
        entry = BROKER_SETTINGS[name]
        flag = f"--{name.replace('.', '-')}"
        if name in REPEATABLE:
            default = entry.default or "none"
            made.add_argument(
                flag,
                metavar=REPEATABLE[name],
                action="append",
                help=f"{entry.doc} Repeatable (default: {default})",
            )
        elif entry.kind == "bool":
            made.add_argument(flag, action="store_const", const="true", help=entry.doc)
        elif entry.fixed_because:
            made.add_argument(flag, metavar="VALUE", help=f"refused: {entry.fixed_because}")
        else:
            shown = entry.default if entry.default != "" else "none"
            made.add_argument(flag, metavar="VALUE", help=f"{entry.doc} (default: {shown})")
    made.add_argument("--shards", metavar="N", type=positive, default=1, help=SHARDS_HELP)
    made.add_argument("--config", metavar="FILE", help="a TOML file of settings")
    made.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="any setting; repeatable"
    )
    return made


class _ServeParser(Parser):
    """Adds the table of settings to the help."""

    def format_help(self) -> str:
        """The options, then all settings."""
        from bus.cli.settings_doc import as_text_table

        return super().format_help() + "\n" + as_text_table()


def settings_of(args: Namespace) -> BrokerSettings:
    """Flags over environment over file. Raises BadSetting."""
    flags: dict[str, object] = dict(assignments(args.set, "--set"))
    for name in FLAGS:
        given = getattr(args, name.replace(".", "_"))
        if given is not None:
            flags[name] = given
    return load(flags, os.environ, args.config)


def run(args: Namespace) -> int:
    """Serve until a signal comes."""
    settings = settings_of(args)
    if args.shards > 1:
        from bus.cli.shards import run_shards  # one broker needs none of it

        return run_shards(args, settings, FLAGS)
    log_output.configure(settings.logging_level, settings.logging_format)
    return asyncio.run(_Daemon(settings).serve())


class _Daemon:
    """The server, its signals, and the HTTP pages about it."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._server = Server(settings)
        self._serving = False
        self._signal: signal.Signals | None = None

    async def serve(self) -> int:
        """Until a signal; the exit code."""
        if not self._settings.http:
            await self._server.run(self._on_ready)
        else:
            from bus.web.metrics import MetricsServer

            with MetricsServer(self._settings.http, self._status) as pages:
                log.info("http is bound", extra={"address": pages.address})
                await self._server.run(self._on_ready)
                self._serving = False
        return INTERRUPTED if self._signal == signal.SIGINT else OK

    def _on_ready(self, server: Server) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number, server.stop)
        self._serving = True
        urls = [url for url in server.endpoints.values() if not url.startswith("inproc:")]
        print(f"ready {' '.join(urls)} data={self._settings.data}", flush=True)

    def _on_signal(self, number: signal.Signals, stop: Callable[[], None]) -> None:
        if self._signal is not None:
            log.warning("stopped at once by a second signal; the log recovers at the next start")
            sys.stderr.flush()
            os._exit(128 + number)
        self._signal = number
        self._serving = False
        log.info("stopping", extra={"signal": number.name})
        stop()

    def _status(self) -> Status | None:
        """For the threads of the HTTP server."""
        return self._server.status() if self._serving else None
