"""Giving freed memory back to the system, before something large is asked for.

glibc keeps freed blocks that it may want again, and large ones are mapped beside them: after a
calibration of MobileNetV2 that is half a gigabyte which nobody uses.
"""

import ctypes


def give_back() -> None:
    """Return what is free of the heap, where the C library can (glibc's malloc_trim)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
