"""Lines and progress bars for a person at a terminal; plain lines where there is none."""

from __future__ import annotations

import contextlib
import re
import sys
from typing import Any, TextIO

from tqdm import tqdm

# Control characters other than line breaks and tabs, those that turn the direction of writing, and
# the halves of characters that stand for bytes that are no text.
_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Text that commands nothing: in it a control character is read as its number, as "\\u001b"."""
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(text: str, *, error: bool = False) -> None:
    """Print a line of a command, as every command prints: what it repeats of others is harmless."""
    print(printable(text), file=sys.stderr if error else sys.stdout, flush=True)


class Terminal:
    """One bar at a time, and lines that leave it where it is."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._bar: tqdm[Any] | None = None
        self._phase = ""

    def say(self, text: str) -> None:
        """Print a line. A terminal that is gone, or a full disk under it, must not end a run."""
        text = printable(text)
        with contextlib.suppress(OSError):
            if self._bar is not None:
                self._bar.write(text, file=self._out)
            else:
                print(text, file=self._out, flush=True)

    def progress(self, phase: str, done: int, total: int, note: str = "") -> None:
        """Show how far a phase is, such as ("Reading images", 120, 300), with the time left."""
        with contextlib.suppress(OSError):
            self._draw(phase, done, total, note)

    def _draw(self, phase: str, done: int, total: int, note: str) -> None:
        if not self._out.isatty():
            return
        if self._bar is None or self._phase != phase:
            self.close()
            self._bar = tqdm(total=total, initial=done, desc=phase, file=self._out, leave=False)
            self._phase = phase
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(done - self._bar.n)
        if done >= total:
            self.close()

    def close(self) -> None:
        """Remove the bar."""
        bar, self._bar = self._bar, None
        if bar is not None:
            with contextlib.suppress(OSError):
                bar.close()
