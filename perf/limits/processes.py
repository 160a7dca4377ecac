"""Worker processes of the raw paths: each a function with a pipe back, ended by its end."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Worker:
    """A running process and our end of its pipe."""

    pid: int
    pipe: Connection
    hello: Any  # the first thing it sent, such as its endpoint


@contextmanager
def worker(target: Callable[..., None], *arguments: object) -> Iterator[Worker]:
    """Run `target(pipe, *arguments)`, which says hello first, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *arguments), daemon=True)
    process.start()
    try:
        theirs.close()
        if not ours.poll(READY_SECONDS):
            raise RuntimeError(f"{target} did not start")
        assert process.pid is not None, "it was started"
        yield Worker(process.pid, ours, ours.recv())
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()
