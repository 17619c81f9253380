"""A filter's text cut into words, quoted words, operators and parentheses, each with its place."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from segengine.errors import UserError

LONGEST = 1_000  # characters of a filter

TokenKind = Literal["word", "quoted", "operator", "(", ")", "end"]

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<open>["'])
    | (?P<operator>!=|<=|>=|==|[=<>~])
    | (?P<parenthesis>[()])
    | (?P<word>(?:[^\s=<>~()"'!]|!(?!=))+)
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)


class FilterError(UserError):
    """A filter that cannot be understood.

    Attributes:
        text: the whole filter.
        start, end: the place that the sentence is about, as indices of `text`.
    """

    def __init__(self, sentence: str, text: str, start: int, end: int) -> None:
        super().__init__(sentence, field="filter")
        self.text, self.start, self.end = text, start, max(end, start + 1)

    def pointed_out(self) -> str:
        """The filter with a line of carets under the place, for a terminal."""
        shown = "".join(" " if letter.isspace() else letter for letter in self.text)
        return f"{shown}\n{' ' * self.start}{'^' * (self.end - self.start)}"


class Token(NamedTuple):
    """A piece of a filter; `text` is without quotes, `start` and `end` are with them."""

    kind: TokenKind
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these words, in whatever case, and not between quotes."""
        return self.kind == "word" and self.text.lower() in words


def tokens_of(text: str) -> list[Token]:
    """The filter's pieces in order, the last one of kind "end".

    Raises:
        FilterError: a quote is never closed, or the text is too long.
    """
    if len(text) > LONGEST:
        sentence = f"A filter has at most {LONGEST:,} characters, and this one {len(text):,}."
        raise FilterError(sentence, text, LONGEST, len(text))
    found: list[Token] = []
    place = 0
    while not found or found[-1].kind != "end":
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup == "open":
            start = match.start("open") if match else place
            raise FilterError(
                f"The quote at position {start + 1} is never closed: close it, or leave it out.",
                text,
                start,
                len(text),
            )
        found.append(_token(match))
        place = match.end()
    return found


def _token(match: re.Match[str]) -> Token:
    name = str(match.lastgroup)
    text = match[name]
    kind: TokenKind = "end"
    if name == "quoted":
        kind, text = "quoted", re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    elif name == "parenthesis":
        kind = "(" if text == "(" else ")"
    elif name == "operator":
        kind, text = "operator", "=" if text == "==" else text
    elif name == "word":
        kind = "word"
    return Token(kind, text, match.start(name), match.end(name))
