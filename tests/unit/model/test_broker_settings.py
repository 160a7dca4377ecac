"""The table of a broker's settings."""

from bus.model.broker_settings import BROKER_SETTINGS, BrokerSettings


def test_the_table_holds_the_defaults_of_the_class() -> None:
    defaults = BrokerSettings()
    for entry in BROKER_SETTINGS.values():
        if hasattr(defaults, entry.attribute):
            assert getattr(defaults, entry.attribute) == entry.default
