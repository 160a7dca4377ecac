"""A broker's settings from flags, environment and a TOML file: the first that names one wins.

file          [log.retention] / ms = 1000, or "log.retention.ms" = 1000: tables are flattened
environment   BUSD_LOG_RETENTION_MS=1000
flag          --set log.retention.ms=1000, or a flag of its own as --data

A bad value is an error even where a stronger source hides it, and says where it stands.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from bus.errors import BadSetting
from bus.model.settings import BrokerSettings, Value, broker_settings, parse_broker_settings

PREFIX = "BUSD_"
CONFIG_VARIABLE = "BUSD_CONFIG"  # names the file
SERVER_VARIABLE = "BUSD_SERVER"  # where the other commands connect
_OTHERS = {CONFIG_VARIABLE, SERVER_VARIABLE, "BUSD_VENV"}
# Kubernetes describes a service named "busd" to every container so: they are no settings.
_SERVICE_LINKS = ("BUSD_SERVICE_", "BUSD_PORT")


def load(
    flags: Mapping[str, object], environment: Mapping[str, str], file: str | None = None
) -> BrokerSettings:
    """The settings of all sources together. Raises BadSetting, or OSError for the file."""
    path = file or environment.get(CONFIG_VARIABLE)
    values: dict[str, Value] = {}
    if path:
        values |= _from_file(path)
    values |= _from_environment(environment)
    values |= parse_broker_settings(flags)
    return broker_settings(values)


def _from_file(path: str) -> dict[str, Value]:
    import tomllib

    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path} is not TOML: {error}.") from None
    try:
        return parse_broker_settings(dict(flattened(tables)))
    except BadSetting as error:
        raise BadSetting(f"{path}: {error}") from None


def flattened(tables: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Nested tables as (dotted name, value) pairs."""
    for name, value in tables.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _from_environment(environment: Mapping[str, str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable in _OTHERS:
            continue
        if variable.startswith(_SERVICE_LINKS):
            continue
        try:
            values |= parse_broker_settings({variable.removeprefix(PREFIX).lower(): text})
        except BadSetting as error:
            raise BadSetting(f"{variable} in the environment: {error}") from None
    return values
