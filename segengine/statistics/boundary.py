"""How wide the strips of boundary IoU are (Cheng et al. 2021, arXiv 2103.16562)."""

from __future__ import annotations

import math

WIDTH_SHARE = 0.02  # of the image's diagonal: the paper's for LVIS and COCO


def boundary_width(height: int, width: int, share: float = WIDTH_SHARE) -> int:
    """d, in pixels, for images of that size in pixels; 1 at least.

    Args:
        share: of the image's diagonal, 0 to 1; the dataset sets it.
    """
    return max(1, round(share * math.hypot(height, width)))
