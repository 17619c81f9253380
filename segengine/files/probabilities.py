"""Class probabilities as files: 8 bits a class and pixel, one compressed .npz an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segengine.errors import UserError
from segengine.files import atomic_write, open_regular

LEVELS = 256  # level k stands for probabilities of k / 256 up to (k + 1) / 256


def quantized(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities, float of 0 to 1, as levels, uint8 of 0 to 255."""
    levels: np.ndarray = np.minimum(np.floor(probabilities * LEVELS), LEVELS - 1)
    return levels.astype(np.uint8)


def dequantized(stored: np.ndarray) -> np.ndarray:
    """Levels, uint8, as float32: the middle of what each level stands for, so never 0 or 1."""
    # k / 255 would fall on the edges of 15 bins, and its 0 has no logarithm.
    return (stored.astype(np.float32) + np.float32(0.5)) / np.float32(LEVELS)


def save_probabilities(path: Path, stored: np.ndarray) -> None:
    """Write the levels of one image, (classes, h, w) uint8, atomically.

    Raises:
        ValueError: the array is not such levels.
        UserError: the disk is full or the folder cannot be written; an old file stays.
    """
    if stored.dtype != np.uint8 or stored.ndim != 3:
        raise ValueError(
            f"Levels must be uint8 in (classes, h, w), but are {stored.dtype} in {stored.shape}."
        )
    with atomic_write(path) as file:
        np.savez_compressed(file, probabilities=stored)


def load_probabilities(path: Path) -> np.ndarray:
    """The levels of one image, (classes, h, w) uint8.

    Raises:
        UserError: the file is missing, damaged, or does not hold such levels.
    """
    try:
        with open_regular(path) as raw, np.load(raw, allow_pickle=False) as arrays:
            stored = np.asarray(arrays["probabilities"])
    except FileNotFoundError:
        raise UserError(f"The class probabilities {path} are missing.") from None
    except Exception:  # numpy, zipfile and zlib have a dozen kinds of error for damaged bytes
        raise UserError(f"The class probabilities {path} cannot be read: damaged.") from None
    if stored.dtype != np.uint8 or stored.ndim != 3:
        raise UserError(
            f"{path} holds no class probabilities: they are 8-bit numbers in classes, height and "
            f"width, but these are {stored.dtype} in {stored.ndim} dimensions."
        )
    return stored
