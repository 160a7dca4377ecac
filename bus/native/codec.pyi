"""Message tables made executable: what the bounded decoder and the encoder interpret."""

from collections.abc import Callable
from typing import TypeAlias

_Row: TypeAlias = tuple[
    str,  # attribute
    str,  # its kind: "int16", "string", ..., or "absent" at this version
    "Program | str | None",  # the struct, or what an array holds
    bool,  # may be null
    int,  # tag; -1 if untagged
    object,  # default
    Callable[[], object] | None,  # makes the default instead
]

class Program:
    """One struct at one version, ready to run."""

    table: type  # the dataclass
    size_min: int  # fewest bytes it takes
    depth: int  # structs within structs, itself included
    compact: bool

    def __init__(self, table: type, compact: bool, rows: tuple[_Row, ...]) -> None:
        """Rows in wire order, tagged ones by ascending tag; `table` has a slot for each."""
