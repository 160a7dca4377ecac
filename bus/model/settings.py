"""All settings in one place: the tables, the two settings classes, and what makes them."""

from bus.model.broker_config import broker_config, broker_settings, parse_broker_settings
from bus.model.broker_settings import BROKER_SETTINGS, BrokerSettings
from bus.model.setting import Setting, Value
from bus.model.topic_settings import (
    CREATE_TIME,
    FLUSH_GROUP,
    FLUSH_OS,
    LOG_APPEND_TIME,
    TOPIC_SETTINGS,
    TopicSettings,
    check_replication,
    topic_config,
    topic_settings,
)

__all__ = [
    "BROKER_SETTINGS",
    "CREATE_TIME",
    "FLUSH_GROUP",
    "FLUSH_OS",
    "LOG_APPEND_TIME",
    "TOPIC_SETTINGS",
    "BrokerSettings",
    "Setting",
    "TopicSettings",
    "Value",
    "broker_config",
    "broker_settings",
    "check_replication",
    "parse_broker_settings",
    "topic_config",
    "topic_settings",
]
