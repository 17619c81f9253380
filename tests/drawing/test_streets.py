"""The drawn sample streets: what is in them, and that picture and labels belong together."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw
from torchvision.datasets import Cityscapes as Official

from segengine.drawing.canvas import Canvas
from segengine.drawing.perspective import Spot, View
from segengine.drawing.streets import SIZE, THEMES, Label, draw_street

VOID = {Label.EGO_VEHICLE, Label.OUT_OF_ROI}
EVALUATED = sorted(set(Label) - VOID)
RARE = ("TRAFFIC_LIGHT", "RIDER", "TRUCK", "BUS", "TRAIN", "MOTORCYCLE", "BICYCLE")
Pairs = list[tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def splits() -> list[Pairs]:
    """The smallest whole dataset: every theme once in either split."""
    return [[draw_street(0, split, index) for index in range(len(THEMES))] for split in (0, 1)]


def test_labels_are_the_official_ones_by_name_and_number() -> None:
    official = {kind.name: kind.id for kind in Official.classes}
    ours = {label.name.lower().replace("_", " "): label.value for label in Label}
    assert ours.items() <= official.items()
    assert {kind.id for kind in Official.classes if not kind.ignore_in_eval} == set(EVALUATED)


def test_pictures_and_labels_have_the_same_size(splits: list[Pairs]) -> None:
    for picture, labels in splits[0] + splits[1]:
        assert picture.shape == (*SIZE, 3) and labels.shape == SIZE
        assert picture.dtype == labels.dtype == np.uint8


@pytest.mark.parametrize("split", [0, 1])
@pytest.mark.parametrize("seed", [0, 1])
def test_as_many_pictures_as_themes_show_every_class_and_void(seed: int, split: int) -> None:
    masks = [draw_street(seed, split, 7 + index)[1] for index in range(len(THEMES))]
    counts = np.bincount(np.stack(masks).ravel(), minlength=256)
    assert [label.name for label in EVALUATED if counts[label] < 20] == []
    assert counts[sorted(VOID)].sum() > 0


def test_every_theme_shows_what_it_is_for(splits: list[Pairs]) -> None:
    for pairs in splits:
        for theme, (_, labels) in zip(THEMES, pairs, strict=True):
            assert set(theme) <= set(np.unique(labels))


def test_class_shares_are_those_of_streets(splits: list[Pairs]) -> None:
    masks = [labels for pairs in splits for _, labels in pairs]
    counts = np.bincount(np.stack(masks).ravel(), minlength=256)
    share = {label.name: counts[label] / counts[EVALUATED].sum() for label in EVALUATED}
    assert 0.25 < share["ROAD"] < 0.45
    assert 0.1 < share["BUILDING"] < 0.35
    assert 0.04 < share["VEGETATION"] < 0.25
    assert 0.02 < share["CAR"] < 0.12
    assert {name: share[name] for name in RARE if share[name] > 0.02} == {}
    assert 0.04 < 1 - counts[EVALUATED].sum() / counts.sum() < 0.15


def test_the_edges_of_the_mask_are_those_of_the_image(splits: list[Pairs]) -> None:
    """Colors change across label edges, and less so where the mask is moved by a pixel or two."""

    def contrast(image: np.ndarray, mask: np.ndarray, down: int, across: int) -> float:
        moved = np.roll(mask, (down, across), axis=(0, 1))[8:-24, 8:-8]
        jump = np.abs(np.diff(image.astype(float)[8:-24, 8:-8], axis=1)).sum(axis=2)
        return float(jump[moved[:, 1:] != moved[:, :-1]].mean())

    scores = {
        (down, across): np.mean([contrast(*pair, down, across) for pair in splits[1]])
        for down, across in ((0, 0), (0, 1), (0, -1), (2, 0), (-2, 0), (0, 2), (0, -2))
    }
    assert max(scores, key=lambda where: scores[where]) == (0, 0)
    assert scores[0, 0] > 1.2 * scores[0, 2]


def test_color_alone_does_not_tell_the_classes(splits: list[Pairs]) -> None:
    """Each color judged by the class it had most often in the training images."""
    votes, confusion = np.zeros((512, 256), int), np.zeros((256, 256), int)
    for image, mask in splits[0]:
        np.add.at(votes, ((image // 32).astype(int) @ [64, 8, 1], mask), 1)
    votes[:, sorted(VOID)] = 0
    for image, mask in splits[1]:
        guess = votes.argmax(axis=1)[(image // 32).astype(int) @ [64, 8, 1]]
        np.add.at(confusion, (mask, guess), 1)
    confusion = confusion[np.ix_(EVALUATED, EVALUATED)]
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - np.diag(confusion)
    assert (np.diag(confusion) / union).mean() < 0.2


def test_the_same_arguments_give_the_same_bytes(splits: list[Pairs]) -> None:
    for first, again in zip(splits[1][2], draw_street(0, 1, 2), strict=True):
        assert first.tobytes() == again.tobytes()


def test_other_arguments_give_other_pictures(splits: list[Pairs]) -> None:
    drawn = [*splits[0], *splits[1], draw_street(1, 0, 0)]
    assert len({picture.tobytes() for picture, _ in drawn}) == len(drawn)
    assert len({labels.tobytes() for _, labels in drawn}) == len(drawn)


def test_things_shrink_with_distance() -> None:
    view = View(np.random.default_rng(0), 100, 200)
    view.bend = 0.0
    square = [(-1, 0, 0), (1, 0, 0), (1, 2, 0), (-1, 2, 0)]
    near, far = (view.project(view.locate(Spot(0, z), square)) for z in (10, 20))
    assert np.ptp(near, axis=0) == pytest.approx(2 * np.ptp(far, axis=0))
    assert np.ptp(near, axis=0) == pytest.approx([view.focal * 2 / 10] * 2)


def test_the_back_of_a_face_is_not_seen() -> None:
    view = View(np.random.default_rng(0), 100, 200)
    square = [(-1, 0, 0), (1, 0, 0), (1, 2, 0), (-1, 2, 0)]
    view.face(Spot(0, 10, np.pi), square, (1, 0, 0), Label.CAR)
    assert not (view.labels == Label.CAR).any()
    view.face(Spot(0, 10), square, (1, 0, 0), Label.CAR)
    assert (view.labels == Label.CAR).sum() == pytest.approx((view.focal * 2 / 10) ** 2, rel=0.1)


def test_a_polygon_is_filled_as_in_a_whole_image() -> None:
    corners = np.random.default_rng(3).uniform(-20, 120, (20, 3, 2))
    canvas, whole = Canvas(100, 100, 255), Image.new("L", (100, 100), 255)
    for label, triangle in enumerate(corners):
        canvas.fill(triangle, (1, 0, 0), label)
        ImageDraw.Draw(whole).polygon(triangle.ravel().tolist(), fill=label)
    assert (canvas.labels != np.asarray(whole)).mean() < 0.02  # rounding at the corners
    assert np.array_equal(canvas.color[..., 0] > 0, canvas.labels != 255)


def test_drawing_needs_no_torch() -> None:
    code = "import segengine.drawing.streets, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
