"""The drawn pets and their trimaps, picture by picture; files and folders are tested elsewhere."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageFilter

from segengine.drawing.pets import BACKGROUND, BORDER, PET, draw_pet

Pair = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return [draw_pet(0, 0, index) for index in range(10)]


def touch(trimap: np.ndarray, first: int, second: int) -> bool:
    """Whether a pixel of one class touches a pixel of the other, corners not counted."""
    pairs = ((trimap[1:], trimap[:-1]), (trimap[:, 1:], trimap[:, :-1]))
    return any(
        bool((((a == first) & (b == second)) | ((a == second) & (b == first))).any())
        for a, b in pairs
    )


def test_every_trimap_holds_pet_background_and_a_border_between_them(pairs: list[Pair]) -> None:
    for picture, trimap in pairs:
        assert picture.dtype == trimap.dtype == np.uint8
        assert picture.shape == (*trimap.shape, 3)
        assert set(np.unique(trimap)) == {PET, BACKGROUND, BORDER}
        assert not touch(trimap, PET, BACKGROUND)
        assert touch(trimap, PET, BORDER) and touch(trimap, BORDER, BACKGROUND)


def test_a_picture_depends_on_seed_split_and_index_alone(pairs: list[Pair]) -> None:
    assert len({picture.tobytes() for picture, _ in pairs}) == len(pairs)
    again, trimap = draw_pet(0, 0, 5)
    assert np.array_equal(again, pairs[5][0]) and np.array_equal(trimap, pairs[5][1])
    others = [draw_pet(1, 0, 5)[0], draw_pet(0, 1, 5)[0]]
    assert all(other.tobytes() != again.tobytes() for other in others)


def test_the_border_lies_on_edges_of_the_picture(pairs: list[Pair]) -> None:
    """More than where the same border lies in the mirror image."""
    true, mirrored = [], []
    for picture, trimap in pairs:
        soft = Image.fromarray(picture).filter(ImageFilter.GaussianBlur(3))
        down, across = np.gradient(np.asarray(soft, float), axis=(0, 1))
        edges = np.hypot(down, across).sum(axis=2)
        true.append(edges[trimap == BORDER].mean())
        mirrored.append(edges[trimap[:, ::-1] == BORDER].mean())
    assert np.mean(true) > 1.3 * np.mean(mirrored)


def test_color_alone_does_not_find_the_pet(pairs: list[Pair]) -> None:
    """Each pixel judged by how often its color was pet elsewhere: far from a solution."""
    nearest = Image.Resampling.NEAREST
    small = [np.asarray(Image.fromarray(picture).resize((64, 64))) // 32 for picture, _ in pairs]
    colors = np.stack([image.astype(int) @ [64, 8, 1] for image in small])
    pets = np.stack(
        [np.asarray(Image.fromarray(t).resize((64, 64), nearest)) == PET for _, t in pairs]
    )
    intersection = union = 0
    for chosen in range(len(pairs)):
        others = np.arange(len(pairs)) != chosen
        seen = np.bincount(colors[others].ravel(), minlength=512)
        pet = np.bincount(colors[others].ravel(), pets[others].ravel(), 512)
        guess = (pet / np.maximum(seen, 1))[colors[chosen]] > pets[others].mean()
        intersection += int((guess & pets[chosen]).sum())
        union += int((guess | pets[chosen]).sum())
    assert intersection / union < 0.48


def test_drawing_needs_nothing_else_of_segengine_and_no_torch() -> None:
    code = (
        "import sys, segengine.drawing.pets\n"
        "others = [m for m in sys.modules if m.startswith('segengine.')"
        " and not m.startswith('segengine.drawing')]\n"
        "sys.exit('torch' in sys.modules or bool(others))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
