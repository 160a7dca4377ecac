# What a `__getbuffer__` says of plain bytes. Before its body Cython lets `view.obj` refer to None,
# and PyBuffer_FillInfo alone would forget that reference: a leak each time.
cdef extern from *:
    """
    static int export_bytes(
        Py_buffer *view, PyObject *owner, const void *data, Py_ssize_t size, int read_only,
        int flags
    ) {
        Py_CLEAR(view->obj);
        return PyBuffer_FillInfo(view, owner, (void *)data, size, read_only, flags);
    }
    """
    int export_bytes(
        Py_buffer *view, object owner, const void *data, Py_ssize_t size, bint read_only, int flags
    ) except -1
