"""`cache`: the decoded images that later runs use again."""

from __future__ import annotations

import json as json_text
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segengine.cli.flags import RUNS
from segengine.cli.tables import columns
from segengine.datasets.cache import (
    IN_THE_MAKING,
    LIMIT_VARIABLE,
    CacheEntry,
    cache_dir,
    cache_entries,
    cache_limit,
    clear_cache,
)
from segengine.results.amounts import size_text
from segengine.run.terminal import say


def show_cache(clear: bool = False, json: bool = False, runs_dir: Path = RUNS) -> int:
    """Show what the cache of decoded images holds, or remove it.

    It lies in SEGLAB_CACHE (otherwise ~/.cache/seglab) and keeps at most SEGLAB_CACHE_LIMIT
    gigabytes (otherwise 20): what was not used for longest goes first, never what is in use.

    Args:
        clear: Remove everything that no process uses at the moment.
        json: Print JSON instead of text.
        runs_dir: Not used; every command takes it.
    """
    limit = cache_limit()
    removed, entries = clear_cache() if clear else (0, cache_entries())
    if json:
        say(json_text.dumps(_as_json(limit, entries, removed if clear else None), indent=2))
        return 0
    if clear:
        say(f"Removed {size_text(removed)}")
    say(_as_text(limit, entries))
    return 0


def _as_json(limit: float, entries: Sequence[CacheEntry], removed: int | None) -> dict[str, Any]:
    """Sizes in bytes, times in seconds since 1970; a limit of null is none."""
    content: dict[str, Any] = {
        "folder": str(cache_dir()),
        "bytes": sum(entry.bytes for entry in entries),
        "limit_bytes": None if limit == float("inf") else int(limit),
        "entries": [
            {
                "path": str(entry.path),
                "bytes": entry.bytes,
                "used": entry.used,
                "in_use": entry.in_use,
                "place": entry.note.get("place"),
                "images": entry.note.get("images"),
                "image_size": entry.note.get("size"),
            }
            for entry in entries
        ],
    }
    return content if removed is None else {"removed_bytes": removed, **content}


def _as_text(limit: float, entries: Sequence[CacheEntry]) -> str:
    total = size_text(sum(entry.bytes for entry in entries))
    most = "no limit" if limit == float("inf") else f"at most {size_text(limit)}"
    lines = [f"Cache {cache_dir()}: {total} ({most}; {LIMIT_VARIABLE} sets it)"]
    scans = [entry for entry in entries if not entry.path.is_dir()]
    arrays = [entry for entry in entries if entry not in scans]
    if arrays:
        rows = [["IMAGES OF", "IMAGES", "SIZE", "ON DISK", "LAST USED"]]
        rows += [_row(entry) for entry in reversed(arrays)]
        lines.append(columns(rows))
    if scans:
        folders = "folder" if len(scans) == 1 else "folders"
        size = size_text(sum(entry.bytes for entry in scans))
        lines.append(f"Numbers found in the masks of {len(scans):,} {folders}: {size}")
    return "\n".join(lines)


def _row(entry: CacheEntry) -> list[str]:
    note = entry.note
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
    size = note.get("size")
    shape = "x".join(map(str, size)) if isinstance(size, list) else "-"
    images = note.get("images")
    return [
        str(note.get("place") or _nameless(entry)),
        f"{images:,}" if isinstance(images, int) else "-",
        shape,
        size_text(entry.bytes),
        "in use" if entry.in_use else when,
    ]


def _nameless(entry: CacheEntry) -> str:
    name = entry.path.name
    if not name.startswith(IN_THE_MAKING):
        return f"{name}, which an older version made"
    return "images that are being read now" if entry.in_use else "what a killed run has left"
