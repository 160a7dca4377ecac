"""What etcd's JSON is made of: objects, lists, numbers, bytes; each checked, by its name.

Whatever a peer sends that is not of this form is a FrameError.
"""

import base64
import binascii
import json
from typing import TypeAlias

from bus.adapters.etcd.messages import Header
from bus.errors import FrameError

Json: TypeAlias = dict[str, "object"]

SAID_LENGTH_MAX = 200  # characters of an error of etcd's that are quoted
INT_MAX = 2**64 - 1  # ids are unsigned
REVISION_MAX = 2**63 - 1


def object_of(body: bytes) -> Json:
    """A JSON object. Raises FrameError."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise FrameError("What came is not JSON.") from None
    if not isinstance(content, dict):
        raise FrameError("What came is not a JSON object.")
    return content


def within(content: object, name: str) -> Json:
    """The object of this name."""
    found = content.get(name) if isinstance(content, dict) else None
    if not isinstance(found, dict):
        raise FrameError(f"The answer has no {name!r}.")
    return found


def list_of(content: Json, name: str) -> list[object]:
    """A list, empty if it is left out."""
    found = content.get(name, [])
    if not isinstance(found, list):
        raise FrameError(f"In the answer {name!r} is not a list.")
    return found


def int_of(content: Json, name: str, most: int = INT_MAX) -> int:
    """A number of 64 bits in text, 0 if it is left out."""
    found = content.get(name, "0")
    is_number = isinstance(found, str) and found.isascii() and found.isdecimal()
    if not isinstance(found, str) or not is_number or len(found) > 20 or int(found) > most:
        raise FrameError(f"In the answer {name!r} is not a number.")
    return int(found)


def flag_of(content: Json, name: str) -> bool:
    """True or false, false if it is left out."""
    found = content.get(name, False)
    if not isinstance(found, bool):
        raise FrameError(f"In the answer {name!r} is neither true nor false.")
    return found


def bytes_of(content: Json, name: str) -> bytes:
    """Bytes in base64, none if they are left out."""
    found = content.get(name, "")
    if not isinstance(found, str):
        raise FrameError(f"In the answer {name!r} is not a string.")
    try:
        return base64.b64decode(found, validate=True)
    except (binascii.Error, ValueError):
        raise FrameError(f"In the answer {name!r} is not base64.") from None


def texts_of(content: Json, name: str) -> tuple[str, ...]:
    """Strings, none if they are left out."""
    found = list_of(content, name)
    if not all(isinstance(text, str) for text in found):
        raise FrameError(f"In the answer {name!r} are not strings.")
    return tuple(str(text) for text in found)


def said_of(found: object) -> str:
    """What etcd says, if it is text."""
    return quoted(found) if isinstance(found, str) else quoted("")


def quoted(text: str) -> str:
    """What a peer said, fit for a sentence of ours."""
    shown = "".join(c if c.isprintable() else " " for c in text.strip()[:SAID_LENGTH_MAX])
    return shown.rstrip(" .") or "nothing"


def header_of(content: Json) -> Header:
    """The header of an answer."""
    header = within(content, "header")
    return Header(int_of(header, "cluster_id"), int_of(header, "revision", REVISION_MAX))
