"""The engine of all settings: one declaration each, checked the same way wherever it comes from.

A settings class is a frozen dataclass whose fields are declared with `setting(...)`: the field
carries default, bounds, unit and documentation, and its name is the attribute's with dots
(`segment_bytes` is `segment.bytes`). A name of Kafka whose promise we do not keep stands in a
table of `fixed(...)` settings and is refused unless the value given equals what we do.

Values come as text (flags, environment, wire) or typed (TOML, keywords); both are parsed by
`Setting.parse`, and whoever parses says which error a bad one is.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from bus.errors import BusError

Value = bool | int | str
T = TypeVar("T", bound=Value)

_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: what it is called, what it may be, and what it means."""

    name: str  # Kafka's where Kafka has one
    default: Value
    doc: str  # one or two sentences
    unit: str = ""  # "ms", "bytes", ...; for people
    low: int | None = None  # both bounds are allowed values
    high: int | None = None
    choices: tuple[str, ...] = ()
    check: Callable[[str], str | None] | None = None  # of text: what is wrong with it, or None
    other_names: tuple[str, ...] = ()  # also accepted, with the same meaning
    is_list: bool = False  # its value may be several, with commas
    fixed_because: str = ""  # not empty: no other value than the default is accepted

    @property
    def attribute(self) -> str:
        """The name as a Python attribute or keyword."""
        return self.name.replace(".", "_")

    @property
    def kind(self) -> str:
        """ "bool", "int", "choice" or "text"."""
        if isinstance(self.default, bool):
            return "bool"
        if isinstance(self.default, int):
            return "int"
        return "choice" if self.choices else "text"

    @property
    def allowed(self) -> str:
        """What is accepted, as the end of a sentence that begins with "It must be"."""
        if self.kind == "bool":
            return "true or false"
        if self.kind == "choice":
            return " or ".join(self.choices)
        if self.kind == "text":
            return "text"
        unit = f" {self.unit}" if self.unit else ""
        if self.low is None and self.high is None:
            return f"a whole number{unit and ' of'}{unit}"
        if self.high is None:
            return f"at least {self.low}{unit}"
        if self.low is None:
            return f"at most {self.high}{unit}"
        return f"between {self.low} and {self.high}{unit}"

    def parse(self, given: object, error: type[BusError]) -> Value:
        """The typed value. Raises `error` with a sentence naming setting, value and bounds."""
        value = self._convert(given)
        if self.fixed_because and value != self.default:
            accepted = f"Only {shown(self.default)} is accepted." if self.default != "" else ""
            raise error(
                f"The setting {self.name} cannot be {shown(given)}: {self.fixed_because}. "
                + (accepted or "Leave it out.")
            )
        if value is None or not self._within(value):
            raise error(
                f"The setting {self.name} cannot be {shown(given)}. It must be {self.allowed}."
            )
        if self.check and isinstance(value, str) and (wrong := self.check(value)):
            raise error(f"The setting {self.name} cannot be {shown(given)}: {wrong}.")
        return value

    def _convert(self, given: object) -> Value | None:
        if self.kind == "bool":
            return given if isinstance(given, bool) else _TRUTH.get(str(given).strip().lower())
        if self.kind == "int":
            return _whole(given)
        if isinstance(given, list):
            return ",".join(map(str, given))
        return str(given).strip()

    def _within(self, value: Value) -> bool:
        if isinstance(value, str):
            return not self.choices or value in self.choices
        low_kept = self.low is None or value >= self.low
        return low_kept and (self.high is None or value <= self.high)


def _whole(given: object) -> int | None:
    if isinstance(given, bool) or not isinstance(given, int | str):
        return None
    text = str(given).strip().replace("_", "")
    return int(text) if len(text) <= 20 and text.lstrip("+-").isdecimal() else None


def setting(
    default: T,
    doc: str,
    *,
    unit: str = "",
    low: int | None = None,
    high: int | None = None,
    choices: tuple[str, ...] = (),
    check: Callable[[str], str | None] | None = None,
    other_names: tuple[str, ...] = (),
    is_list: bool = False,
) -> T:
    """Declare a field of a settings class."""
    declared = Setting("", default, doc, unit, low, high, choices, check, other_names, is_list)
    field: T = dataclasses.field(default=default, metadata={"setting": declared})
    return field


def fixed(name: str, value: Value, because: str, doc: str) -> Setting:
    """A name of Kafka's that is accepted only with the value that says what we do anyway."""
    return Setting(name, value, doc, fixed_because=because)


def table(settings_class: type, *more: Setting) -> dict[str, Setting]:
    """Name to setting: the fields of a settings class in order, then the others."""
    declared = [
        dataclasses.replace(field.metadata["setting"], name=field.name.replace("_", "."))
        for field in dataclasses.fields(settings_class)
        if "setting" in field.metadata
    ]
    by_name = {entry.name: entry for entry in [*declared, *more]}
    assert len(by_name) == len(declared) + len(more), "two settings share a name"
    return by_name


def parse_all(
    settings: Mapping[str, Setting],
    given: Mapping[str, object],
    error: type[BusError],
    *,
    keywords: bool = False,
) -> dict[str, Value]:
    """Typed values by canonical name, of what was given and no more.

    With `keywords` a name may also be spelt with underscores. Raises `error` for an unknown
    name (naming the nearest known one), a bad value, or a setting given twice.
    """
    parsed: dict[str, Value] = {}
    for spelling, value in given.items():
        entry = find(settings, spelling.replace("_", ".") if keywords else spelling)
        if entry is None:
            raise error(unknown_name(spelling, settings))
        if entry.name in parsed:
            raise error(f"The setting {entry.name} is given twice, under two of its names.")
        parsed[entry.name] = entry.parse(value, error)
    return parsed


def find(settings: Mapping[str, Setting], name: str) -> Setting | None:
    """The setting under one of its names, or None."""
    if name in settings:
        return settings[name]
    return next((entry for entry in settings.values() if name in entry.other_names), None)


def unknown_name(spelling: str, known: Iterable[str], what: str = "setting") -> str:
    """A sentence for a name that nothing has, with the nearest known one."""
    from difflib import get_close_matches

    near = get_close_matches(spelling.replace("_", "."), list(known), n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"There is no {what} {spelling}.{hint}"


def shown(value: object) -> str:
    """A value as it is written in a file, shortened: for sentences and tables."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "...")


def as_text(value: Value) -> str:
    """A value as it travels on the wire and stands in the environment."""
    return str(value).lower() if isinstance(value, bool) else str(value)
