"""People's own images and masks on disk, in the layouts of the dataset `folder`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segengine.config import DataConfig
from segengine.datasets import SegDataset, Split, open_dataset
from segengine.errors import UserError

SIZE = (24, 36)  # height, width
CATS = [{"name": "ground", "color": "#101010"}, {"name": "cat", "color": "#FF8000"}]


def random_mask(seed: int, values: list[int]) -> np.ndarray:
    """(24, 36) uint8 that holds every one of `values`."""
    mask = np.random.default_rng(seed).choice(values, SIZE).astype(np.uint8)
    mask.flat[: len(values)] = values
    return mask


def write_pairs(
    folder: Path, count: int, values: list[int], *, seed: int = 0, prefix: str = "img"
) -> Path:
    """`count` pairs of different pictures in `folder/images` and `folder/masks`."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        mask = random_mask(100 * seed + index, values)
        image = np.random.default_rng([seed, index]).integers(0, 99, (*SIZE, 3), dtype=np.uint8)
        image[mask == values[-1]] += 120
        Image.fromarray(image).save(folder / "images" / f"{prefix}_{index}.jpg")
        Image.fromarray(mask).save(folder / "masks" / f"{prefix}_{index}.png")
    return folder


def write_splits(root: Path) -> Path:
    """10 training, 4 validation and 4 test pairs with the labels 0, 1, 2 and void."""
    for seed, (split, count) in enumerate((("train", 10), ("val", 4), ("test", 4))):
        write_pairs(root / split, count, [0, 1, 2, 255], seed=seed)
    return root


def write_classes(root: Path, content: Any) -> None:
    """Write `classes.json`: text as it is, else as JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    (root / "classes.json").write_text(text)


def config(root: Path, **values: Any) -> DataConfig:
    return DataConfig(dataset="folder", root=str(root), **values)


def opened(root: Path, split: Split = "train", **values: Any) -> SegDataset:
    return open_dataset(config(root, **values), split)


def read_all(root: Path, split: Split, **values: Any) -> None:
    dataset = opened(root, split, **values)
    for name in dataset.names:
        dataset.pair(name)


def refused(root: Path, words: str, split: Split = "train", **values: Any) -> str:
    """The sentence with which opening and reading the folder is refused."""
    with pytest.raises(UserError, match=words) as info:
        read_all(root, split, **values)
    assert "\n" not in str(info.value) and str(info.value).endswith((".", "?"))
    assert info.value.field in ("root", "split", "val_share", "split_seed")
    return str(info.value)
