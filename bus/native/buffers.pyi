"""Several borrowed buffers, held together for native code."""
