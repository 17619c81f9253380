"""Photographs and index masks as pictures for the browser."""

from __future__ import annotations

import base64
import io
import zlib

import numpy as np
import pytest
from PIL import Image

from dashboard.masks.overlays import (
    data_uri,
    error_png,
    mask_png,
    pack_labels,
    photo_jpeg,
)
from segengine.results.masks import FALSE_ALARM, MISSED, WRONG
from tests.made_masks import PETS


def colors_of(png: bytes) -> list[list[tuple[int, ...]]]:
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))
    return [[tuple(map(int, pixel)) for pixel in row] for row in pixels]


def test_overlays_have_the_classes_colors_and_leave_the_background_clear() -> None:
    mask = np.array([[0, 1, 2]])
    pet, background, border = colors_of(mask_png(mask, PETS, 255))[0]
    assert pet == (0x00, 0x72, 0xB2, 255)
    assert background[3] == 0
    assert border == (0xF0, 0xE4, 0x42, 255)


def test_void_is_hatched_and_unknown_labels_are_clear() -> None:
    pixels = np.array(colors_of(mask_png(np.full((16, 16), 255), PETS, 255)))
    assert np.unique(pixels[..., 3]).tolist() == [0, 255]
    assert (pixels[..., 3] == 255).mean() == pytest.approx(0.25)
    large = np.array(colors_of(mask_png(np.full((4, 1024), 255), PETS, 255)))
    assert (large[0, :, 3] == 255).tolist() == 32 * ([True] * 8 + [False] * 24)  # apart when small
    assert colors_of(mask_png(np.array([[9]]), PETS, 255))[0][0][3] == 0


def test_error_overlays_are_vermilion_yellow_and_sky() -> None:
    errors = np.array([[0, MISSED, FALSE_ALARM, WRONG]], np.uint8)
    right, missed, false_alarm, wrong = colors_of(error_png(errors))[0]
    assert right[3] == 0
    assert missed == (0xD5, 0x5E, 0x00, 255)
    assert false_alarm == (0xF0, 0xE4, 0x42, 255)
    assert wrong == (0x56, 0xB4, 0xE9, 255)


def test_photographs_are_made_small_and_keep_their_shape() -> None:
    jpeg = Image.open(io.BytesIO(photo_jpeg(np.zeros((600, 1200, 3), np.uint8))))
    assert jpeg.size == (640, 320)
    assert data_uri(photo_jpeg(np.zeros((4, 4, 3), np.uint8))).startswith("data:image/jpeg;base64,")


def test_the_labels_under_the_cursor_are_packed_row_by_row() -> None:
    packed = pack_labels(np.array([[0, 1, 2], [2, 1, 255]]))
    assert (packed["width"], packed["height"]) == (3, 2)
    assert list(zlib.decompress(base64.b64decode(packed["data"]))) == [0, 1, 2, 2, 1, 255]
    assert pack_labels(np.zeros((512, 1024)))["width"] == 256
