"""How work is timed: alternately in pairs, by medians, with one line per result.

A machine's speed changes by tens of percent within minutes, but hardly from one measurement to the
next: what is reported is the median of the ratios of pairs.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

Timed = Callable[[], float]  # does the work once and returns its seconds


@dataclass(frozen=True)
class Pairs:
    """Seconds of both sides, pair by pair."""

    ours: list[float]
    theirs: list[float]

    @property
    def ratio(self) -> float:
        """How many times faster ours is: the median over the pairs."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return statistics.median([theirs / ours for ours, theirs in pairs])

    def say(self, work: str, peer: str, wanted: float | None = None) -> None:
        """Print the line."""
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        pairs = f"median of {len(self.ours)} pair{'s' if len(self.ours) > 1 else ''}"
        print(
            f"{work}: ours {duration(ours)}, {peer} {duration(theirs)}, "
            f"ratio {self.ratio:.2f} ({pairs}{verdict(self.ratio, wanted)})",
            flush=True,
        )


def alternate(ours: Timed, theirs: Timed, pairs: int, warm_up: int = 1) -> Pairs:
    """Both sides in turn, `pairs` times after `warm_up` pairs that do not count.

    The side that goes first changes from pair to pair.
    """
    timed = Pairs([], [])
    for number in range(-warm_up, pairs):
        sides = [(ours, timed.ours), (theirs, timed.theirs)]
        for side, seconds in sides if number % 2 else reversed(sides):
            gc.collect()
            spent = side()
            if number >= 0:
                seconds.append(spent)
    return timed


def fastest(sides: dict[str, Timed], tries: int = 2) -> str:
    """The name of the side with the best time, each warmed up once."""
    best = {}
    for name, side in sides.items():
        side()
        best[name] = min(side() for _ in range(tries))
    return min(best, key=lambda name: best[name])


def seconds_of(work: Callable[[], object]) -> float:
    """Seconds that the work takes, including that of a GPU."""
    _wait_for_gpu()
    began = time.perf_counter()
    work()
    _wait_for_gpu()
    return time.perf_counter() - began


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Deterministic algorithms, as our runs use on CPU: their cost is counted on our side."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(wanted)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def duration(seconds: float) -> str:
    """0.0123 as "12.3 ms", 4.5 as "4.50 s"."""
    return f"{seconds * 1000:.3g} ms" if seconds < 0.1 else f"{seconds:.3f} s"


def verdict(ratio: float, wanted: float | None) -> str:
    """Words on whether a ratio is as large as wanted."""
    if wanted is None:
        return ""
    return f"; wanted {wanted:.2f}: {'reached' if ratio >= wanted else 'missed'}"


def _wait_for_gpu() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
