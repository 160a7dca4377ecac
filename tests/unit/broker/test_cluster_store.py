"""What a member of a cluster is refused before anything of it is opened."""

import pytest

from bus.broker.cluster_store import check_listeners
from bus.errors import BadSetting
from bus.model.broker_settings import BrokerSettings


@pytest.mark.parametrize("host", ["0.0.0.0", "*", "[::]"])
def test_a_listener_on_every_address_needs_one_that_is_told(host: str) -> None:
    with pytest.raises(BadSetting, match=r"advertised\.listeners=OUT=HOST:9092"):
        check_listeners(BrokerSettings(kafka=f"OUT={host}:9092"))


def test_one_that_is_told_or_has_an_address_is_well() -> None:
    told = "OUT=b1.example.org:9092"
    check_listeners(BrokerSettings(kafka="OUT=0.0.0.0:9092", advertised_listeners=told))
    check_listeners(BrokerSettings(kafka="127.0.0.1:9092"))
