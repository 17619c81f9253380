"""What every registered dataset must do; a new one is tested by being there.

Its pairs are read from small data that `WRITERS` makes: one line for a new dataset. Until then it
is held to what can be asked of an empty folder, and a warning says so.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from segengine.config import DataConfig
from segengine.datasets import (
    SPLITS,
    dataset_classes,
    open_dataset,
    prepare_dataset,
    sample_pets,
    sample_streets,
    split_sizes,
)
from segengine.datasets.decoded import load_splits
from segengine.datasets.sample_streets import write_sample_streets
from segengine.datasets.splits.roles import role_sizes
from segengine.errors import UserError
from segengine.registry import entries
from tests import tiny
from tests.datasets.own_folder import write_splits


def drawn_by_prepare(root: Path) -> None:
    """A dataset that draws its own pictures needs no writer."""


# Dataset -> what writes a few images of it below a root.
WRITERS: dict[str, Callable[[Path], object]] = {
    "cityscapes": lambda root: write_sample_streets(root, train=2, val=1),
    "folder": write_splits,
    "oxford_pets": tiny.write_pets,
    "sample_pets": drawn_by_prepare,
    "sample_streets": drawn_by_prepare,
}
NAMES = list(entries("datasets"))
every_dataset = pytest.mark.parametrize("name", NAMES)
every_written_dataset = pytest.mark.parametrize("name", [name for name in NAMES if name in WRITERS])

for unwritten in set(NAMES) - WRITERS.keys():
    warnings.warn(f"No writer of small data for {unwritten}: its pairs are not read.", stacklevel=1)

Small = Callable[[str], DataConfig]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """The config of a dataset with a few images, which are written when first asked for."""
    configs: dict[str, DataConfig] = {}

    def config_of(name: str) -> DataConfig:
        if name not in configs:
            root = tmp_path_factory.mktemp(name) / "data"
            WRITERS[name](root)
            configs[name] = DataConfig(dataset=name, root=str(root), image_size="32x48")
            prepare_dataset(configs[name], tiny.no_progress)
        return configs[name]

    with pytest.MonkeyPatch.context() as patch:
        for module in (sample_pets, sample_streets):
            patch.setattr(module, "SPLIT_SIZES", {"train": 2, "val": 1})
        yield config_of


def files_below(root: Path) -> dict[Path, int]:
    """Every file with the time of its last change."""
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


def test_writers_are_of_registered_datasets() -> None:
    assert WRITERS.keys() <= set(NAMES)


@every_dataset
@pytest.mark.parametrize("split", SPLITS)
def test_where_nothing_is_there_a_split_is_refused_in_a_sentence(
    name: str, split: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as info:
        open_dataset(DataConfig(dataset=name, root=str(tmp_path)), split)  # type: ignore[arg-type]
    assert info.value.field in ("root", "split")
    assert "\n" not in str(info.value) and str(info.value).endswith(".")


@every_written_dataset
def test_classes_are_two_or_more_with_names_and_colors_of_their_own(
    small: Small, name: str
) -> None:
    classes = dataset_classes(small(name))
    assert 2 <= len(classes) <= 255  # 255 is void
    assert len({info.name for info in classes}) == len(classes)
    assert len({info.color for info in classes}) == len(classes)
    assert all(re.fullmatch("#[0-9A-Fa-f]{6}", info.color) for info in classes)


@every_written_dataset
def test_sizes_count_the_images_of_every_split(small: Small, name: str) -> None:
    config = small(name)
    sizes = split_sizes(config)
    assert {"train", "val"} <= sizes.keys() <= set(SPLITS)
    for split, images in sizes.items():
        dataset = open_dataset(config, split)
        assert images == len(dataset.names) == len(set(dataset.names)) >= 1
        assert dataset.classes == dataset_classes(config)
    for split in set(SPLITS) - sizes.keys():
        with pytest.raises(UserError) as info:
            open_dataset(config, split)
        assert info.value.field == "split"


@every_written_dataset
def test_pairs_are_rgb_and_labels_of_one_size_and_in_range(small: Small, name: str) -> None:
    config = small(name)
    seen: set[int] = set()
    for split in split_sizes(config):
        dataset = open_dataset(config, split)
        for image_name in dataset.names:
            image, mask = dataset.pair(image_name)
            assert image.dtype == np.uint8 and image.shape == (*mask.shape, 3)
            assert mask.dtype == np.int64 and mask.ndim == 2
            seen |= set(np.unique(mask).tolist())
            image_file, mask_file = dataset.files(image_name)
            assert image_file.is_file() and mask_file.is_file() and image_file != mask_file
    assert seen <= {*range(len(dataset_classes(config))), 255}
    assert len(seen - {255}) >= 2


@every_written_dataset
def test_images_are_decoded_at_training_size(small: Small, name: str) -> None:
    config = small(name)
    for split, images in role_sizes(config).items():
        (decoded,) = load_splits(config, (split,), tiny.no_progress)
        assert decoded.images.shape == (images, 32, 48, 3)
        assert decoded.masks.shape == (images, 32, 48)


@every_written_dataset
def test_preparing_again_changes_nothing(small: Small, name: str) -> None:
    config = small(name)
    before = files_below(Path(config.root))
    prepare_dataset(config, tiny.no_progress)
    assert files_below(Path(config.root)) == before
