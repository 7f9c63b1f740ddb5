"""How this process's allocator treats large blocks, which decides the speed of a language model's passes on CPU.

glibc gives large blocks back to the kernel when they are freed, so every logits and gradient tensor is paged in anew;
on two cores that took more than half of a training step (`bench/results.json`, training).
"""

import ctypes
import platform

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"Options of mallopt(3), from <malloc.h>."


def keep_pages() -> None:
    """Let freed blocks stay with the process. Changes no result; does nothing where the C library is not glibc."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(MMAP_MAX, 0)
        libc.mallopt(TRIM_THRESHOLD, 2**31 - 1)
