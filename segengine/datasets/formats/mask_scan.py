"""Which numbers the masks of a folder hold, found by reading each once.

The answer is kept beside the decoded images, under the masks' names, sizes and times, so that a
form which asks again and again gets it at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from segengine.datasets.base import ProgressFn, read_image
from segengine.datasets.decoded import cache_dir
from segengine.datasets.formats.index_masks import indices, is_indexed
from segengine.errors import UserError
from segengine.files import write_text


@dataclass(frozen=True)
class MaskScan:
    """What a folder's masks hold.

    Attributes:
        values: (number, first mask that holds it), ascending.
        palette: the palette's colors (0xRRGGBB) by number, where all masks have the same; else
            empty.
        colored: the first mask of colors instead of numbers; "" where there is none.
        colored_count: how many there are.
        unreadable: the first mask that cannot be decoded, as a sentence; "" where all can.
    """

    values: tuple[tuple[int, str], ...]
    palette: tuple[int, ...] = ()
    colored: str = ""
    colored_count: int = 0
    unreadable: str = ""


def scan_masks(paths: Sequence[Path], workers: int, progress: ProgressFn) -> MaskScan:
    """Read every mask, unless that was done before; undecodable ones are left out.

    Raises:
        UserError: the cache cannot be written.
    """
    kept = cache_dir() / "scans" / f"{_key(paths)}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):
        known = json.loads(kept.read_text(encoding="utf-8"))
        values = tuple((int(value), str(path)) for value, path in known.pop("values"))
        return MaskScan(values=values, palette=tuple(known.pop("palette")), **known)
    scan = _scan(paths, workers, progress)
    write_text(kept, json.dumps(asdict(scan)))
    return scan


def _key(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        stat = path.stat()
        digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


@dataclass(frozen=True)
class _Mask:
    """What one mask holds; `values` is None where it holds colors."""

    values: tuple[int, ...] | None = ()
    palette: tuple[int, ...] = ()
    problem: str = ""


def _scan(paths: Sequence[Path], workers: int, progress: ProgressFn) -> MaskScan:
    first: dict[int, str] = {}
    palettes: set[tuple[int, ...]] = set()
    colored: list[str] = []
    problems: list[str] = []
    with ThreadPoolExecutor(workers) as pool:
        for done, (path, mask) in enumerate(zip(paths, pool.map(_look, paths), strict=True), 1):
            if mask.problem:
                problems.append(mask.problem)
            elif mask.values is None:
                colored.append(str(path))
            else:
                palettes.add(mask.palette)
                for value in mask.values:
                    first.setdefault(value, str(path))
            progress("Looking for classes", done, len(paths))
    return MaskScan(
        values=tuple(sorted(first.items())),
        palette=palettes.pop() if len(palettes) == 1 else (),
        colored=colored[0] if colored else "",
        colored_count=len(colored),
        unreadable=problems[0] if problems else "",
    )


def _look(path: Path) -> _Mask:
    try:
        image = read_image(path)
    except UserError as error:
        return _Mask(problem=str(error))
    if not is_indexed(image):
        return _Mask(values=None)
    raw = indices(image, path)
    if raw.dtype == np.uint8 and image.mode != "1":
        values = np.flatnonzero(np.bincount(raw.ravel(), minlength=256))
    else:
        values = np.unique(raw)
    return _Mask(tuple(map(int, values)), _palette(image))


def _palette(image: Image.Image) -> tuple[int, ...]:
    if image.mode != "P":
        return ()
    parts = np.asarray(image.getpalette("RGB") or [], np.int64).reshape(-1, 3)
    return tuple(int(code) for code in parts @ (1 << 16, 1 << 8, 1))
