"""One drawn picture of a street with its labels: the plan, the scene, the camera."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from segengine.datasets.drawing.streets.camera import Camera
from segengine.datasets.drawing.streets.canvas import Canvas
from segengine.datasets.drawing.streets.labels import Label
from segengine.datasets.drawing.streets.layout import THEMES, Street
from segengine.datasets.drawing.streets.lens import develop, hood, out_of_roi, shrink
from segengine.datasets.drawing.streets.scene import furnish
from segengine.datasets.drawing.streets.weather import choose_weather

__all__ = ["SIZE", "THEMES", "Label", "draw_street"]

SIZE = (128, 256)  # (height, width): half the sides' ratio of the real ones, an eighth of the sides
OVERSAMPLING = 2
LEAST = 24  # pixels of everything that a theme must show
TRIES = 12

ByteArray = npt.NDArray[np.uint8]


def draw_street(seed: int, split: int, index: int) -> tuple[ByteArray, ByteArray]:
    """Picture `index` of a split: RGB (H, W, 3) and official label ids (H, W).

    The same three numbers always give the same picture, whatever else is drawn. The themes take
    turns, so that every six pictures in a row hold all classes.
    """
    rng = np.random.default_rng([seed, split, index, 19])
    theme = THEMES[index % len(THEMES)]
    for _ in range(TRIES):
        picture, labels = compose(rng, Street.plan(rng, theme))
        if all((labels == label).sum() >= LEAST for label in theme.shows):
            break
    return picture, labels


def compose(rng: np.random.Generator, street: Street) -> tuple[ByteArray, ByteArray]:
    """One picture of the street under some weather."""
    weather = choose_weather(rng)
    camera = Camera.mounted(rng, (SIZE[0] * OVERSAMPLING, SIZE[1] * OVERSAMPLING))
    canvas = Canvas(camera, weather, rng)
    furnish(canvas, rng, street)
    canvas.drop_shadows()
    scene = develop(canvas, rng)
    hood(scene, canvas, rng)
    picture, labels = shrink(rng, scene, canvas.labels, canvas.nearness)
    return picture, out_of_roi(labels)
