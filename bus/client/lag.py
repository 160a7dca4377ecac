"""How far a reader is behind the end of what is committed, in records and in seconds."""

from dataclasses import dataclass

from bus.client.reading import Reading
from bus.model.ids import TopicPartition


@dataclass(frozen=True, slots=True)
class Lag:
    """Of one partition; None is what is not known before something was fetched."""

    records: int | None  # from the reader's position to the end, as last heard of
    seconds: float | None  # age of the next record; 0 if there is none


def lag_of(reading: Reading, wall_ms: int) -> dict[TopicPartition, Lag]:
    """Of every partition that is read."""
    found = {}
    for partition, place in list(reading.places.items()):
        end, position = reading.end(place), reading.position(place)
        records = max(end - position, 0) if end >= 0 and position >= 0 else None
        seconds = 0.0 if records == 0 else None
        timestamp = reading.next_timestamp(place)
        if timestamp is not None:
            seconds = max(wall_ms - timestamp, 0) / 1000
        found[partition] = Lag(records, seconds)
    return found
