"""Times and sizes in words, the same in every command and on every page."""

from __future__ import annotations

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def duration_text(seconds: float) -> str:
    """A time span in its two largest units: 8 s, 2 min 14 s, 3 h 5 min, 2 d 4 h."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for name, size in _UNITS:
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount} {name}")
        elif parts:
            break  # 1 h 0 min 5 s is read as 1 h
        if len(parts) == 2:
            break
    return " ".join(parts) or "0 s"


def size_text(count: float) -> str:
    """Bytes in the unit that suits them: "1.3 GB"."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f} bytes"
