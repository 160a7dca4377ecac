"""Memory for batches on their way: blocks behind the buffer protocol, kept for the next user."""

def take(size: int) -> memoryview:
    """`size` writable bytes, whatever they hold; reused once the last view of them is released."""

def kept_bytes() -> int:
    """Bytes of free blocks that wait for their next user; at most 32 MiB."""
