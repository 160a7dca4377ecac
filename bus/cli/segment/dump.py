"""`busd segment dump`: batches, or their records, as they stand in the files."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from bus.cli.failure import OK
from bus.cli.json_lines import as_json
from bus.cli.options import Namespace
from bus.cli.segment.files import PartitionFiles, find, mapped
from bus.model.batch import NO_PRODUCER_ID, TIMESTAMP_TYPE_FLAG, BatchInfo
from bus.model.ids import TopicPartition
from bus.native import segment

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
BATCHES_AT_ONCE = 1000


def run(args: Namespace) -> int:
    """Print lines until the end, or --max."""
    for line in islice(_lines(args), args.max):
        print(line)
    return OK


def _lines(args: Namespace) -> Iterator[str]:
    for files in find(args):
        if not args.records:
            yield f"{files.title}: {len(files.base_offsets)} segments"
        for base_offset in files.base_offsets:
            yield from _segment(files, base_offset, args)


def _segment(files: PartitionFiles, base_offset: int, args: Namespace) -> Iterator[str]:
    path = files.path(base_offset)
    end_offset = base_offset
    with mapped(path) as data:
        for info, position, reason in batches(data, base_offset):
            if info is None:
                if reason is not None:
                    yield f"{path}: at byte {position}, offset {end_offset}: {reason}"
                return
            end_offset = info.end_offset
            if end_offset <= args.start:
                continue
            if args.records:
                batch = memoryview(bytes(data[position : position + info.size]))
                yield from _records(files, batch, info, args.start)
            else:
                yield batch_line(info, position)


def _records(
    files: PartitionFiles, batch: memoryview, info: BatchInfo, start: int
) -> Iterator[str]:
    """The records of one batch as consumers see them; none of a control batch."""
    from bus.client.batch import Batch
    from bus.client.decode import open_chunk
    from bus.client.inbox import Chunk

    topic, _, partition = files.title.rpartition("/")
    place = TopicPartition(topic or files.title, int(partition) if partition.isdecimal() else -1)
    chunk = Chunk(place, 0, batch, start, info.end_offset, -1)
    rows = open_chunk(chunk, check_crcs=False)
    for record in Batch(rows, 0, len(rows)):
        line = as_json(*place, record.offset, record.timestamp, record.key, record.value)
        yield line.decode().rstrip()


def batches(
    data: memoryview, base_offset: int
) -> Iterator[tuple[BatchInfo | None, int, str | None]]:
    """(batch, its position, None) each; at last (None, position, why it ends or None)."""
    position, offset, epoch = 0, base_offset, -1
    while True:
        scan = segment.scan(
            data,
            position,
            offset,
            epoch,
            contiguous=False,
            collect=True,
            batches_max=BATCHES_AT_ONCE,
        )
        for header in scan.headers:
            info = BatchInfo(*header)
            yield info, position, None
            position += info.size
        offset, epoch = scan.end_offset, scan.leader_epoch
        if scan.count < BATCHES_AT_ONCE:
            yield None, scan.position, scan.reason
            return


def batch_line(info: BatchInfo, position: int) -> str:
    """One batch for people."""
    words = [
        f"  offsets {info.base_offset} to {info.end_offset - 1}",
        f"at byte {position}",
        f"size {info.size}",
        f"epoch {info.leader_epoch}",
        f"{CODECS[info.compression] if info.compression < len(CODECS) else info.compression}",
        f"{'appended' if info.attributes & TIMESTAMP_TYPE_FLAG else 'until'} "
        f"{time_text(info.max_timestamp)}",
    ]
    if info.producer_id != NO_PRODUCER_ID:
        words.append(f"producer {info.producer_id}/{info.producer_epoch} {info.base_sequence}")
    if info.is_control:
        words.append("control")
    return ", ".join(words)


def time_text(timestamp_ms: int) -> str:
    """ISO 8601, or the number where there is no such date."""
    try:
        moment = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return str(timestamp_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
