"""Which numbers the masks of a folder hold. Each mask is read once.

The result is kept beside the decoded images, keyed by the masks' paths, sizes and times: the form
asks for it at every change.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from segengine.datasets.base import ProgressFn, read_image
from segengine.datasets.decoded import cache_dir, files_key
from segengine.datasets.formats.index_masks import is_indexed, stored_numbers
from segengine.errors import UserError
from segengine.files import write_text


@dataclass(frozen=True)
class MaskScan:
    """What a folder's masks hold.

    Attributes:
        values: (number, first mask that holds it), ascending.
        palette: colors (0xRRGGBB) by number, where all masks have the same palette; else empty.
        colored: the first mask that holds colors instead of numbers; "" where none does.
        colored_count: number of such masks.
        unreadable: what is wrong with the first mask that cannot be decoded; "" where all can.
    """

    values: tuple[tuple[int, str], ...]
    palette: tuple[int, ...] = ()
    colored: str = ""
    colored_count: int = 0
    unreadable: str = ""


def scan_masks(paths: Sequence[Path], workers: int, progress: ProgressFn) -> MaskScan:
    """Read every mask, or take the result of an earlier call; undecodable masks are left out.

    Raises:
        UserError: the cache cannot be written.
    """
    file = cache_dir() / "scans" / f"{files_key(paths)}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):
        content = json.loads(file.read_text(encoding="utf-8"))
        values = tuple((int(value), str(path)) for value, path in content.pop("values"))
        return MaskScan(values=values, palette=tuple(content.pop("palette")), **content)
    scan = _scan(paths, workers, progress)
    write_text(file, json.dumps(asdict(scan)))
    return scan


@dataclass(frozen=True)
class _MaskContent:
    """What one mask holds; `values` is None where it holds colors."""

    values: tuple[int, ...] | None = ()
    palette: tuple[int, ...] = ()
    problem: str = ""


def _scan(paths: Sequence[Path], workers: int, progress: ProgressFn) -> MaskScan:
    first_files: dict[int, str] = {}  # by number
    palettes: set[tuple[int, ...]] = set()
    colored: list[str] = []
    problems: list[str] = []
    with ThreadPoolExecutor(workers) as pool:
        contents = zip(paths, pool.map(_read_content, paths), strict=True)
        for done, (path, content) in enumerate(contents, start=1):
            if content.problem:
                problems.append(content.problem)
            elif content.values is None:
                colored.append(str(path))
            else:
                palettes.add(content.palette)
                for value in content.values:
                    first_files.setdefault(value, str(path))
            progress("Looking for classes", done, len(paths))
    return MaskScan(
        values=tuple(sorted(first_files.items())),
        palette=palettes.pop() if len(palettes) == 1 else (),
        colored=colored[0] if colored else "",
        colored_count=len(colored),
        unreadable=problems[0] if problems else "",
    )


def _read_content(path: Path) -> _MaskContent:
    try:
        image = read_image(path)
    except UserError as error:
        return _MaskContent(problem=str(error))
    if not is_indexed(image):
        return _MaskContent(values=None)
    raw = stored_numbers(image, path)
    if raw.dtype == np.uint8 and image.mode != "1":
        values = np.flatnonzero(np.bincount(raw.ravel(), minlength=256))
    else:
        values = np.unique(raw)
    return _MaskContent(tuple(map(int, values)), _palette(image))


def _palette(image: Image.Image) -> tuple[int, ...]:
    """0xRRGGBB by number; empty where the image has no palette."""
    if image.mode != "P":
        return ()
    rgb = np.asarray(image.getpalette("RGB") or [], np.int64).reshape(-1, 3)
    return tuple(int(code) for code in rgb @ (1 << 16, 1 << 8, 1))
