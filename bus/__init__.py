"""A durable, partitioned message bus: embedded, as the daemon `busd`, and for its clients.

    import bus

    with bus.Broker("data/") as broker:
        broker.producer().send("flights", b"value").result(5)

`bus.Producer`, `bus.Consumer` and `bus.Admin` talk to a server by its address; `bus.Broker` is
the whole log inside this process. `bus.aio` has the same names as coroutines.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bus.client.admin import Admin as Admin
    from bus.client.consumer import Consumer as Consumer
    from bus.client.delivery import Deliveries as Deliveries
    from bus.client.producer import Producer as Producer
    from bus.embedded import Broker as Broker
    from bus.errors import BusError as BusError
    from bus.native.builder import Delivery as Delivery

_HOMES = {
    "Admin": "bus.client.admin",
    "Broker": "bus.embedded",
    "BusError": "bus.errors",
    "Consumer": "bus.client.consumer",
    "Deliveries": "bus.client.delivery",
    "Delivery": "bus.native.builder",
    "Producer": "bus.client.producer",
}

__all__ = ["Admin", "Broker", "BusError", "Consumer", "Deliveries", "Delivery", "Producer"]


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: the daemon starts without the client."""
    import importlib

    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'bus' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value
