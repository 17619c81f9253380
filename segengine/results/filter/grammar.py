"""The grammar of filters, read by hand into a test of a row.

filter    = either
either    = all ("or" all)*
all       = part (["and"] part)*          parts that stand side by side must all hold
part      = "not" part | "(" either ")" | condition | word
condition = field operator value          = != < <= > >= and ~, which means "contains"
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

from segengine.results.filter.fields import Field, fields
from segengine.results.filter.tokens import FilterError, Token, tokens_of
from segengine.results.table import RunRow

Test = Callable[[RunRow], bool]

DEEPEST = 40  # parentheses and "not" inside one another


def parse_filter(text: str) -> Test:
    """The test that tells which rows fit; an empty filter fits all.

    Raises:
        FilterError: it cannot be understood; the error points at the place.
    """
    return _Parser(text).parsed()


class _Parser:
    """Reads a filter from left to right; `_next` is the token that comes."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens_of(text)
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def parsed(self) -> Test:
        if self._next.kind == "end":
            return lambda _: True
        test = self._either()
        if self._next.kind == ")":
            raise self._error("This parenthesis closes none: leave it out.", self._next)
        return test

    def _either(self) -> Test:
        tests = [self._all()]
        while self._next.is_word("or"):
            self._take()
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _all(self) -> Test:
        tests = [self._part()]
        while not (self._next.kind in (")", "end") or self._next.is_word("or")):
            if self._next.is_word("and"):
                self._take()
            tests.append(self._part())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _part(self) -> Test:
        token = self._take()
        if token.is_word("not"):
            test = self._inner(self._part, token)
            return lambda row: not test(row)
        if token.kind == "(":
            test = self._inner(self._either, token)
            if self._take().kind != ")":
                raise self._error("This parenthesis is never closed: close it.", token)
            return test
        if token.is_word("and", "or") or token.kind in ("operator", ")", "end"):
            raise self._misplaced(token)
        if token.kind == "word" and self._next.kind == "operator":
            return self._condition(token)
        word = token.text.lower()
        return lambda row: word in row.words

    def _inner(self, read: Callable[[], Test], token: Token) -> Test:
        self._depth += 1
        if self._depth > DEEPEST:
            sentence = f"A filter goes at most {DEEPEST} levels deep: write it flatter."
            raise self._error(sentence, token)
        test = read()
        self._depth -= 1
        return test

    def _condition(self, name: Token) -> Test:
        field = self._field(name)
        operator, value = self._take(), self._take()
        if value.kind not in ("word", "quoted"):
            here = value if value.kind != "end" else operator
            given = f"{name.text} {operator.text}"
            raise self._error(
                f"A value is missing after '{given}': {field.example(name.text)}.", here
            )
        if operator.text not in field.operators:
            known = ", ".join(field.operators)
            sentence = f"{name.text} is {field.kind_words}, which is compared by {known}."
            raise self._error(sentence, operator)
        try:
            return field.test(operator.text, value.text)
        except ValueError as error:
            sentence = f"{name.text} is {field.kind_words}: {error}."
            raise self._error(sentence, value) from None

    def _field(self, token: Token) -> Field:
        known = fields()
        if found := known.get(token.text.lower()):
            return found
        near = difflib.get_close_matches(token.text.lower(), known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "the guide lists the fields."
        raise self._error(f"There is no field '{token.text[:40]}': {hint}", token)

    def _misplaced(self, token: Token) -> FilterError:
        if token.kind == "end":
            last = self._tokens[max(0, self._at - 1)]
            return self._error(f"Something is missing after '{last.text}'.", last)
        what = "a field" if token.kind == "operator" else "a word or a condition"
        return self._error(f"Before '{token.text}' {what} is missing.", token)

    def _error(self, sentence: str, token: Token) -> FilterError:
        return FilterError(sentence, self._text, token.start, token.end)
