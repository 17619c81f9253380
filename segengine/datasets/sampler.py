"""Which images make up which batch. Knows nothing of torch, so that the form can count steps."""

from __future__ import annotations

import numpy as np

Indices = np.ndarray  # (B,) int64


def shuffled_batches(count: int, batch_size: int, seed: int, epoch: int) -> list[Indices]:
    """The batches of one epoch as image indices, a function of seed and epoch alone.

    A leftover of a single image joins the batch before it: batch norm over one image would learn
    from that image only, and cannot work at all on 1x1 feature maps. Where batches of one were
    asked for, none is left over.
    """
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return _split(order, batch_size)


def ordered_batches(count: int, batch_size: int) -> list[Indices]:
    """All images in order, for validation."""
    return [np.arange(i, min(i + batch_size, count)) for i in range(0, count, batch_size)]


def steps_of(batches: list[Indices], accumulate: int) -> list[list[Indices]]:
    """The batches of each optimizer step: `accumulate` of them, the last step what is left."""
    return [batches[i : i + accumulate] for i in range(0, len(batches), accumulate)]


def steps_per_epoch(count: int, batch_size: int, accumulate: int = 1) -> int:
    """How many optimizer steps an epoch has."""
    return len(steps_of(_split(np.arange(count), batch_size), accumulate))


def _split(order: Indices, batch_size: int) -> list[Indices]:
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    if len(batches) > 1 and len(batches[-1]) < min(2, batch_size):
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches
