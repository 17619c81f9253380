"""Peak memory of a whole run over 7,349 images against one over 300, both at 64 px.

The images are real pets under several names each. A run is a process of its own (`segengine train`,
one epoch of SegFormer-B0 with validation and predictions), and its peak is what the system says of
it. This file does not import torch: a child inherits its parent's peak.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import REAL_PETS

SPLITS = {"trainval": 3680, "test": 3669}
SMALL = {"trainval": 150, "test": 150}
LIMIT = 300  # MB between the two
MAX_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes


def main(quick: bool = False) -> None:
    """Measure and print."""
    large = {"trainval": 400, "test": 400} if quick else SPLITS
    source = Path(os.environ.get("SEGLAB_PETS", REAL_PETS)) / "oxford-iiit-pet"
    if not source.is_dir():
        sys.exit(f"No real pets in {source.parent}: set SEGLAB_PETS to the folder that holds them.")
    peaks = []
    for splits in (SMALL, large):
        with tempfile.TemporaryDirectory() as folder:
            peaks.append(peak_of_run(Path(folder), repeat_pets(source, Path(folder), splits)))
    images = [sum(splits.values()) for splits in (SMALL, large)]
    between = peaks[1] - peaks[0]
    print(
        f"Peak memory at 64 px, batch 64: {images[0]:,} images {peaks[0]:,.0f} MB, "
        f"{images[1]:,} images {peaks[1]:,.0f} MB: {between:+,.0f} MB (wanted within {LIMIT} MB: "
        f"{'reached' if between <= LIMIT else 'missed'})"
    )


def repeat_pets(source: Path, folder: Path, splits: dict[str, int]) -> Path:
    """A root in the official layout with that many images per split, all of them links."""
    root = folder / "data"
    target = root / "oxford-iiit-pet"
    for inner in ("images", "annotations/trimaps"):
        (target / inner).mkdir(parents=True)
    for split, count in splits.items():
        lines = (source / "annotations" / f"{split}.txt").read_text().splitlines()
        names = itertools.cycle([line.split()[0] for line in lines if line.strip()])
        made = [f"{split}_{number:05d}" for number in range(count)]
        for new, name in zip(made, names, strict=False):
            for inner, ending in (("images", "jpg"), ("annotations/trimaps", "png")):
                original = source / inner / f"{name}.{ending}"
                (target / inner / f"{new}.{ending}").symlink_to(original.resolve())
        text = "".join(f"{name} 1 1 1\n" for name in made)
        (target / "annotations" / f"{split}.txt").write_text(text)
    return root


def peak_of_run(folder: Path, root: Path) -> float:
    """Train one epoch; the process's peak resident memory in MB."""
    words = [sys.executable, "-m", "segengine", "train", "--runs-dir", str(folder / "runs")]
    words += ["--root", str(root), "--epochs", "1", "--device", "cpu"]
    return peak_of(words, {**os.environ, "SEGLAB_CACHE": str(folder / "cache")})


def peak_of(words: Sequence[str], environment: dict[str, str]) -> float:
    """Run a command; its peak resident memory in MB. Ends this program where the command fails."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(words, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.exit(f"The run failed:\n{output.read()}")
    return usage.ru_maxrss * MAX_RSS_UNIT / 1e6


if __name__ == "__main__":
    main()
