"""JSON that holds neither NaN nor Infinity."""

from __future__ import annotations

import json
from typing import Any


def strict_json(text: str) -> Any:
    """The value; AssertionError where the text is not strict JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)
