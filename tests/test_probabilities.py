"""Class probabilities as files."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segengine.errors import UserError
from segengine.files.probabilities import (
    dequantized,
    load_probabilities,
    quantized,
    save_probabilities,
)

STORED = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)


def test_a_level_holds_what_lies_from_it_up_to_the_next() -> None:
    levels = quantized(np.array([0.0, 1 / 256 - 1e-9, 1 / 256, 0.5, 255 / 256, 1.0]))
    assert levels.tolist() == [0, 0, 1, 128, 255, 255] and levels.dtype == np.uint8


def test_what_comes_back_is_half_a_level_off_at_most_and_never_0_or_1() -> None:
    given = np.linspace(0, 1, 10_001, dtype=np.float32)
    back = dequantized(quantized(given))
    assert back.dtype == np.float32
    assert np.abs(back - given).max() <= 0.5 / 256 + 1e-7
    assert back.min() == 0.5 / 256 and back.max() == 255.5 / 256
    levels = np.arange(256, dtype=np.uint8)
    assert quantized(dequantized(levels)).tolist() == levels.tolist()


def test_an_image_in_a_folder_of_its_own_is_kept_and_read(tmp_path: Path) -> None:
    path = tmp_path / "city" / "a.b.npz"
    save_probabilities(path, STORED)
    assert os.listdir(path.parent) == ["a.b.npz"]
    assert np.array_equal(load_probabilities(path), STORED)
    first = path.read_bytes()
    save_probabilities(path, STORED)
    assert path.read_bytes() == first


@pytest.mark.parametrize("wrong", [STORED.astype(np.float32), STORED[0]])
def test_what_is_no_stack_of_levels_is_not_written(tmp_path: Path, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="must be uint8 in"):
        save_probabilities(tmp_path / "a.npz", wrong)
    assert os.listdir(tmp_path) == []


def of(**arrays: Any) -> bytes:
    """The bytes of an .npz."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


WHOLE = of(probabilities=STORED)
FLIPPED = WHOLE[:80] + bytes(byte ^ 0xFF for byte in WHOLE[80:90]) + WHOLE[90:]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read: damaged"),
        (b"no archive at all", "cannot be read: damaged"),
        (WHOLE[:-30], "cannot be read: damaged"),
        (FLIPPED, "cannot be read: damaged"),
        (of(others=STORED), "cannot be read: damaged"),
        (of(probabilities=np.array([print], object)), "cannot be read: damaged"),  # never pickle
        (of(probabilities=STORED.astype(np.float32)), "float32 in 3 dimensions"),
        (of(probabilities=STORED[0]), "uint8 in 2 dimensions"),
    ],
)
def test_a_file_that_holds_something_else_is_said(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=words) as info:
        load_probabilities(path)
    assert str(path) in str(info.value)


def test_an_array_without_an_archive_is_damaged_too(tmp_path: Path) -> None:
    with (tmp_path / "a.npz").open("wb") as file:
        np.save(file, STORED)
    with pytest.raises(UserError, match="damaged"):
        load_probabilities(tmp_path / "a.npz")


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.npz are missing"):
        load_probabilities(tmp_path / "a.npz")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(UserError, match="cannot be read"):
        load_probabilities(tmp_path / "a.npz")
