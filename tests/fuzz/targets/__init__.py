"""All that reads bytes which others wrote, one function each, and examples of good bytes.

A target takes any bytes and raises nothing: what it may refuse, it refuses inside. The native
side gets them in an allocation of exactly their size, so that a sanitizer sees a read too far.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.fuzz.targets import batches, etcd, files, kafka, node, wire


@dataclass(frozen=True, slots=True)
class Target:
    """One decoder under attack."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    size_max: int = 4096  # bytes of an input
    examples_max: int = 1000  # of the seeds


TARGETS = {
    "requests": Target(wire.requests, wire.request_seeds),
    "responses": Target(wire.responses, wire.response_seeds),
    "frames": Target(wire.frames, wire.frames_seeds),
    "batches": Target(batches.check, batches.seeds),
    "columns": Target(batches.columns, batches.seeds),
    "chunks": Target(batches.chunks, batches.seeds),
    "compression": Target(batches.compression, batches.packed_seeds),
    "segments": Target(files.segments, batches.seeds, 16384),
    "indexes": Target(files.indexes, files.index_seeds),
    "checkpoints": Target(files.checkpoints, files.checkpoint_seeds),
    "journals": Target(files.journals, files.journal_seeds),
    "snapshots": Target(files.snapshots, files.snapshot_seeds),
    "metadata": Target(files.metadata, files.metadata_seeds),
    "etcd": Target(etcd.answers, etcd.seeds),
    "recovery": Target(node.recovery, node.recovery_seeds, 8192),
    "listener": Target(node.listener, node.listener_seeds),
    "kafka": Target(kafka.conversation, kafka.seeds, 600),
}
