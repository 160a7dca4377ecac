# A growing table from keys to numbers, for native code that looks at many records.
from libc.stdint cimport int64_t

from bus.native.cbus cimport bus_keymap


cdef class KeyMap:
    cdef bus_keymap map
    cdef readonly int64_t keys_max
    cdef int reserve(self) noexcept nogil
