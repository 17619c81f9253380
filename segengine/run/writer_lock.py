"""The lock of the process that trains a run. The system frees it with the process, however it ends.

It tells the truth where a record may not: whatever becomes of `job.json`, of the clock and of the
machine's name, a run that is being trained has a locked `.lock`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from segengine.errors import UserError
from segengine.files import cannot_write
from segengine.run.rundir import RunDir

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PATIENCE = 2.0  # seconds; `has_writer` holds the lock for a moment, too


@contextlib.contextmanager
def only_writer(run: RunDir) -> Iterator[None]:
    """While the body runs, no other process trains the run. May be entered again within itself.

    Raises:
        UserError: another process trains it, or the run folder cannot be written.
    """
    lock = FileLock(run.lock_file, is_singleton=True)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise UserError(
            f"Run {run.id} is being trained by another process already.", field="run"
        ) from None
    except OSError as error:
        raise cannot_write(run.path, error) from error
    try:
        yield
    finally:
        lock.release()


def has_writer(run: RunDir) -> bool:
    """Whether a process trains the run; False also where the system cannot say."""
    return is_locked(run.lock_file)


def is_locked(path: Path) -> bool:
    """Whether a process holds that lock; False also where the system cannot say."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: readers don't meet
    except BlockingIOError:
        return True
    except (OSError, AttributeError):
        return False
    finally:
        os.close(descriptor)
    return False
