"""Message tables: how a dataclass says its wire form, and how that becomes a codec program.

One table is one class: a dataclass by the decorator `table`, whose attributes are declared, in wire
order, by the functions below. Each carries its wire type, the versions that have it, the versions
that may hold null, its tag and its default.

    @table
    class FetchTopic:
        topic: str = string(until=13)
        topic_id: UUID = uuid(since=13)
        partitions: list[FetchPartition] = array(FetchPartition)

A field that a version does not have is not written, and is read as its default. Versions are
half-open: `until` is the first version without the field. A tagged field is written only if it
differs from its default; a tagged struct is None when it is absent.

Invariant: a program is compiled once for each (class, version, flexible, extensions).
"""

from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from typing import (
    Any,
    Literal,
    TypeAlias,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    dataclass_transform,
    overload,
)
from uuid import UUID

from bus.model.batch import Buffer
from bus.model.ids import NO_TOPIC_ID
from bus.native.codec import Program

T = TypeVar("T")

Kind: TypeAlias = Literal[
    "absent",
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint16",
    "uint32",
    "float64",
    "uuid",
    "string",
    "bytes",
    "records",
    "array",
    "struct",
]
Row: TypeAlias = tuple[
    str, Kind, Program | Kind | None, bool, int, object, Callable[[], object] | None
]  # as `Program` takes it: attribute, kind, element, nullable, tag, default, factory

EVER = 1 << 15  # beyond every version
EXTENSION_TAG_MIN = 10_000  # tags from here on are ours (bus/wire/extensions.py)


class Message:
    """The body of a request or a response."""

    __slots__ = ()


class Versions(TypedDict, total=False):
    """Where a field exists."""

    since: int  # the first version that has it
    until: int  # the first version that no longer has it
    tag: int  # it stands in the tag section, under this number


@dataclass(frozen=True, slots=True)
class Wire:
    """A field's wire form, kept in its dataclass metadata."""

    kind: Kind
    element: type | Kind | None = None
    nullable: int = EVER  # the first version that may hold null
    since: int = 0
    until: int = EVER
    tag: int = -1

    def exists(self, version: int, flexible: bool, extensions: bool) -> bool:
        """Does this version of the message carry it?"""
        if self.tag >= 0 and not flexible:
            return False
        if self.tag >= EXTENSION_TAG_MIN and not extensions:
            return False
        return self.since <= version < self.until


def _declare(
    wire: Wire, default: object = None, factory: Callable[[], object] | None = None
) -> Any:  # a Field at run time, the attribute's type to a type checker
    metadata = {"wire": wire}
    shown = wire.kind != "records"
    if factory is not None:
        return field(default_factory=factory, metadata=metadata, repr=shown)
    return field(default=default, metadata=metadata, repr=shown)


def boolean(default: bool = False, **versions: Unpack[Versions]) -> bool:
    """One byte."""
    return cast(bool, _declare(Wire("bool", **versions), default))


def int8(default: int = 0, **versions: Unpack[Versions]) -> int:
    """Signed, one byte."""
    return cast(int, _declare(Wire("int8", **versions), default))


def int16(default: int = 0, **versions: Unpack[Versions]) -> int:
    """Signed, two bytes, big endian."""
    return cast(int, _declare(Wire("int16", **versions), default))


def int32(default: int = 0, **versions: Unpack[Versions]) -> int:
    """Signed, four bytes, big endian."""
    return cast(int, _declare(Wire("int32", **versions), default))


def int64(default: int = 0, **versions: Unpack[Versions]) -> int:
    """Signed, eight bytes, big endian."""
    return cast(int, _declare(Wire("int64", **versions), default))


def uint16(default: int = 0, **versions: Unpack[Versions]) -> int:
    """Two bytes, big endian."""
    return cast(int, _declare(Wire("uint16", **versions), default))


def float64(default: float = 0.0, **versions: Unpack[Versions]) -> float:
    """IEEE 754, eight bytes, big endian."""
    return cast(float, _declare(Wire("float64", **versions), default))


def uuid(**versions: Unpack[Versions]) -> UUID:
    """Sixteen bytes; all zero by default."""
    return cast(UUID, _declare(Wire("uuid", **versions), NO_TOPIC_ID))


def string(default: str = "", **versions: Unpack[Versions]) -> str:
    """UTF-8 with its length."""
    return cast(str, _declare(Wire("string", **versions), default))


def nullable_string(
    default: str | None = None, *, nullable: int = 0, **versions: Unpack[Versions]
) -> str | None:
    """A string, or from version `nullable` on perhaps none."""
    return cast("str | None", _declare(Wire("string", None, nullable, **versions), default))


def binary(default: bytes = b"", **versions: Unpack[Versions]) -> bytes:
    """Bytes with their length, copied."""
    return cast(bytes, _declare(Wire("bytes", **versions), default))


def nullable_binary(
    default: bytes | None = None, *, nullable: int = 0, **versions: Unpack[Versions]
) -> bytes | None:
    """Bytes, or from version `nullable` on perhaps none."""
    return cast("bytes | None", _declare(Wire("bytes", None, nullable, **versions), default))


def records(**versions: Unpack[Versions]) -> Buffer | None:
    """Record batches: never copied, and over ZeroMQ in a frame of their own."""
    return cast("Buffer | None", _declare(Wire("records", None, 0, **versions)))


def optional(of: type[T], **versions: Unpack[Versions]) -> T | None:
    """A struct that may be absent: under a tag, or else with a byte that says so."""
    nullable = EVER if "tag" in versions else 0
    return cast("T | None", _declare(Wire("struct", of, nullable, **versions)))


@overload
def array(of: Literal["int32", "int64"], **versions: Unpack[Versions]) -> list[int]: ...
@overload
def array(of: Literal["string"], **versions: Unpack[Versions]) -> list[str]: ...
@overload
def array(of: Literal["uuid"], **versions: Unpack[Versions]) -> list[UUID]: ...
@overload
def array(of: type[T], **versions: Unpack[Versions]) -> list[T]: ...
def array(of: type | Kind, **versions: Unpack[Versions]) -> object:
    """Elements with their count."""
    return _declare(Wire("array", of, **versions), factory=list)


@overload
def nullable_array(
    of: Literal["int32"], *, nullable: int = 0, empty: bool = False, **versions: Unpack[Versions]
) -> list[int] | None: ...
@overload
def nullable_array(
    of: Literal["string"], *, nullable: int = 0, empty: bool = False, **versions: Unpack[Versions]
) -> list[str] | None: ...
@overload
def nullable_array(
    of: type[T], *, nullable: int = 0, empty: bool = False, **versions: Unpack[Versions]
) -> list[T] | None: ...
def nullable_array(
    of: type | Kind, *, nullable: int = 0, empty: bool = False, **versions: Unpack[Versions]
) -> object:
    """An array, or from version `nullable` on perhaps none, which is not the same as empty.

    None by default, or with `empty` the empty list.
    """
    return _declare(Wire("array", of, nullable, **versions), factory=list if empty else None)


@dataclass_transform()
def table(declared: type[T]) -> type[T]:
    """A dataclass with slots; comparing and showing are written once.

    To compile two functions for each of 160 classes took a tenth of the time until busd is ready.
    """
    made = dataclass(slots=True, eq=False, repr=False)(declared)
    for name, value in (("__eq__", _equal), ("__repr__", _shown), ("__hash__", None)):
        setattr(made, name, value)
    return made


def _equal(one: object, other: object) -> bool:
    return type(other) is type(one) and _values(one) == _values(other)


def _values(message: Any) -> tuple[object, ...]:
    return tuple(getattr(message, name) for name in message.__match_args__)


def _shown(message: Any) -> str:
    shown = (
        f"{each.name}={getattr(message, each.name)!r}" for each in fields(message) if each.repr
    )
    return f"{type(message).__qualname__}({', '.join(shown)})"


def wire_of(declared: "Field[Any]") -> Wire:
    """What one dataclass field says of its wire form."""
    return cast(Wire, declared.metadata["wire"])


_programs: dict[tuple[type, int, bool, bool], Program] = {}


def program(table: type, version: int, flexible: bool, extensions: bool = False) -> Program:
    """The table of one class at one version, compiled on first use."""
    key = (table, version, flexible, extensions)
    found = _programs.get(key)
    if found is None:
        rows = [_row(declared, key) for declared in fields(table)]
        rows.sort(key=_tag)  # stable: untagged ones keep their wire order
        found = _programs[key] = Program(table, flexible, tuple(rows))
    return found


def _tag(row: Row) -> int:
    return row[4]


def _row(declared: "Field[Any]", key: tuple[type, int, bool, bool]) -> Row:
    _, version, flexible, extensions = key
    wire = wire_of(declared)
    element: Program | Kind | None = None
    if isinstance(wire.element, type):
        if wire.exists(version, flexible, extensions):
            element = program(wire.element, version, flexible, extensions)
    else:
        element = wire.element
    factory = declared.default_factory if callable(declared.default_factory) else None
    default = None if factory else declared.default
    kind: Kind = wire.kind if wire.exists(version, flexible, extensions) else "absent"
    return (declared.name, kind, element, version >= wire.nullable, wire.tag, default, factory)
