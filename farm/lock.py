"""A lock on an open file, for which only one process at a time can have it."""

import sys


def try_lock(descriptor: int) -> bool:
    """Whether this process has the lock now. The system releases it however the process ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
