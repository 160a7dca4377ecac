"""A bounded table from keys to numbers; only native code reads it."""

class KeyMap:
    """Keys by their fingerprint (csrc/keymap.h), each with a number >= 0."""

    keys_max: int

    def __init__(self, keys_max: int) -> None:
        """Room for so many keys, taken as they come."""

    def __len__(self) -> int: ...
