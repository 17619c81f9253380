"""What the masks of a folder hold. Each mask is read once.

The result is kept beside the decoded images, keyed by the masks' paths, sizes and times: the form
asks for it at every change.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from segengine.datasets.base import ProgressFn
from segengine.datasets.cache import cache_dir, files_key
from segengine.datasets.formats.image_file import max_pixels
from segengine.datasets.formats.mask_file import NO_COLOR, gray_level, read_stored_mask
from segengine.errors import UserError
from segengine.files import write_text

MOST_COLORS = 64  # of colored masks that are kept: more are no classes
WHITE = 255


@dataclass(frozen=True)
class Seen:
    """One number as one color, in the masks of numbers.

    Attributes:
        color: 0xRRGGBB as it is shown; `NO_COLOR` for a number above 255.
        pixels: how many, over all masks.
        file: the first mask that holds it.
        painted: whether a palette, or gray of few bits, makes it seen so.
    """

    number: int
    color: int
    pixels: int
    file: str
    painted: bool


@dataclass(frozen=True)
class MaskScan:
    """What a folder's masks hold.

    Attributes:
        seen: every number with every color that it is shown as, ascending.
        one_and_white: the first mask that holds both 1 and 255 (as seen gray); "" where none does.
        colors: (0xRRGGBB, pixels) of the masks of colors, most pixels first; at most
            `MOST_COLORS` + 1.
        colored: the first mask that holds colors instead of numbers; "" where none does.
        colored_count: number of such masks.
        unreadable: what is wrong with the first mask that cannot be read; "" where all can.
    """

    seen: tuple[Seen, ...] = ()
    one_and_white: str = ""
    colors: tuple[tuple[int, int], ...] = ()
    colored: str = ""
    colored_count: int = 0
    unreadable: str = ""

    @property
    def numbers(self) -> list[int]:
        """The numbers that occur, ascending."""
        return sorted({seen.number for seen in self.seen})

    def grays(self) -> list[int] | None:
        """The gray levels that are seen, ascending; None where something else is seen."""
        levels = {
            seen.number if seen.color == NO_COLOR else gray_level(seen.color) for seen in self.seen
        }
        return None if None in levels else sorted(level for level in levels if level is not None)

    def contradiction(self) -> tuple[Seen, Seen] | None:
        """Two that do not agree: one number in two colors, or one color for two numbers."""
        by_number: dict[int, Seen] = {}
        by_color: dict[int, Seen] = {}
        for seen in self.seen:
            for index, known in ((seen.number, by_number), (seen.color, by_color)):
                other = known.setdefault(index, seen)
                if index != NO_COLOR and (other.number, other.color) != (seen.number, seen.color):
                    return other, seen
        return None


_SCAN: TypeAdapter[MaskScan] = TypeAdapter(MaskScan)


def scan_masks(paths: Sequence[Path], workers: int, progress: ProgressFn) -> MaskScan:
    """Read every mask, or take the result of an earlier call; undecodable masks are left out.

    Raises:
        UserError: the cache cannot be written.
    """
    key = files_key(paths, f"masks of at most {max_pixels()} pixels")
    file = cache_dir() / "scans" / f"{key}.json"
    with contextlib.suppress(OSError, ValidationError):
        return _SCAN.validate_json(file.read_bytes())
    scan = _scan(paths, workers, progress)
    write_text(file, _SCAN.dump_json(scan).decode())
    return scan


@dataclass
class _MaskContent:
    """What one mask holds."""

    seen: Counter[tuple[int, int, bool]] = field(default_factory=Counter)
    colors: Counter[int] = field(default_factory=Counter)
    problem: str = ""


def _scan(paths: Sequence[Path], workers: int, progress: ProgressFn) -> MaskScan:
    pixels: Counter[tuple[int, int, bool]] = Counter()
    first_file: dict[tuple[int, int, bool], str] = {}
    colors: Counter[int] = Counter()
    colored: list[str] = []
    both, problem = "", ""
    with ThreadPoolExecutor(workers) as pool:
        contents = zip(paths, pool.map(_read_content, paths), strict=True)
        for done, (path, content) in enumerate(contents, start=1):
            problem = problem or content.problem
            if content.colors:
                colored.append(str(path))
                colors.update(content.colors)
            pixels.update(content.seen)
            for key in content.seen:
                first_file.setdefault(key, str(path))
            both = both or (str(path) if _has_one_and_white(content) else "")
            progress("Looking for classes", done, len(paths))
    return MaskScan(
        seen=tuple(
            Seen(number, color, pixels[number, color, painted], file, painted)
            for (number, color, painted), file in sorted(first_file.items())
        ),
        one_and_white=both,
        colors=tuple(colors.most_common(MOST_COLORS + 1)),
        colored=colored[0] if colored else "",
        colored_count=len(colored),
        unreadable=problem,
    )


def _read_content(path: Path) -> _MaskContent:
    try:
        stored = read_stored_mask(path)
    except UserError as error:
        return _MaskContent(problem=str(error))
    values, counts = (column.tolist() for column in stored.contents())
    if stored.is_color:
        return _MaskContent(colors=_most_common(dict(zip(values, counts, strict=True))))
    painted = bool(stored.shown)
    seen = {
        (value, stored.color_of(value), painted): count
        for value, count in zip(values, counts, strict=True)
    }
    return _MaskContent(seen=Counter(seen))


def _most_common(counts: dict[int, int]) -> Counter[int]:
    return Counter(dict(Counter(counts).most_common(MOST_COLORS + 1)))


def _has_one_and_white(content: _MaskContent) -> bool:
    levels = {gray_level(color) for _, color, _ in content.seen if color != NO_COLOR}
    return {1, WHITE} <= levels
