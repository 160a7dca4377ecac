"""What a single node's file says of where its topics are: here, or gone over to a cluster (S1a)."""

from dataclasses import dataclass

from bus.broker.mirror import Mirror
from bus.errors import BadSetting
from bus.model.keys import Keys
from bus.model.stored import from_json, text_of, to_json


@dataclass(frozen=True, slots=True)
class Gone:
    """What a single node's file says of where its topics are."""

    cluster: str
    is_whole: bool  # the cluster has all of them

    def to_bytes(self) -> bytes:
        """The value of its key."""
        return to_json({"cluster": self.cluster, "whole": self.is_whole})

    @classmethod
    def from_bytes(cls, key: str, data: bytes) -> "Gone":
        """Raises CorruptLog."""
        return from_json(
            key, data, lambda content: cls(text_of(content["cluster"]), content["whole"] is True)
        )


def check_not_gone(single: Mirror, keys: Keys, cluster: str = "") -> Gone | None:
    """What a file says. Raises BadSetting if its topics are of another cluster than this one."""
    entry = single.get(keys.gone)
    if entry is None:
        return None
    gone = Gone.from_bytes(keys.gone, entry.value)
    if gone.cluster != cluster:
        raise BadSetting(
            f"The topics of this data directory have gone over to the cluster {gone.cluster!r}: "
            f"start it with --cluster {gone.cluster}, or begin with an empty directory."
        )
    return gone
