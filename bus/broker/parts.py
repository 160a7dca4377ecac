"""What a node has that its part in a cluster works with."""

from collections.abc import Callable
from dataclasses import dataclass

from bus.broker.cold_loads import Pool
from bus.broker.hosting import SettingsOf
from bus.broker.metadata import Metadata
from bus.broker.mirror import Mirror
from bus.broker.partition import Partition
from bus.broker.roles import Roles
from bus.broker.runtime import Runtime
from bus.broker.stores import Stores
from bus.control.policy import BY_ITSELF, Policy
from bus.model.keys import Keys
from bus.ports import Clock, Coordination, Later


@dataclass(frozen=True, slots=True)
class Parts:
    """All on one event loop's thread."""

    me: int
    keys: Keys
    coordination: Coordination
    mirror: Mirror
    metadata: Metadata
    runtime: Runtime
    roles: Roles
    stores: Stores
    clock: Clock
    later: Later
    pool: Pool
    new_session_id: Callable[[], int]
    settings_of: SettingsOf
    on_committed: Callable[[Partition], None]
    on_deleted: Callable[[str], None]
    policy: Policy = BY_ITSELF
