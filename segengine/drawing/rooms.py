"""Places for a pet: rooms and gardens in the colors that fur has, of the same strokes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from segengine.drawing.canvas import Canvas, Floats, Rng, noise, pick, rgb
from segengine.drawing.fur import Limb, comb, grow

# Walls, carpets, sofas and bushes are mostly of these: color alone must not find the pet.
FURS = rgb("e6dbc9 d6b385 cc8a4a 946e4f 5c4236 949290 454042")
WALL_PAINTS = rgb("8ca8a8 b3b899 cca899 8594ad")
GREENS = rgb("66853d 85944d a8995c 527042")
# The back, seat and arms of a sofa: from (x, y) to (x, y), how thick.
SOFA = ((-0.7, -0.5, 0.7, -0.5, 1.2), (-1, 1, 1, 1, 0.7), (-1, 0, -1, 1, 0.6), (1, 0, 1, 1, 0.6))


class Place:
    """A room or a garden over all of a canvas, with things in the colors of a coat (3, 3)."""

    def __init__(self, rng: Rng, canvas: Canvas, coat: Floats) -> None:
        self.rng, self.canvas, self.coat = rng, canvas, coat
        self.height, self.width = canvas.labels.shape
        self.horizon = int(self.height * rng.uniform(0.48, 0.66))
        self.wall, self.ground = canvas.color[: self.horizon], canvas.color[self.horizon :]
        (self.room if rng.random() < 0.7 else self.garden)()
        for _ in range(rng.integers(1, 3)):  # cushions
            x, size = rng.uniform(0.65, 1.1), self.height * rng.uniform(0.09, 0.17)
            x = self.width * rng.choice([x, 1 - x])
            y = rng.uniform(self.horizon + 0.5 * size, 0.95 * self.height - size)
            self.shadow(x, y + size, 1.6 * size)
            ends = (x - 0.4 * size, y, x + 0.4 * size, y + 0.1 * size)
            self.lump(ends, size, rng.permutation(coat))

    def shadow(self, x: float, y: float, reach: float) -> None:
        """Soft and dark where something stands on the ground."""
        rows = slice(max(0, int(y - 0.4 * reach)), int(y + 0.4 * reach))
        down = np.exp(-(((np.arange(self.height)[rows] - y + 0.04 * reach) / (0.16 * reach)) ** 2))
        across = np.exp(-(((np.arange(self.width) - x) / reach) ** 4))
        self.canvas.color[rows] *= 1 - np.outer(0.5 * down, across).astype(np.float32)[..., None]

    def lump(self, ends: ArrayLike, radius: float, colors: Floats, leaf: bool = False) -> None:
        """A soft thing from (x, y) to (x, y), one color striped with another, or of leaves."""
        points, wave = np.reshape(ends, (2, 2)), self.rng.uniform(0, 20)
        limb = Limb(points, np.full(2, radius), 0.15 * radius, 1.5 if leaf else 0.5)
        hairs = grow(self.rng, limb, 4)
        edge = self.rng.uniform(-1, 1, len(hairs.along)) if leaf else 0.45
        striped = np.sin(hairs.along * wave) > edge
        light = hairs.light * self.rng.normal(1, 0.06, len(striped))
        comb(self.canvas, hairs.ends, colors[striped.astype(int)] * light[:, None], 5, None)

    def field(self, colors: Floats, blade: float) -> None:
        """Grass or a deep carpet, its blades longer nearer to the viewer."""
        rng, (high, wide) = self.rng, self.ground.shape[:2]
        count = high * wide // 28
        x, depth = rng.random(count), np.sort(rng.random(count)) ** 0.85
        patch = noise(rng, (40, 40), 8)[(depth * 39).astype(int), (x * 39).astype(int)]
        root = np.stack([x * wide, self.horizon + depth * (high + 20)], axis=1)
        reach = np.stack([rng.normal(0.2, 0.35, count), rng.uniform(-1, -0.5, count)], axis=1)
        reach *= blade * self.height * (0.35 + depth)[:, None]
        color = colors[(patch + rng.normal(0, 0.3, count) > 0.1).astype(int)]
        tone = rng.normal(0.96, 0.09, count) + 0.1 * patch
        self.ground[:] = 0.8 * colors[0]
        comb(self.canvas, np.stack([root, reach], axis=1), color * tone[:, None], 4, None)

    def room(self) -> None:
        """Wall, floor, window and sofa."""
        rng, width, x = self.rng, self.width, np.arange(self.width)
        stripes = (x // rng.uniform(14, 30) % 2 * rng.choice([0, 0.05, 0.09]))[:, None]
        self.wall[:] = pick(rng, FURS, WALL_PAINTS) * (1 - stripes)
        left, wide, tall = int(rng.uniform(0.05, 0.7) * width), width // 4, self.horizon // 2
        window, trim = self.wall[tall // 6 :, left:][:tall, :wide], pick(rng, FURS)
        window[:], window[4:-4, 4:-4] = trim, rgb("adc9de")
        window[tall // 2 - 2 : tall // 2 + 2] = window[:, wide // 2 - 2 : wide // 2 + 2] = trim
        if rng.random() < 0.45:
            self.field(np.stack([trim, pick(rng, self.coat)]), 0.05)
        else:  # boards that run towards the viewer
            depth = rng.uniform(22, 40) * np.linspace(0.55, 1.55, len(self.ground))[:, None]
            board = (x - width / 2) / depth
            tone = rng.uniform(0.88, 1.06, 64)[board.astype(int) % 64] - 0.25 * (board % 1 < 0.06)
            self.ground[:] = pick(rng, FURS[:5], self.coat[:2]) * tone[..., None]
        self.wall[-12:] = 0.9 * trim
        if rng.random() < 0.6:
            middle, half, thick = width * rng.uniform(0.35, 0.65), 0.34 * width, 0.13 * self.height
            self.shadow(middle, self.horizon + 1.7 * thick, 1.3 * half)
            color = pick(rng, FURS, WALL_PAINTS[:1])
            for *ends, radius in SOFA:
                part = np.reshape(ends, (2, 2)) * (half, thick) + (middle, self.horizon)
                self.lump(part, thick * radius, np.stack([color, color]))

    def garden(self) -> None:
        """Sky, a fence at times, bushes and grass."""
        rng, fade = self.rng, np.linspace(0, 1, self.horizon)[:, None, None]
        self.wall[:] = (1 - fade) * rgb("9ec2e0") + fade * rgb("ede6d6")
        if rng.random() < 0.5:
            self.wall[int(0.44 * self.horizon) :, np.arange(self.width) % 24 > 2] = pick(rng, FURS)
        for _ in range(rng.integers(2, 5)):
            x, size = rng.uniform(0, self.width), self.height * rng.uniform(0.12, 0.24)
            y = self.horizon - 0.35 * size
            leaves = np.stack([pick(rng, GREENS, FURS[1:5]), pick(rng, GREENS)])
            self.lump((x - size, y, x + size, y), 0.9 * size, leaves, leaf=True)
        self.field(np.stack([pick(rng, GREENS), pick(rng, GREENS, FURS[1:3])]), 0.09)
