"""Names as cells of CSV tables that no spreadsheet computes."""

from __future__ import annotations

import re

# What a spreadsheet computes instead of showing it (https://owasp.org: CSV injection).
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def csv_cell(text: str) -> str:
    """A name as a CSV cell that no spreadsheet takes for a formula; `csv_name` reads it back."""
    return f"'{text}" if _FORMULA.match(text) else text


def csv_name(cell: str) -> str:
    """The name that `csv_cell` made a cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
