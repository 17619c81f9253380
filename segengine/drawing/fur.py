"""Fur, wool, leaves and grass: strokes that follow the shape they grow on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from segengine.drawing.canvas import Canvas, Floats, Rng

# (12, N) for N points: what each of them weighs along the smooth curve through them all.
BENDS = {
    n: np.vander(np.linspace(0, 1, 12), n) @ np.linalg.inv(np.vander(np.linspace(0, 1, n), n))
    for n in (2, 3, 4)
}


class Limb(NamedTuple):
    """A round shape along a smooth curve, and how its hair lies."""

    points: Floats  # (N, 2), the curve runs through them
    radii: Floats  # (2,), at its ends
    hair: float  # its length
    splay: float = 0.4  # 0 for hair that lies along the curve, 1 for hair that stands off
    kind: str = ""
    light: float = 1.0  # below 1 in the shade
    source: Floats | None = None  # (2,), what the hair flees instead of following the curve


class Hairs(NamedTuple):
    """N strokes, the later ones over the earlier."""

    ends: Floats  # (N, 2, 2), the root and the way from there to the tip
    along: Floats  # (N,), 0 to 1 along the curve
    down: Floats  # (N,), 1 where the shape faces the ground, -1 the sky
    light: Floats  # (N,)
    kind: NDArray[np.str_]  # (N,), of the limb


def grow(rng: Rng, limb: Limb, spacing: float) -> Hairs:
    """Hair all over a limb, about one every `spacing` pixels."""
    spine = BENDS[len(limb.points)] @ limb.points
    slope = np.diff(spine, axis=0, append=2 * spine[-1:] - spine[-2:-1]) + 1e-6
    pace = np.hypot(*slope.T)
    run = pace.cumsum() - pace
    total = run[-1] + limb.radii.sum()
    count = int(total * limb.radii.sum() / spacing**2) + 20
    chance = rng.random((4, count), np.float32)
    far = (np.arange(count) + chance[0]) / count * total - limb.radii[0]  # and round both ends
    on = far.clip(0, run[-1])
    end = (far - on) / np.where(far < 0, *limb.radii)
    across = (2 * ((np.arange(count) * 0.618034) % 1) - 1) * np.sqrt(1 - end**2)  # without gaps
    x, y, *heading = (np.interp(on, run, line) for line in (*spine.T, *(slope / pace[:, None]).T))
    ahead = np.stack(heading, axis=1)
    normal = end[:, None] * ahead + across[:, None] * ahead[:, ::-1] * [-1, 1]
    root = np.stack([x, y], axis=1) + np.interp(on, [0, run[-1]], limb.radii)[:, None] * normal
    if limb.source is not None:
        ahead = root - limb.source
        far = np.hypot(*ahead.T)
        ahead /= far[:, None] + 1e-6
    reach = (ahead + limb.splay * normal + 0.8 * (chance[1:3].T - 0.5)) * limb.hair
    reach *= (0.6 + 0.5 * chance[3])[:, None]
    order = np.argsort(-far - spacing * chance[1])  # as tiles: the tips lie over the next roots
    depth = np.sqrt(np.maximum(0, 1 - (normal**2).sum(axis=1)))
    light = limb.light * (0.52 - normal @ [0.13, 0.27] + 0.5 * depth)  # from above and the left
    ends, kind = np.stack([root, reach], axis=1), np.full(count, limb.kind)
    return Hairs(*(array[order] for array in (ends, on / run[-1], normal[:, 1], light, kind)))


def comb(canvas: Canvas, ends: Floats, color: Floats, wide: float, label: int | None) -> None:
    """Strokes in colors (N, 3), dark and `wide` pixels at the roots, thin and light at tips."""
    root, reach = ends.astype(np.float32)[..., None].swapaxes(0, 1)
    half, steps = int(wide / 2) + 1, int(np.abs(reach).max() / wide) + 2
    ease = np.linspace(0, 1, steps, dtype=np.float32) ** 0.8  # closer together where they are thin
    taper = ((1 - ease) * (wide - 1.4) + 1.4).round().astype(int)
    part = np.repeat(np.arange(steps, dtype=np.int32), taper**2)
    beside = np.concatenate([(np.indices((w, w)).reshape(2, -1) - w // 2).T for w in taper])
    x, y = (root[:, axis] + reach[:, axis] * ease for axis in (0, 1))  # (N, steps)
    (height, width), pad = canvas.labels.shape, 2 * half
    row = width + 2 * pad  # a margin catches what falls outside
    column = x.clip(-half, width + half).astype(np.int32) + pad
    line = y.clip(-half, height + half).astype(np.int32) + pad
    pixels = np.take(line * row + column, part, axis=1) + (beside @ [row, 1]).astype(np.int32)
    number = np.arange(len(x), dtype=np.int32)[:, None] * steps + part
    top = np.full((height + 2 * pad, row), -1, np.int32)
    top.ravel()[pixels.ravel()] = number.ravel()  # the last one stays
    seen = top[pad:-pad, pad:-pad].ravel()
    hit = np.flatnonzero(seen >= 0)
    table = np.asarray(color[:, None] * np.linspace(0.84, 1.08, steps)[:, None], np.float32)
    canvas.color.reshape(-1, 3)[hit] = np.take(table.reshape(-1, 3), seen[hit], axis=0)
    if label is not None:
        canvas.labels.ravel()[hit] = label
