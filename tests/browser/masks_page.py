"""The Masks page in tests: it is opened, and its canvases are read."""

from __future__ import annotations

import base64
import io
import re
from typing import Any
from urllib.parse import parse_qs, urlparse

import numpy as np
from PIL import Image

from segengine.run.rundir import RunDir
from tests.browser.conftest import Dashboard, stand_still


def open_masks(page: Any, dashboard: Dashboard, *runs: RunDir, query: str = "") -> None:
    ids = ",".join(run.id for run in runs)
    page.goto(f"{dashboard.url}/masks?runs={ids}{query}")
    is_there(page)


def is_there(page: Any) -> None:
    """Wait until the panels are drawn."""
    page.locator(".panel canvas").first.wait_for()
    stand_still(page)


def image_in_url(page: Any) -> str:
    return parse_qs(urlparse(page.url).query)["image"][0]


def wait_for_image(page: Any, name: str) -> None:
    page.wait_for_url(re.compile(rf"[?&]image={re.escape(name)}(&|$)"))


def pixels(page: Any, panel: str) -> np.ndarray:
    """What a panel's canvas shows: (height, width, 4) uint8, red, green, blue and alpha."""
    address = page.locator(f'[data-panel="{panel}"] canvas').evaluate(
        "(canvas) => canvas.toDataURL()"
    )
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.array_equal(one, other))
