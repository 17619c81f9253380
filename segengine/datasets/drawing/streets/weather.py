"""Sky, light, season and haze of a street scene."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from segengine.datasets.drawing.textures import (
    FloatArray,
    Size,
    fractal_noise,
    mix,
    pixel_grid,
    smoothstep,
)

SEASONS = ("spring", "summer", "summer", "autumn", "winter")


@dataclass(frozen=True)
class Weather:
    """What the light does.

    Attributes:
        kind: clear, cloudy, overcast, fog, rain or dusk.
        season: spring, summer, autumn or winter.
        sun: (3,) unit vector towards the sun.
        direct: (3,) colour and strength of the sunlight.
        ambient: (3,) the same of the skylight.
        top: (3,) colour of the sky overhead.
        haze: (3,) colour of the sky at the horizon, and of what is far away.
        density: share of the light that haze takes, per metre.
        shadow: how dark cast shadows are, 0..1.
    """

    kind: str
    season: str
    sun: FloatArray
    direct: FloatArray
    ambient: FloatArray
    top: FloatArray
    haze: FloatArray
    density: float
    shadow: float

    def falling_on(self, normal: FloatArray) -> FloatArray:
        """Light (3,) on a surface with this unit normal."""
        sky = 0.8 + 0.2 * float(normal[1])
        return np.asarray(
            self.ambient * sky + self.direct * max(0.0, float(normal @ self.sun)), np.float32
        )

    def shadow_slope(self) -> FloatArray:
        """(3,) how far along the ground a shadow falls, per metre of height; 3 metres at most."""
        slope = -self.sun[[0, 2]] / self.sun[1]
        slope = slope * min(1.0, 3.0 / (float(np.hypot(*slope)) + 1e-9))
        return np.array((slope[0], 0.0, slope[1]))

    def sky(self, rng: np.random.Generator, size: Size, horizon: float) -> FloatArray:
        """The sky behind everything, (H, W, 3), hazy at the horizon's row."""
        y, _ = pixel_grid(size)
        height = np.broadcast_to(np.clip((horizon - y) / size[0], 0, 1), size)
        picture = mix(np.broadcast_to(self.haze, (*size, 3)), self.top, smoothstep(height, 0, 0.5))
        # Clouds flatten towards the horizon.
        clouds = fractal_noise(rng, (size[0] // 2, size[1]), size[1] / 5, 5)
        stretched = np.minimum(
            (height[:, 0] ** 0.85 * (size[0] // 2)).astype(int), size[0] // 2 - 1
        )
        amount = {"clear": -0.3, "cloudy": 0.5, "dusk": 0.2}.get(self.kind, 1.1)
        weight = smoothstep(clouds[stretched] + np.float32(amount), 0.2, 1.2)
        shade = 1 - 0.12 * smoothstep(clouds[stretched], 0.2, 1.5)
        white = 0.35 * self.haze + 0.65 * np.float32(0.95 if self.kind != "dusk" else 0.6)
        return mix(picture, white * shade[..., None], np.float32(0.85) * weight)


def choose_weather(rng: np.random.Generator) -> Weather:
    """A day: three in ten are sunny, one in eight is at dusk."""
    kinds = ("clear", "cloudy", "overcast", "fog", "rain", "dusk")
    kind = str(rng.choice(kinds, p=(0.2, 0.24, 0.26, 0.07, 0.11, 0.12)))
    turn, climb = rng.uniform(0, 2 * math.pi), math.radians(rng.uniform(18, 62))
    sun = np.array(
        (math.sin(turn) * math.cos(climb), math.sin(climb), math.cos(turn) * math.cos(climb))
    )
    grey = kind in ("overcast", "fog", "rain")
    strength = {"clear": 0.95, "cloudy": 0.55, "dusk": 0.12}.get(kind, 0.06) * rng.uniform(0.8, 1.1)
    level = {"clear": 0.5, "cloudy": 0.66, "dusk": 0.4}.get(kind, 0.86) * rng.uniform(0.85, 1.1)
    top = np.array((0.62, 0.66, 0.7) if grey else (0.33, 0.53, 0.82))
    haze = np.array((0.8, 0.81, 0.83) if grey else (0.78, 0.85, 0.92))
    if kind == "dusk":
        top, haze = (
            np.array((0.27, 0.33, 0.5)),
            np.array((0.72, 0.55, 0.46)) * rng.uniform(0.8, 1.1),
        )
    top, haze = (
        colour * rng.uniform(0.85, 1.1) + rng.normal(0, 0.015, 3) for colour in (top, haze)
    )
    warm = np.array((1.06, 1.0, 0.9)) if kind != "dusk" else np.array((1.2, 0.9, 0.65))
    cool = np.array((0.95, 1.0, 1.07)) if kind != "dusk" else np.array((0.9, 0.95, 1.2))
    fog = {"fog": rng.uniform(0.012, 0.03), "rain": rng.uniform(0.003, 0.008)}
    return Weather(
        kind=kind,
        season=str(rng.choice(SEASONS)),
        sun=sun,
        direct=strength * warm,
        ambient=level * cool,
        top=np.asarray(np.clip(top, 0, 1), np.float32),
        haze=np.asarray(np.clip(haze, 0, 1), np.float32),
        density=float(fog.get(kind, rng.uniform(0.0006, 0.003))),
        shadow=float(strength / (strength + level)),
    )
