"""Paths that a person typed: what is wrong with one is a sentence about its field."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from segengine.errors import UserError

_LONGEST_PATH = 120  # characters of a path that a sentence repeats

_PATH_PROBLEMS = {  # errno -> what is wrong with a path, and what to do
    errno.ENAMETOOLONG: "is longer than the file system allows, or a name in it is: correct it.",
    errno.ELOOP: "goes round in a circle of links: correct the links, or choose another.",
}


def typed_path(text: str, field: str, called: str = "") -> Path:
    """The path that a person typed, with "~" expanded. Nothing is looked up on the disk.

    Args:
        called: what the sentence calls the field; its name where left out.

    Raises:
        UserError: no path can look like that; the sentence is about the field.
    """
    given = f"{called or field} {shortened(text)}"
    if "\0" in text:
        raise UserError(f"{given} cannot hold a NUL character: correct it.", field=field)
    try:
        text.encode()  # config files and logs are UTF-8
    except UnicodeEncodeError:
        raise UserError(f"{given} is not UTF-8: rename that folder or file.", field=field) from None
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UserError(
            f"{given} begins with the home of an unknown user: correct it.", field=field
        ) from None


@contextlib.contextmanager
def looking_at(text: str, field: str, called: str = "") -> Iterator[None]:
    """For all that looks up or reads a path that a person typed.

    Args:
        called: as for `typed_path`.

    Raises:
        UserError: the system refused; the sentence is about the field.
    """
    given = f"{called or field} {shortened(text)}"
    try:
        yield
    except OSError as error:
        problem = _PATH_PROBLEMS.get(error.errno or 0)
        if not problem:
            place = f" ({shortened(os.fsdecode(error.filename))})" if error.filename else ""
            reason = (error.strerror or str(error)).lower()
            problem = f"cannot be read: {reason}{place}. Mend that, or choose another."
        raise UserError(f"{given} {problem}", field=field) from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{given}: a text file in it is not UTF-8: save it as UTF-8.", field=field
        ) from error
    except UnicodeEncodeError as error:
        raise UserError(
            f"{given}: a name in it is not UTF-8, {shortened(error.object)}: rename it.",
            field=field,
        ) from error


def shortened(text: str) -> str:
    """A path between quotes for a sentence: of a very long one the beginning and the end."""
    shown = repr(text)
    return shown if len(shown) <= _LONGEST_PATH else f"{shown[:60]}...{shown[-30:]}"
