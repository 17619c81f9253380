"""Photographs and labels as the browser gets them."""

from __future__ import annotations

import gzip
import io
import struct

import numpy as np
import pytest
from PIL import Image

from dashboard.masks.pictures import packed_labels, photo_tile, thumbnail, whole_level
from tests.made_masks import PETS


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg))


def test_labels_come_row_by_row_behind_their_width_and_height() -> None:
    content = gzip.decompress(packed_labels(np.array([[0, 1, 2], [2, 1, 255]])))
    assert struct.unpack("<II", content[:8]) == (3, 2)
    assert list(content[8:]) == [0, 1, 2, 2, 1, 255]


def test_a_usual_photograph_is_sent_whole_and_a_large_one_also_in_tiles() -> None:
    assert whole_level(600, 1200) == 0
    small = np.zeros((600, 1200, 3), np.uint8)
    assert opened(photo_tile(small, 0, 0, 0)).size == (1200, 600)
    assert whole_level(2500, 5000) == 2
    large = np.zeros((2500, 5000, 3), np.uint8)
    large[2048:, 4096:] = 200
    assert opened(photo_tile(large, 2, 0, 0)).size == (1250, 625)
    corner = opened(photo_tile(large, 0, 4, 2))
    assert corner.size == (5000 - 4096, 2500 - 2048)
    assert np.asarray(corner).mean() == pytest.approx(200, abs=2)
    assert opened(photo_tile(large, 1, 2, 1)).size == (452, 226)


def test_a_thumbnail_has_the_classes_colors_and_leaves_the_background_clear() -> None:
    photo = np.full((32, 96, 3), 100, np.uint8)
    labels = np.repeat(np.array([[0, 1, 255]], np.uint8), 32, axis=1)  # pet, background, void
    picture = np.asarray(opened(thumbnail(photo, labels, PETS, 255, 96)))
    assert picture.shape == (32, 96, 3)
    pet = 0.45 * 100 + 0.55 * np.array([0x00, 0x72, 0xB2])
    assert picture[16, 16] == pytest.approx(pet, abs=6)
    assert picture[16, 48] == pytest.approx([100] * 3, abs=6)
    assert picture[16, 80] == pytest.approx([0.45 * 100 + 0.55 * 0x88] * 3, abs=6)
    assert opened(thumbnail(None, labels, PETS, 255, 96)).size == (96, 1)
    assert opened(thumbnail(photo, None, PETS, 255, 48)).size == (48, 16)
