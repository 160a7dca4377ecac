"""A bounded table from keys to numbers; only native code reads it."""

from os import urandom

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from bus.native.cbus cimport bus_key_slot, bus_keymap, bus_keymap_move

cdef enum:
    FIRST = 1024  # slots
    LOAD = 4  # one slot of so many stays free


cdef class KeyMap:
    """Keys by their fingerprint (csrc/keymap.h), each with a number >= 0.

    The secret is drawn anew for each table; what is found does not depend on it.
    """

    def __cinit__(self, int64_t keys_max, *_arguments, **_keywords):
        cdef bytes secret = urandom(16)
        if not 0 < keys_max < (<int64_t>1 << 40):
            raise ValueError(f"keys_max is {keys_max}: it must be above 0 and below 2^40")
        memcpy(&self.map.secret, <const char *>secret, 16)
        self.keys_max = keys_max

    def __dealloc__(self):
        free(self.map.slots)

    def __len__(self):
        return self.map.count

    cdef int reserve(self) noexcept nogil:
        """Make sure that one more key has room: 0, 1 if there are too many, 2 without memory."""
        cdef bus_keymap larger
        cdef int64_t most = self.keys_max + self.keys_max // (LOAD - 1) + 1
        if self.map.count >= self.keys_max:
            return 1
        if self.map.count < self.map.capacity - self.map.capacity // LOAD:
            return 0
        larger.secret, larger.count = self.map.secret, 0
        larger.capacity = min(max(<int64_t>FIRST, 2 * self.map.capacity), most)
        if larger.capacity <= self.map.count + 1:
            larger.capacity = self.map.count + 2
        larger.slots = <bus_key_slot *>calloc(larger.capacity, sizeof(bus_key_slot))
        if larger.slots == NULL:
            return 2
        bus_keymap_move(&larger, &self.map)
        free(self.map.slots)
        self.map = larger
        return 0
