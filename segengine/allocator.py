"""The C library's memory, for training on CPU."""

from __future__ import annotations

import ctypes
import os

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_KEEP = 2**31 - 1  # bytes of free memory at the top of the heap that are not given back
_LARGE = 2**30  # bytes from which on a block is mapped by itself


def keep_freed_memory() -> bool:
    """Let glibc keep freed memory for the next step; whether it does.

    By default it gives large blocks back to the system as soon as they are free. A training step
    frees all its activations, so the next one would fault in each of their pages again: tens of
    thousands of faults, a fifth of a step's time at 256 pixels. Other C libraries are left alone.
    """
    if "CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", {}):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_TRIM_THRESHOLD, _KEEP)) and bool(mallopt(_M_MMAP_THRESHOLD, _LARGE))
