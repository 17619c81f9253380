"""Labels at full size, a band of rows at a time: what one large interpolation would give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from segengine.inference import full_size
from segengine.inference.full_size import full_size_labels

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("band", [1, 5000, 2**24])
@pytest.mark.parametrize("size", [(61, 97), (16, 20), (7, 9), (1, 300), (300, 1), (16, 200)])
def test_bands_give_the_labels_of_the_whole(
    band: int, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full_size, "_BAND", band)
    logits = torch.randn(1, 5, 16, 20, generator=torch.Generator().manual_seed(0))
    whole = F.interpolate(logits, size=size, mode="bilinear")
    labels = full_size_labels(logits, size)
    assert labels.shape == size and labels.dtype == np.uint8
    chosen = whole[0].gather(0, torch.from_numpy(labels).long()[None])[0]
    assert (whole[0].max(dim=0).values - chosen).max() < 1e-5  # but for rounding the largest
    assert (labels == whole.argmax(1)[0].numpy()).mean() > 0.999


def test_two_by_two_logits_become_four_by_four_as_by_hand() -> None:
    """Pixel centers lie at -1/4 (clamped to 0), 1/4, 3/4 and 5/4 (clamped to 1).

    Class 1 falls from 1.7 by 2 a pixel to the right and down: at (x, y) it is 1.7 - 2x - 2y and
    beats class 0, which is 0 everywhere, where x + y < 0.85.
    """
    logits = torch.tensor([[[[0.0, 0.0], [0.0, 0.0]], [[1.7, -0.3], [-0.3, -2.3]]]])
    by_hand = [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert full_size_labels(logits, (4, 4)).tolist() == by_hand


def test_a_band_is_never_larger_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the image: logits at full size are made band by band."""
    monkeypatch.setattr(full_size, "_BAND", 3 * 40 * 8)
    made: list[int] = []
    plain = F.interpolate

    def watched(lines: torch.Tensor, size: tuple[int, int], mode: str) -> torch.Tensor:
        full = plain(lines, size=size, mode=mode)
        made.append(full.numel())
        return full

    monkeypatch.setattr(full_size.F, "interpolate", watched)
    full_size_labels(torch.randn(1, 3, 4, 4), (100, 40))
    assert max(made) <= 3 * 40 * 8 and sum(made) == 3 * 100 * 40


_GROWTH = """
import resource, torch
from segengine.inference.full_size import full_size_labels
torch.set_num_threads(1)
logits = torch.randn(1, 19, 64, 64)
full_size_labels(logits, (64, 64))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
full_size_labels(logits, (2000, 3000))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_the_memory_of_a_large_image_is_far_below_that_of_its_logits() -> None:
    """6 megapixels and 19 classes are 456 MB of logits."""
    words = [sys.executable, "-c", _GROWTH]
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    assert int(done.stdout) * unit < 256e6
