"""A setting that nobody reads is a promise that nobody keeps."""

import dataclasses
import re
from pathlib import Path

import pytest

from bus.model.broker_settings import BrokerSettings
from bus.model.group_settings import GroupSettings
from bus.model.topic_settings import TopicSettings

ROOT = Path(__file__).parents[2] / "bus"
SOURCES = [path.read_text() for path in sorted(ROOT.rglob("*.py"))]
READ = {word for text in SOURCES for word in re.findall(r"\.([a-z_0-9]+)\b", text)}
TABLES = (BrokerSettings, GroupSettings, TopicSettings)


@pytest.mark.parametrize(
    "name", [field.name for table in TABLES for field in dataclasses.fields(table)]
)
def test_every_setting_is_read(name: str) -> None:
    assert name in READ, f"the setting {name} changes nothing"
