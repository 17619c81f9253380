"""Sample pets: a cat or a dog of fur strokes in a room or a garden, with its trimap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from segengine.drawing.canvas import Canvas, Floats, Rng, eight_bits, noise, rgb, ring
from segengine.drawing.fur import BENDS, Hairs, Limb, comb, grow
from segengine.drawing.rooms import Place

CAT_EYES = ("#ce9628 #f0c84e", "#80a046 #b4d070", "#6096be #9cc8e6")
PET, BACKGROUND, BORDER = 1, 2, 3  # the official trimap values
FINE, BOX = 1.5, Image.Resampling.BOX  # pixels drawn for each one kept, along each axis


class Breed(NamedTuple):
    name: str
    dog: bool
    hair: float  # in skull radii
    coats: tuple[str, ...]  # light, main and dark


TABBIES = ("d6be9e 9e8060 4a382c", "fadeb4 de9652 aa5c28", "e2e2de a0a0a0 4a4c50")
SPITZES = ("f4eee4 eee2ce ceb492", "fce6c4 e2a05c ac6834", "d6d2cc 8c8886 3e3c3e")
BREEDS = (
    Breed("Drawn_tabby", False, 0.17, TABBIES),
    Breed("drawn_hound", True, 0.13, ("f4eee4 be7a42 382c28",)),
    Breed("Drawn_calico", False, 0.2, ("f4eee4 e09248 3e3432",)),
    Breed("drawn_spitz", True, 0.34, SPITZES),
)
# In skull radii from where the ground is: the middle of the head (x, y), the pet's ends in x and y.
POSES = {
    "sitting": ((0, -3.1), (-1.9, 1.5), -4.4),
    "standing": ((1.75, -2.8), (-2.7, 2.7), -4.1),
    "lying": ((1.15, -1.95), (-2.6, 2.2), -3.3),
    "curled": ((1.15, -0.8), (-1.9, 2.3), -2.2),
    "portrait": ((0, -3.1), (-1.3, 1.3), -4.4),
}
# A limb a line, the later ones over the earlier: its pose and breeds; what it is; whether it has a
# twin on the other side ("both") or behind all ("far"); the radii at its ends; the points (x, y) of
# its curve. Lengths are skull radii, y is 0 at the ground, for what every pose has in the head.
LIMBS = """
sitting           tabby/hound/calico tail   one  .22 .13  -.5 -.3  -1.3 -.25  -1.8 -.7  -1.7 -1.5
standing          tabby/hound/calico tail   one  .22 .13  -1.4 -1.9  -2.2 -1.85  -2.7 -2.3  -2.6 -3
lying             any                tail   one  .22 .13  -1.4 -.35  -2.1 -.3  -2.6 -.5  -2.5 -1
sitting           spitz              tail   one  .32 .22  -.5 -.4  -1.3 -.5  -1.6 -1.2  -1.2 -1.7
standing          spitz              tail   one  .36 .30  -1.2 -2  -2 -2.2  -1.9 -2.9  -1.3 -2.8
sitting/portrait  any                body   one  .60 .98  0 -2.5  0 -1.7  0 -.85
sitting/portrait  any                body   both .50 .42  .72 -.75  .86 -.45
sitting           any                paw    both .20 .19  .92 -.2  .8 -.16
sitting/portrait  any                chest  one  .55 .42  0 -2.3  0 -1.5
sitting/portrait  any                leg    both .34 .24  .4 -1.75  .36 -1  .34 -.3
sitting           any                paw    both .26 .25  .33 -.22  .36 -.17
standing          any                body   one  .78 .70  1.25 -1.75  0 -1.7  -1.2 -1.8
standing          any                leg    far  .40 .23  1.2 -1.6  1.23 -.8  1.22 -.26
standing          any                paw    far  .24 .22  1.2 -.2  1.36 -.19
standing          any                leg    far  .45 .23  -1.15 -1.6  -1.05 -.9  -1.18 -.26
standing          any                paw    far  .24 .22  -1.2 -.2  -1.04 -.19
standing          any                body   one  .56 .40  -1.2 -1.75  -1.1 -1.3
standing          any                chest  one  .60 .60  1.75 -2.3  1.55 -1.75
lying             any                body   one  .80 .78  .8 -1  -.3 -.95  -1.2 -.8
lying             any                body   one  .68 .50  -1.2 -.75  -.9 -.55
lying             any                paw    one  .20 .21  -1.1 -.2  -.35 -.2
lying             any                chest  one  .60 .60  1.1 -1.6  1.05 -.85
lying             any                leg    far  .34 .24  .75 -.5  1.4 -.26
lying             any                paw    far  .24 .22  1.4 -.22  1.7 -.21
curled            any                body   one  .80 .80  .8 -.8  -.1 -1.05  -1 -.85
curled            any                body   one  .65 .45  -1.1 -.7  -.5 -.5
any               tabby/calico       ear    both .40 .04  .5 -.45  .7 -1.28
any               spitz              ear    both .40 .04  .5 -.45  .62 -1.45
any               tabby/calico/spitz inner  both .24 .03  .52 -.5  .62 -1.06
any               any                head   one  .80 .80  -.12 -.05  .12 -.05
any               any                head   one  .50 .50  -.4 .24  .4 .24
any               tabby/calico       muzzle one  .22 .22  -.15 .42  .15 .42
any               hound/spitz        muzzle one  .36 .38  0 .2  0 .46
any               hound              ear    both .18 .29  .5 -.62  .98 -.3  1 .5
curled            any                tail   one  .25 .17  -1.6 -.5  -.9 -.1  .1 -.2  .6 -.3
"""


def limbs_of(pose: str, breed: Breed, turn: Floats, shift: Floats, tilt: Floats) -> list[Limb]:
    """All of a pet in pixels, from back to front; `tilt` turns the head."""
    limbs: list[Limb] = []
    unit, above = turn[1, 1], turn @ POSES[pose][0] + shift
    lengths = {"paw": 0.1, "muzzle": 0.11, "ear": 0.15, "inner": 0.14, "chest": 1.25 * breed.hair}
    for poses, breeds, kind, twin, *numbers in map(str.split, LIMBS.strip().split("\n")):
        if (pose in poses or poses == "any") and (breed.name[7:] in breeds or breeds == "any"):
            matrix, by = (turn @ tilt, above) if poses == "any" else (turn, shift)
            radii, curve = np.array(numbers[:2], float), np.array(numbers[2:], float).reshape(-1, 2)
            hair = unit * lengths.get(kind, breed.hair)
            source = matrix @ (0, 0.22) + by if kind in ("head", "muzzle") else None
            limb = Limb(curve @ matrix.T + by, unit * radii, hair, kind=kind, source=source)
            if twin == "both":
                limbs.append(limb._replace(points=curve * (-1, 1) @ matrix.T + by))
            if twin == "far":
                limbs.insert(0, limb._replace(points=limb.points - turn @ (0.4, 0.05), light=0.72))
            limbs.append(limb)
    return limbs


def draw_pet(seed: int, split: int, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A picture (H, W, 3) and its trimap (H, W), made of these three numbers alone."""
    rng = np.random.default_rng([seed, split, index])
    breed = BREEDS[index % len(BREEDS)]
    size = int(rng.integers(180, 233)), int(rng.integers(165, 215))
    canvas = Canvas(int(size[1] * FINE), int(size[0] * FINE), BACKGROUND)
    place = Place(rng, canvas, rgb(str(rng.choice(breed.coats))))
    picture = paint_pet(rng, place, breed).resize(size, BOX)
    mask = Image.fromarray(255 * (canvas.labels == PET).astype(np.uint8)).resize(size, BOX)
    band = ImageFilter.GaussianBlur(0.0145 * (size[0] * size[1]) ** 0.5)
    soft = np.asarray(mask.filter(band))  # the border straddles the outline
    trimap = np.where(soft > 225, PET, np.where(soft < 30, BACKGROUND, BORDER))
    return np.asarray(picture), trimap.astype(np.uint8)


def paint_pet(rng: Rng, place: Place, breed: Breed) -> Image.Image:
    """The pet over what is there; returns the picture, its face drawn in."""
    height, width = place.height, place.width
    pose, angle = str(rng.choice(list(POSES))), rng.normal(0, 0.12)
    middle, (left, right), top = POSES[pose]
    unit = rng.uniform(0.74, 0.92) * min(width / (right - left), height / -top)
    ground = height * rng.uniform(0.9, 0.97)
    if pose == "portrait":  # so close that only head and chest are in the picture
        unit, ground = height * rng.uniform(0.23, 0.27), 1.33 * height
    turn = np.diag(unit * rng.uniform(0.95, 1.05, 2)) * (rng.choice([-1, 1]), 1)
    center = width / 2 + rng.uniform(-0.4, 0.4) * max(0, width - unit * (right - left))
    shift = np.array([center - turn[0, 0] * (left + right) / 2, ground])
    place.shadow(center, ground, unit * (right - left) / 2)
    tilt = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    spacing = max(2.9, 0.061 * unit)
    grown = [grow(rng, limb, spacing) for limb in limbs_of(pose, breed, turn, shift, tilt)]
    hairs = Hairs(*(np.concatenate(arrays) for arrays in zip(*grown, strict=True)))
    root = hairs.ends[:, 0]
    column, row = (root / 4).astype(int).clip(0, [width // 4 - 1, height // 4 - 1]).T
    tuft, patch = (noise(rng, (height // 4, width // 4), unit / n)[row, column] for n in (20, 6))
    head = turn @ middle + shift
    seen = (root - head) @ np.linalg.inv(turn @ tilt).T
    color = place.coat[tones(breed.name, hairs, seen, 1.6 * patch)]
    color[hairs.kind == "inner"] = 0.5 * place.coat[1] + (0.43, 0.3, 0.28)
    near = (1.5 - np.hypot(seen[:, 0], seen[:, 1] - 0.3)).clip(0, 0.6)  # to the head: in its shade
    light = hairs.light * (1 - 0.38 * near * ~np.isin(hairs.kind, ["head", "muzzle", "ear"]))
    light *= 1 + 0.1 * tuft + rng.normal(0, 0.05, len(tuft))
    comb(place.canvas, hairs.ends, color * light[:, None], 1.4 * spacing, PET)
    image = Image.fromarray(eight_bits(place.canvas.color))
    face(rng, image, breed.dog, turn @ tilt, head, pose == "curled")
    return image


def tones(name: str, hairs: Hairs, seen: Floats, patch: Floats) -> NDArray[np.int_]:
    """For each hair 0, 1 or 2: light, main or dark. `seen` is (N, 2) in skull radii of the head."""
    x, y, down, along = *seen.T, hairs.down, hairs.along
    body, leg, tail, head, ear = (hairs.kind == k for k in ("body", "leg", "tail", "head", "ear"))
    light = np.isin(hairs.kind, ["muzzle", "paw", "chest"]) | body & (down > 0.7)
    if name == "Drawn_tabby":
        mask = np.where(y < -0.2, np.cos(x * 15), np.cos(y * 14) * (abs(x) > 0.5))
        stripes = np.sin(along * np.where(leg, 14, 22) + 2.2 * patch)
        dark = (np.where(head, mask, stripes) > 0.35) & (down < 0.6)
    elif name == "Drawn_calico":
        halves = (head | ear) & (y < 0.15 - 0.3 * patch)
        value = np.where(halves, 2.5 * x, 0) + patch * np.where(head, 0.3, 1)
        dark, light = value < -0.3, light | (abs(value + 0.025) < 0.275)
    elif name == "drawn_hound":
        dark = (body | tail) & (down < 0.25 + 0.5 * patch)
        light |= head & (abs(x) < 0.13 + 0.1 * y) | leg & (along > 0.3) | tail & (along > 0.75)
    else:
        dark = ear | head & (y < -0.45 + 0.1 * patch) & (abs(x) > 0.2)
        light |= (down > 0.5 + 0.2 * patch) | tail
    return np.where(light, 0, np.where(dark, 2, 1))


def face(rng: Rng, image: Image.Image, dog: bool, turn: Floats, head: Floats, asleep: bool) -> None:
    """Eyes, nose, mouth and whiskers, given in skull radii."""
    pen = ImageDraw.Draw(image)

    def spot(x: float, y: float, wide: float, tall: float, fill: str, lean: float = 0.0) -> None:
        shape = ring(24) @ ((wide, lean * wide), (0, tall)) + (x, y)
        pen.polygon((shape @ turn.T + head).ravel().tolist(), fill)

    def line(points: list[tuple[float, float]], fill: str, wide: float) -> None:
        curve = BENDS[len(points)] @ points @ turn.T + head
        pen.line(curve.ravel().tolist(), fill, max(1, round(wide * np.hypot(*turn[0]))))

    ink, white = "#281c18", "#fcfaf6"
    iris, bright = ("#603a1e #8a5a34" if dog else str(rng.choice(CAT_EYES))).split()
    size, apart, nose = (0.15, 0.35, 0.2) if dog else (0.2, 0.4, 0.3)
    for x in (-apart, apart):
        if asleep:
            line([(x - size, -0.06), (x, 0.06), (x + size, -0.06)], ink, 0.06)
            continue
        lean = 0.0 if dog else -0.4 * x
        spot(x, -0.06, size * 1.18, size * 1.12, ink, lean)
        spot(x, -0.05, size, size * 0.94, iris, lean)
        spot(x, -0.06 + 0.45 * size, 0.66 * size, 0.42 * size, bright, lean)
        spot(x, -0.06, size * (0.66 if dog else 0.42), size * (0.7 if dog else 0.82), "#0e0a0a")
        spot(x - 0.32 * size, -0.06 - 0.38 * size, 0.27 * size, 0.27 * size, white)
        spot(x + 0.3 * size, -0.06 + 0.4 * size, 0.12 * size, 0.12 * size, white)
    if dog and not asleep and rng.random() < 0.5:
        spot(0, nose + 0.42, 0.11, 0.16, "#de7678")
    for s in (-1, 1):
        line([(0, nose + 0.2), (s * 0.12, nose + 0.27), (s * 0.24, nose + 0.17)], ink, 0.045)
        for fan in () if dog else (-0.14, 0, 0.14):
            line([(s * 0.3, 0.42), (s * 0.75, 0.38 + fan), (s * 1.15, 0.42 + 2 * fan)], white, 0.02)
    line([(0, nose), (0, nose + 0.21)], ink, 0.045)
    spot(0, nose, *((0.18, 0.135, "#1e181a") if dog else (0.12, 0.07, "#d67e7c")))
    spot(-0.05, nose - 0.04, 0.05, 0.03, "#8c8486" if dog else "#eaa8a4")
