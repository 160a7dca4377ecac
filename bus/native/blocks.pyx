"""Memory for batches on their way: blocks behind the buffer protocol, kept for the next user.

Fresh memory of a megabyte comes from the kernel page by page, each page a fault: that costs about
as much as filling it with records. So a block of 64 KiB or more, rounded up to a power of two,
goes on a shelf when the last view of it is released, and the next of its size is taken from there.
The shelves are touched with the GIL held, and hold at most KEPT_BYTES_MAX together.
"""

from cpython.memoryview cimport PyMemoryView_FromObject
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from bus.native.exported cimport export_bytes

cdef enum:
    CLASS_FIRST = 16  # the smallest block that is kept: 1 << 16 bytes
    CLASSES = 9  # the largest: 1 << 24
    SLOTS = 64  # of each size
    KEPT_BYTES_MAX = 32 * 1024 * 1024

cdef struct Shelf:
    uint8_t *blocks[SLOTS]
    int count

cdef Shelf shelves[CLASSES]
cdef int64_t kept = 0

for i in range(CLASSES):
    shelves[i].count = 0


cdef inline int class_of(int64_t capacity) noexcept:
    """Shelf of a block that holds `capacity` bytes; -1: too small or too large to be kept."""
    cdef int index = 0
    if capacity < 1 << CLASS_FIRST:
        return -1
    while index < CLASSES and (<int64_t>1 << (CLASS_FIRST + index)) < capacity:
        index += 1
    return index if index < CLASSES else -1


cdef uint8_t *acquire(int64_t *capacity) except NULL:
    """At least `capacity[0]` bytes; it is set to how many they are."""
    global kept
    cdef int index = class_of(capacity[0])
    cdef uint8_t *data
    if index >= 0:
        capacity[0] = <int64_t>1 << (CLASS_FIRST + index)
        if shelves[index].count > 0:
            shelves[index].count -= 1
            kept -= capacity[0]
            return shelves[index].blocks[shelves[index].count]
    data = <uint8_t *>malloc(max(capacity[0], 1))
    if data == NULL:
        raise MemoryError
    return data


cdef void release(uint8_t *data, int64_t capacity) noexcept:
    global kept
    cdef int index = class_of(capacity)
    if data == NULL:
        return
    if index >= 0 and shelves[index].count < SLOTS and kept + capacity <= KEPT_BYTES_MAX:
        shelves[index].blocks[shelves[index].count] = data
        shelves[index].count += 1
        kept += capacity
    else:
        free(data)


cdef class Block:
    """One block; bytes(block) and memoryview(block) show its first `size` bytes."""

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        export_bytes(buffer, self, self.data, self.size, False, flags)

    def __dealloc__(self):
        release(self.data, self.capacity)

    cdef int grow(self, int64_t capacity, int64_t used) except -1:
        """Move to a block of at least `capacity` bytes; no view may have been taken."""
        cdef uint8_t *data = acquire(&capacity)
        memcpy(data, self.data, used)
        release(self.data, self.capacity)
        self.data = data
        self.capacity = capacity
        return 0

    cdef object view(self):
        return PyMemoryView_FromObject(self)


cdef Block take_block(int64_t capacity):
    cdef Block block
    if capacity < 0:
        raise ValueError("a block cannot have a negative size")
    block = Block.__new__(Block)
    block.data = acquire(&capacity)
    block.capacity = capacity
    return block


def take(int64_t size):
    block = take_block(size)
    block.size = size
    return block.view()


def kept_bytes():
    return kept
