"""What a broker was told, made into its settings, judged as a whole, and told as text again."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from bus.errors import BadSetting
from bus.model.broker_settings import BROKER_SETTINGS, BrokerSettings
from bus.model.endpoint import is_loopback, join_host_port
from bus.model.group_settings import GROUP_SETTINGS
from bus.model.listeners import listeners
from bus.model.setting import Value, as_text, parse_all
from bus.model.topic_settings import BROKER_NAMES, over_defaults, topic_config

_TOPIC_NAMES = {broker_name: name for name, broker_name in BROKER_NAMES.items()}


def parse_broker_settings(given: Mapping[str, object]) -> dict[str, Value]:
    """Typed values by canonical name, of what was given. Raises BadSetting with a sentence."""
    return parse_all(BROKER_SETTINGS, given, BadSetting, keywords=True)


def broker_settings(
    given: Mapping[str, object], defaults: BrokerSettings | None = None
) -> BrokerSettings:
    """`given` (text or typed, dots or underscores) over `defaults`, checked as a whole.

    Raises BadSetting: unknown, malformed, out of bounds, or unsafe in combination.
    """
    values = parse_broker_settings(given)
    base = defaults or BrokerSettings()
    kept: dict[str, Any] = {}
    topic: dict[str, Value] = {}
    group: dict[str, Any] = {}
    for name, value in values.items():
        if name in _TOPIC_NAMES:
            topic[_TOPIC_NAMES[name]] = value
        elif name in GROUP_SETTINGS and not GROUP_SETTINGS[name].fixed_because:
            group[GROUP_SETTINGS[name].attribute] = value
        elif not BROKER_SETTINGS[name].fixed_because:
            kept[BROKER_SETTINGS[name].attribute] = value
    made = dataclasses.replace(
        base,
        topic=over_defaults(topic, base.topic),
        group=dataclasses.replace(base.group, **group),
        **kept,
    )
    _check_whole(made)
    return made


def broker_config(settings: BrokerSettings) -> dict[str, str]:
    """Every setting of a broker as text by name, fixed ones included: for DescribeConfigs."""
    topic = topic_config(settings.topic)
    return {
        name: topic[_TOPIC_NAMES[name]]
        if name in _TOPIC_NAMES
        else as_text(
            getattr(
                settings.group if name in GROUP_SETTINGS else settings,
                entry.attribute,
                entry.default,
            )
        )
        for name, entry in BROKER_SETTINGS.items()
    }


def _check_whole(settings: BrokerSettings) -> None:
    """What spans several settings."""
    directories = settings.data_directories
    if "" in directories:
        raise BadSetting("The setting data is empty, or one of its parts is. Name a directory.")
    if len({path.rstrip("/") for path in directories}) < len(directories):
        raise BadSetting(f"The setting data names a directory twice: {settings.data}.")
    _check_reach(settings)
    if settings.client_credit_bytes > settings.client_in_flight_max_bytes:
        raise BadSetting(
            f"The setting client.credit.bytes is {settings.client_credit_bytes}. It must not be "
            f"above client.in.flight.max.bytes, which is {settings.client_in_flight_max_bytes}."
        )
    if settings.group.group_min_session_timeout_ms > settings.group.group_max_session_timeout_ms:
        raise BadSetting(
            "The setting group.min.session.timeout.ms is "
            f"{settings.group.group_min_session_timeout_ms}. It must not be above "
            f"group.max.session.timeout.ms, which is {settings.group.group_max_session_timeout_ms}."
        )
    _check_cluster(settings)


def _check_cluster(settings: BrokerSettings) -> None:
    """A broker that is alone has one copy of everything."""
    if settings.cluster:
        return
    for name in ("etcd", "bootstrap", "join"):
        if getattr(settings, name):
            raise BadSetting(
                f"The setting {name} is of use in a cluster only; name the cluster by --cluster."
            )
    if settings.default_replication_factor > 1:
        raise BadSetting(
            "The setting default.replication.factor cannot be "
            f"{settings.default_replication_factor}: this broker is alone."
        )
    if settings.topic.min_insync_replicas > 1:
        raise BadSetting(
            f"The setting min.insync.replicas cannot be {settings.topic.min_insync_replicas}: "
            "default.replication.factor is 1, so that no write would succeed."
        )


def _check_reach(settings: BrokerSettings) -> None:
    """Nothing is open beyond this machine unless that is said by name."""
    if settings.http and not settings.insecure and not is_loopback(settings.http):
        raise BadSetting(
            f"The setting http cannot be {settings.http!r}: it would be readable beyond this "
            "machine. Bind it to 127.0.0.1, or set insecure=true."
        )
    bound = listeners(settings.kafka)
    for name, (host, port) in bound.items():
        if not settings.insecure and not is_loopback(join_host_port(host, port)):
            raise BadSetting(
                f"The setting kafka cannot be {settings.kafka!r}: anyone beyond this machine could "
                f"read and write by the listener {name}. Bind it to 127.0.0.1, or set "
                "insecure=true."
            )
    for name, (_, port) in listeners(settings.advertised_listeners).items():
        if name not in bound or port == 0:
            raise BadSetting(
                f"The setting advertised.listeners cannot be {settings.advertised_listeners!r}: "
                f"{name} is not one of the listeners of the setting kafka, or its port is missing."
            )
