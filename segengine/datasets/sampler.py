"""Which images make up which batch, and which batches make up an optimizer step."""

from __future__ import annotations

import numpy as np

Indices = np.ndarray  # (B,) int64: positions of images in their split


def shuffled_batches(count: int, batch_size: int, seed: int, epoch: int) -> list[Indices]:
    """The batches of one epoch: a permutation that depends on seed and epoch alone.

    A single leftover image joins the batch before it: batch norm over one image knows the
    statistics of that image only, and of a 1x1 feature map none. With batches of one image nothing
    is left over.

    Args:
        count: images in the split.
        epoch: 1-based.
    """
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return _batches(order, batch_size)


def ordered_batches(count: int, batch_size: int) -> list[Indices]:
    """All images in order, for validation; the last batch may be smaller."""
    return [np.arange(i, min(i + batch_size, count)) for i in range(0, count, batch_size)]


def batches_per_step(batches: list[Indices], accumulate: int) -> list[list[Indices]]:
    """The batches of each optimizer step: `accumulate` of them; the last step has the rest."""
    return [batches[i : i + accumulate] for i in range(0, len(batches), accumulate)]


def steps_per_epoch(count: int, batch_size: int, accumulate: int = 1) -> int:
    """Optimizer steps per epoch."""
    return len(batches_per_step(_batches(np.arange(count), batch_size), accumulate))


def _batches(order: Indices, batch_size: int) -> list[Indices]:
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    if len(batches) > 1 and len(batches[-1]) < min(2, batch_size):
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches
