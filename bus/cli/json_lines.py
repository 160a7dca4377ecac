"""A record as one line of JSON."""

import json
from base64 import b64encode

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def as_json(
    topic: str, partition: int, offset: int, timestamp: int, key: bytes | None, value: bytes | None
) -> bytes:
    """One record as a line; what is not UTF-8 stands under `key_base64` or `value_base64`."""
    fields: dict[str, object] = {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "timestamp": timestamp,
    }
    for name, data in (("key", key), ("value", value)):
        try:
            fields[name] = None if data is None else data.decode()
        except UnicodeDecodeError:
            fields[f"{name}_base64"] = b64encode(data or b"").decode()
    return _encode(fields).encode() + b"\n"
