"""The real source of randomness: the Random port over the kernel's generator."""

import secrets


class SystemRandom:
    """Unpredictable numbers; nothing is seeded and nothing repeats."""

    def below(self, limit: int) -> int:
        """A whole number in [0, limit)."""
        return secrets.randbelow(limit)

    def uuid_bytes(self) -> bytes:
        """16 random bytes for a topic id or an incarnation."""
        return secrets.token_bytes(16)
