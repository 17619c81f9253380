"""Files: written so that a reader never sees half of one, opened with care, hashed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from segengine.errors import UserError

# The names of `atomic_write`'s temporary files, and that of a checkpoint's new link.
_TEMPORARY = re.compile(r"\..+\.([a-z0-9_]{8}|new)")


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """A binary file to write, which takes `path`'s place only when it is whole and on disk.

    Raises:
        UserError: the disk is full or the folder cannot be written; the old file stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not `tempfile`: its files are private, and run folders are shared as the umask says.
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def remove_temporary(folder: Path, older_than: float = 0.0) -> None:
    """Remove what `atomic_write` left in a folder, and in those inside it, when it was killed.

    Args:
        older_than: seconds; younger files may still be being written.
    """
    for inner, _, names in os.walk(folder):
        for name in filter(_TEMPORARY.fullmatch, names):
            with contextlib.suppress(OSError):
                path = os.path.join(inner, name)
                if time.time() - os.lstat(path).st_mtime >= older_than:
                    os.unlink(path)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, atomically.

    Raises:
        UserError: the disk is full or the folder cannot be written; the old file stays.
    """
    with atomic_write(path) as file:
        file.write(text.encode())


def write_new_text(path: Path, text: str) -> None:
    """Write text as UTF-8 into a file that does not exist yet, whole or not at all.

    Raises:
        UserError: there is such a file, which stays as it is; or it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # unlike a rename, this never takes another file's place
    except FileExistsError:
        raise UserError(f"{path} exists already and was left as it is.") from None
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def open_regular(path: Path) -> IO[bytes]:
    """Open a file to read its bytes, unless it is a pipe or a device, where reading may never end.

    Raises:
        OSError: it cannot be opened, or is not a regular file.
    """
    # Without O_NONBLOCK, opening a pipe waits for its writer. (Windows knows no such flag.)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def sha256_of(path: Path) -> str:
    """The file's sha256 in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def cannot_read(path: Path, error: OSError) -> UserError:
    """The error, with its sentence, for a file that could not be read."""
    return UserError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.")


def cannot_write(path: Path, error: OSError) -> UserError:
    """The error, with its sentence, for a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            f"The disk is full: {path} could not be saved. Free some space and resume the run; "
            "what was saved before is untouched."
        )
    return UserError(
        f"{path} cannot be written: {error.strerror or error}. Choose a folder you can write to."
    )
