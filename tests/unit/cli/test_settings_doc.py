"""The page of settings."""

from pathlib import Path

from bus.cli.settings_doc import as_text_table, page
from bus.model.settings import BROKER_SETTINGS, TOPIC_SETTINGS

ROOT = Path(__file__).parents[3]


def test_the_page_in_docs_is_what_the_tables_say() -> None:
    assert (ROOT / "docs/settings.md").read_text() == page(), "busd settings > docs/settings.md"


def test_every_setting_is_on_the_page() -> None:
    text = page()
    assert all(f"`{name}`" in text for name in BROKER_SETTINGS.keys() | TOPIC_SETTINGS.keys())


def test_every_changeable_setting_is_in_the_help() -> None:
    text = as_text_table()
    changeable = [name for name, entry in BROKER_SETTINGS.items() if not entry.fixed_because]
    assert all(f"  {name} " in text for name in changeable)
