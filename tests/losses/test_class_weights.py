"""Class weights by inverse frequency: by hand, in chunks, and refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segengine.errors import UserError
from segengine.losses.class_weights import inverse_frequency


def test_by_hand() -> None:
    masks = np.array([[[0, 0, 0, 0, 0, 0]], [[1, 1, 3, 255, 255, 0]]], np.uint8)
    # 10 pixels: 7 of class 0, 2 of class 1, none of class 2, 1 of class 3; three classes present.
    weights = inverse_frequency(masks, 4)
    assert weights == pytest.approx([10 / 21, 10 / 6, 0, 10 / 3])
    assert np.dot(weights, [7, 2, 0, 1]) / 10 == pytest.approx(1)


def test_a_file_larger_than_a_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    masks = np.random.default_rng(0).integers(0, 3, (7, 20, 30)).astype(np.uint8)
    np.save(tmp_path / "masks.npy", masks)
    whole = inverse_frequency(np.load(tmp_path / "masks.npy", mmap_mode="r"), 3)
    assert whole == pytest.approx(masks.size / (3 * np.bincount(masks.ravel())))
    for pixels in (1, 600, 1300):
        monkeypatch.setattr("segengine.losses.class_weights._CHUNK", pixels)
        assert inverse_frequency(masks, 3) == whole


def test_masks_that_cannot_have_any_are_refused() -> None:
    with pytest.raises(UserError, match="hold void pixels only: choose none") as caught:
        inverse_frequency(np.full((2, 3, 3), 255, np.uint8), 3)
    assert caught.value.field == "class_weights"
    with pytest.raises(ValueError, match="must be 0 to 2 or 255, not 3"):
        inverse_frequency(np.full((2, 3, 3), 3, np.uint8), 3)
