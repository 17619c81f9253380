"""Between the scene and the file: haze, wet roads, the own car's hood, and the sensor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from segengine.datasets.drawing.streets.canvas import Canvas
from segengine.datasets.drawing.streets.labels import Label
from segengine.datasets.drawing.textures import (
    FloatArray,
    blur,
    lit,
    mix,
    pixel_grid,
    smooth_noise,
    smoothstep,
    to_bytes,
)

ByteArray = npt.NDArray[np.uint8]


def develop(canvas: Canvas, rng: np.random.Generator) -> FloatArray:
    """The scene through the air: reflections on wet ground, and haze over distance."""
    weather, picture = canvas.weather, canvas.picture
    if weather.kind == "rain":
        picture = reflect(canvas, rng)
    depth = 1 / np.maximum(canvas.nearness, 1e-4)
    veil = (1 - np.exp(-weather.density * depth)) * (canvas.nearness > 0)
    return mix(picture, weather.haze, np.asarray(veil, np.float32))


def reflect(canvas: Canvas, rng: np.random.Generator) -> FloatArray:
    """What stands on it, mirrored in wet asphalt, broken by its roughness."""
    height, width = canvas.camera.size
    rows = np.clip(2 * canvas.camera.horizon() - np.arange(height), 0, height - 1).astype(int)
    mirrored = blur(np.clip(canvas.picture[rows], 0, 1), 2.5)
    wet = smoothstep(smooth_noise(rng, (height, width), width / 9), -0.6, 0.8)
    ground = np.isin(canvas.labels, (Label.ROAD, Label.SIDEWALK, Label.RAIL_TRACK))
    strength = np.float32(rng.uniform(0.2, 0.5))
    return mix(
        canvas.picture * np.float32(0.85), mirrored, np.asarray(strength * wet * ground, np.float32)
    )


def hood(picture: FloatArray, canvas: Canvas, rng: np.random.Generator) -> None:
    """The own car's bonnet along the lower edge, with the sky in it."""
    height, width = canvas.camera.size
    y, x = pixel_grid((height, width))
    across = (x - width * rng.uniform(0.47, 0.53)) / (width * rng.uniform(0.5, 0.62))
    edge = height * (rng.uniform(0.91, 0.96) + 0.13 * across**4)
    here = y > edge
    colour = np.full(3, rng.choice([0.06, 0.1, 0.3, 0.5])) * canvas.weather.falling_on(
        np.array((0, 1.0, 0))
    )
    shine = smoothstep(np.asarray(y - edge + 0 * x, np.float32), height * 0.06, 0.0) * np.float32(
        0.45
    )
    bonnet = mix(
        np.broadcast_to(np.asarray(colour, np.float32), picture.shape), canvas.weather.haze, shine
    )
    picture[here] = bonnet[here]
    canvas.labels[here] = Label.EGO_VEHICLE
    canvas.nearness[here] = 1.0


def shrink(
    rng: np.random.Generator, picture: FloatArray, labels: ByteArray, nearness: FloatArray
) -> tuple[ByteArray, ByteArray]:
    """Half the size: colours averaged, labels by majority, the nearer one where two are even."""
    height, width = labels.shape[0] // 2, labels.shape[1] // 2
    small = picture.reshape(height, 2, width, 2, 3).mean(axis=(1, 3), dtype=np.float32)
    four = labels.reshape(height, 2, width, 2).transpose(0, 2, 1, 3).reshape(height, width, 4)
    near = nearness.reshape(height, 2, width, 2).transpose(0, 2, 1, 3).reshape(height, width, 4)
    votes = (four[..., :, None] == four[..., None, :]).sum(axis=-1) + near / (near.max() + 1)
    chosen = np.take_along_axis(four, votes.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    return expose(rng, small), chosen


def expose(rng: np.random.Generator, picture: FloatArray) -> ByteArray:
    """What a sensor adds: exposure, tint, vignette, slight blur and grain."""
    size = picture.shape[:2]
    y, x = pixel_grid(size)
    target = rng.uniform(0.36, 0.52)
    gain = np.clip(target / (float(picture.mean()) + 1e-3), 0.7, 1.5)
    tint = np.asarray(gain * (1 + rng.normal(0, 0.02, 3)), np.float32)
    far = (x / size[1] - 0.5) ** 2 + (y / size[0] - 0.5) ** 2
    picture = lit(picture * tint, np.asarray(1 - rng.uniform(0, 0.35) * far, np.float32))
    picture = blur(
        np.clip(picture, 0, 1) ** np.float32(rng.uniform(0.85, 1.1)), rng.uniform(0.2, 0.6)
    )
    grain = rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(0.005, 0.02))
    return to_bytes(picture + grain)


def out_of_roi(labels: ByteArray) -> ByteArray:
    """The outermost pixels are void, as in the real masks."""
    labels = labels.copy()
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        edge[:] = Label.OUT_OF_ROI
    return labels
