"""The exception whose message is for the person, not for the programmer."""

from __future__ import annotations


class UserError(ValueError):
    """Something that the person can correct, in one clear sentence.

    The sentence says what was given, what is allowed and what to do. Pages show it, the command
    line prints it (exit code 2, or 1 once a run exists), a run's log keeps it: always without a
    traceback.

    Attributes:
        field: the RunConfig field that the sentence is about; "" where there is none.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def one_line(error: BaseException) -> str:
    """Any exception as one sentence (a UserError is one already)."""
    text = " ".join(str(error).split())
    if isinstance(error, UserError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
