"""Writing files so that a reader never sees half of one; cells of tables; hashing."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from segengine.errors import UserError

# What a spreadsheet computes instead of showing it (https://owasp.org: CSV injection).
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


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


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, atomically.

    Raises:
        UserError: the disk is full or the folder cannot be written; the old file stays.
    """
    with atomic_write(path) as file:
        file.write(text.encode())


def csv_cell(text: str) -> str:
    """A name as a CSV cell that no spreadsheet takes for a formula; `csv_name` reads it back."""
    return f"'{text}" if _FORMULA.match(text) else text


def csv_name(cell: str) -> str:
    """The name that `csv_cell` made a cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def sha256_of(path: Path) -> str:
    """The file's sha256 in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


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
