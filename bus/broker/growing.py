"""A single node becomes the first broker of a cluster: what its start does before all else (S1a).

Its file `metadata`                       What is done
-------------------                       ------------
is empty, or names no topics              nothing comes along
names topics                              noted that they go to this cluster; copied (moving.py);
                                            noted that they have gone
says that they go to this cluster         the copy goes on: that start broke off
says that they have gone there            nothing: the cluster knows all of it
says another cluster's name               the start is refused; without a cluster, too

So no two metadata ever count for one directory. A single node begins an epoch with each start and
tells nobody; a record would be old news to the log. So each goes along with the last epoch that its
log has seen, and without a leader: whoever controls has it led in the next one (R8).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from bus.broker.directories import Directories
from bus.broker.gone import Gone, check_not_gone
from bus.broker.mirror import Mirror, Outcome
from bus.broker.moving import Moving
from bus.broker.stores import Stores
from bus.errors import BadSetting, BusError, StorageError
from bus.model.cluster import NO_LEADER, PartitionImage
from bus.model.ids import PartitionId
from bus.model.keys import LOCAL_CLUSTER, Keys, Kind
from bus.model.limits import LEADER_EPOCH_MAX
from bus.model.store_errors import StoreRefused
from bus.model.stored import group_from_bytes, group_to_bytes
from bus.ports import Coordination, Entry, Write, revision_of

Done = Callable[[BusError | None], None]


class Growing:
    """Of one start; on the event loop's thread. The single node's store answers within the call."""

    def __init__(
        self,
        single: Coordination,
        store: Coordination,
        keys: Keys,
        cluster: str,
        stores: Stores,
        node_id: int,
    ) -> None:
        self.keys = Keys(LOCAL_CLUSTER)  # of the single node
        self.single = Mirror(single, self.keys.root)
        self.directories = Directories(self.single, self.keys, node_id)
        self._store = store
        self._target = keys
        self._cluster = cluster
        self._stores = stores
        self._node_id = node_id

    def is_due(self) -> bool:
        """Are there topics to take along? Raises BusError if they cannot be."""
        gone = check_not_gone(self.single, self.keys, self._cluster)
        if gone is not None and gone.is_whole:
            return False
        if not self.single.under(self.keys.prefix(Kind.TOPIC)):
            return False
        others = {b for image in self._images().values() for b in image.replicas} - {self._node_id}
        if others:
            raise BadSetting(
                f"The topics of this data directory are those of node {min(others)}: start it "
                f"with --node-id {min(others)}."
            )
        return True

    def begin(self, done: Done) -> None:
        """Take them along; the logs are open."""

        def noted(error: BusError | None) -> None:
            if error is not None:
                done(error)
            else:
                Moving(self._entries(), self.keys, self._store, self._target, moved)

        def moved(error: BusError | None) -> None:
            if error is None:
                self._note(Gone(self._cluster, True).to_bytes(), done)
            elif isinstance(error, StoreRefused):  # they stay here
                self._note(None, lambda _: done(error))
            else:
                done(error)

        self._note(Gone(self._cluster, False).to_bytes(), noted)

    def _note(self, value: bytes | None, done: Done) -> None:
        entry = self.single.get(self.keys.gone)

        def told(outcome: Outcome) -> None:
            if outcome is None:
                outcome = StorageError("The metadata file was changed by somebody else.")
            done(outcome if isinstance(outcome, BusError) else None)

        if entry is None and value is None:
            done(None)
        else:
            self.single.transact([Write(self.keys.gone, value, revision_of(entry))], {}, told)

    def _images(self) -> Mapping[PartitionId, PartitionImage]:
        found: dict[PartitionId, PartitionImage] = {}
        for key, entry in self.single.under(self.keys.prefix(Kind.GROUP)).items():
            found |= group_from_bytes(key, entry.value)
        return found

    def _entries(self) -> dict[str, Entry]:
        """All but the note, partitions' records as the cluster is to begin with them."""
        entries = {key: e for key, e in self.single.entries.items() if key != self.keys.gone}
        for key, entry in self.single.under(self.keys.prefix(Kind.GROUP)).items():
            group = group_from_bytes(key, entry.value)
            changed = {pid: _unled(image, self._seen(pid)) for pid, image in group.items()}
            entries[key] = Entry(group_to_bytes(changed), entry.revision)
        return entries

    def _seen(self, pid: PartitionId) -> int:
        return max(store.max_epoch_seen(pid) for store in self._stores.all)


def _unled(image: PartitionImage, seen: int) -> PartitionImage:
    """Without a leader, in an epoch that the log has seen and another one can follow."""
    epoch = max(image.leader_epoch, min(seen, LEADER_EPOCH_MAX - 1))
    partition_epoch = image.partition_epoch + 1
    return replace(image, leader=NO_LEADER, leader_epoch=epoch, partition_epoch=partition_epoch)
