"""One drawn picture of a pet with its trimap: the scene, the pet, the shadows, the camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segengine.datasets.drawing.faces import Face, head_limbs, paint_face
from segengine.datasets.drawing.fur import Pelt, choose_coat, finish_pelt, paint_limb
from segengine.datasets.drawing.poses import POSES, place
from segengine.datasets.drawing.scenes import draw_scene
from segengine.datasets.drawing.textures import (
    FloatArray,
    Size,
    blur,
    lit,
    mix,
    pixel_grid,
    shift,
    smooth_noise,
    to_bytes,
)
from segengine.datasets.drawing.things import lay, place_thing

PET, BACKGROUND, BORDER = 1, 2, 3  # the official trimap values

# Real trimaps (598 of them, measured): a band about 0.04 of the frame's mean side wide; median
# shares of 0.25 pet, 0.61 background and 0.12 border, the pet from 0.11 to 0.49 (p10 to p90).
BAND = 0.042
PET_SHARE = (0.06, 0.62)

ByteArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Breed:
    """A made-up breed; cats have a capital first letter, as in the official names."""

    name: str
    dog: bool
    floppy_ears: bool
    patterns: tuple[str, ...]
    fluff: tuple[float, float]  # shortest and longest hair, in skull radii


BREEDS = (
    Breed("Sample_tabby", False, False, ("tabby", "tabby", "points"), (0.03, 0.10)),
    Breed("sample_hound", True, True, ("saddle", "patches", "solid"), (0.02, 0.07)),
    Breed("Sample_calico", False, False, ("patches", "tuxedo", "solid"), (0.05, 0.16)),
    Breed("sample_spitz", True, False, ("solid", "tuxedo", "points"), (0.10, 0.22)),
)


def draw_pet(seed: int, split: int, index: int) -> tuple[ByteArray, ByteArray]:
    """Picture `index` of a split: RGB (H, W, 3) and official trimap (H, W).

    The same three numbers always give the same picture, whatever else is drawn.
    """
    rng = np.random.default_rng([seed, split, index])
    breed = BREEDS[index % len(BREEDS)]
    size = choose_size(rng)
    scene = draw_scene(rng, size)
    for _ in range(20):
        picture, trimap = compose(rng, scene, breed)
        share = float((trimap == PET).mean())
        if PET_SHARE[0] < share < PET_SHARE[1] and (trimap == BACKGROUND).mean() > 0.1:
            break
    return develop(rng, picture), trimap


def choose_size(rng: np.random.Generator) -> Size:
    """Height and width: as in the real photos, three in ten are portraits."""
    long = int(rng.integers(216, 257))
    short = int(long / rng.choice([1.0, 5 / 4, 4 / 3, 4 / 3, 3 / 2]))
    return (long, short) if rng.random() < 0.3 else (short, long)


def compose(
    rng: np.random.Generator, scene: FloatArray, breed: Breed
) -> tuple[FloatArray, ByteArray]:
    """One pet in the scene, at times with something in front of it: colours in 0..1, trimap."""
    size: Size = scene.shape[:2]
    pelt, opacity = paint_pet(rng, breed, size)
    picture = mix(cast_shadow(rng, scene, opacity), pelt, opacity)
    if rng.random() < 0.25:
        thing = place_thing(rng, size, 0.8, 1.1)
        picture = lay(picture, thing, 0.4)
        opacity = opacity * (1 - thing[1])
    return picture, make_trimap(outline(opacity))


def paint_pet(rng: np.random.Generator, breed: Breed, size: Size) -> tuple[FloatArray, FloatArray]:
    """A pet of the breed in some pose: colours (H, W, 3) and opacity (H, W)."""
    bulk = float(rng.uniform(0.88, 1.15))
    draw = POSES[rng.integers(len(POSES))]
    pose = place(draw(rng, bulk), rng, size)
    coat = choose_coat(rng, breed.patterns, breed.fluff, size)
    face = Face(pose.head, breed.dog, breed.floppy_ears)
    spread, unit = float(rng.uniform(-0.05, 0.25)), pose.head.size
    wobble = smooth_noise(rng, size, max(3.0, 0.3 * unit))
    sun = sunlight(rng)
    pelt = Pelt.bare(size)
    for limb in (*pose.behind, *head_limbs(face, spread)):
        paint_limb(pelt, limb, coat, sun, unit, wobble)
    for limb in pose.front:
        paint_limb(pelt, limb, coat, sun, unit, wobble)
    picture, opacity = finish_pelt(rng, pelt, coat, unit)
    return paint_face(picture, face, spread, rng), opacity


def sunlight(rng: np.random.Generator) -> FloatArray:
    """Unit vector (x, y, z) towards a light above and in front of the pet."""
    towards = np.array((rng.uniform(-0.8, 0.8), rng.uniform(-0.9, -0.3), rng.uniform(0.4, 0.9)))
    return np.asarray(towards / np.linalg.norm(towards), np.float32)


def cast_shadow(rng: np.random.Generator, scene: FloatArray, opacity: FloatArray) -> FloatArray:
    """The scene with the pet's soft shadow, a tight one underneath and a wide one aside."""
    reach = max(opacity.shape) // 24
    down, across = int(rng.integers(2, reach)), int(rng.integers(-reach, reach))
    tight = blur(shift(opacity, 2, 0), 2.5)
    wide = blur(shift(opacity, down, across), rng.uniform(4, 10))
    return lit(scene, 1 - 0.3 * tight - np.float32(rng.uniform(0.1, 0.35)) * wide)


def make_trimap(silhouette: BoolArray) -> ByteArray:
    """Official values from a silhouette (H, W): a band of border on both sides of the outline."""
    radius = max(1, round(BAND * math.sqrt(silhouette.size) / 2))
    trimap = np.full(silhouette.shape, BACKGROUND, np.uint8)
    trimap[dilate(silhouette, radius)] = BORDER
    trimap[~dilate(~silhouette, radius)] = PET
    return trimap


def outline(opacity: FloatArray) -> BoolArray:
    """The silhouette as a person would draw it: round tufts and through stray hairs."""
    return blur(opacity, 2) > 0.5


def dilate(mask: BoolArray, radius: int) -> BoolArray:
    """The mask grown by an octagon. Beyond the frame it goes on as at the frame's edge."""
    for step in range(radius):
        padded = np.pad(mask, 1, mode="edge")
        mask = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:] | mask
        if step % 2:  # crosses and squares in turn make the octagon
            mask = mask | padded[:-2, :-2] | padded[:-2, 2:] | padded[2:, :-2] | padded[2:, 2:]
    return mask


def develop(rng: np.random.Generator, picture: FloatArray) -> ByteArray:
    """What a camera adds: uneven and tinted light, vignette, slight blur and grain."""
    size: Size = picture.shape[:2]
    y, x = pixel_grid(size)
    angle = rng.uniform(0, 2 * math.pi)
    across, down = x / size[1] - 0.5, y / size[0] - 0.5
    slope = (across * math.cos(angle) + down * math.sin(angle)) * rng.uniform(0, 0.5)
    vignette = (across**2 + down**2) * rng.uniform(0, 0.4)
    warmth = np.array((1, 0, -1)) * rng.normal(0, 0.04)
    tint = np.asarray((1 + warmth) * rng.uniform(0.95, 1.3), np.float32)
    picture = lit(picture * tint, 1 + slope - vignette)
    picture = blur(picture, rng.uniform(0.3, 0.8))
    grain = rng.standard_normal(size, np.float32) * np.float32(rng.uniform(0.005, 0.03))
    return to_bytes(picture + grain[..., None])
