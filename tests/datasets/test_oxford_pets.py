"""Reading Oxford-IIIT Pet: the real files, and what may be wrong with them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import OxfordIIITPet

from segengine.config import DataConfig
from segengine.datasets import (
    SegDataset,
    Split,
    chosen_names,
    open_dataset,
    prepare_dataset,
    split_sizes,
)
from segengine.datasets.check import check_dataset
from segengine.datasets.sample_pets import write_sample_pets
from segengine.datasets.splits.roles import role_sizes
from segengine.errors import UserError
from tests import tiny
from tests.tiny import mask_file

OFFICIAL: dict[Split, str] = {"train": "trainval", "val": "test"}


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A fresh folder of tiny pets, to be damaged."""
    return tiny.write_pets(tmp_path / "data")


def opened(root: Path, split: Split = "train", **values: object) -> SegDataset:
    return open_dataset(DataConfig(root=str(root), **values), split)


@pytest.mark.parametrize("split", OFFICIAL)
def test_real_pets_are_those_of_torchvision_with_labels_from_zero(
    real_pets: Path, split: Split
) -> None:
    ours = opened(real_pets, split)
    theirs = OxfordIIITPet(real_pets, split=OFFICIAL[split], target_types="segmentation")

    assert list(ours.names) == [path.stem for path in theirs._images]
    for index in range(0, len(theirs), 25):
        image, target = theirs[index]
        photograph, mask = ours.pair(ours.names[index])
        assert np.array_equal(mask, np.asarray(target).astype(int) - 1)
        assert np.array_equal(photograph, np.asarray(image))


@pytest.mark.parametrize("split", OFFICIAL)
def test_every_real_mask_holds_all_three_classes_and_nothing_else(
    real_pets: Path, split: Split
) -> None:
    dataset = opened(real_pets, split)
    for name in dataset.names:
        mask = dataset.mask(name)
        assert set(np.unique(mask)) == {0, 1, 2}, name
        assert mask.dtype == np.int64
        with Image.open(dataset.files(name)[0]) as image:
            assert mask.shape == image.size[::-1], name


def test_the_pet_is_class_0_and_lies_inside_the_background(real_pets: Path) -> None:
    dataset = opened(real_pets)
    assert [info.name for info in dataset.classes] == ["pet", "background", "border"]
    masks = [dataset.mask(name) for name in dataset.names[:20]]
    corners = np.concatenate([mask[[0, 0, -1, -1], [0, -1, 0, -1]] for mask in masks])
    centers = np.array([mask[mask.shape[0] // 2, mask.shape[1] // 2] for mask in masks])
    assert (corners == 1).mean() > 0.5
    assert (centers == 0).mean() > 0.5


def test_sample_pets_are_read_by_the_same_loader(tmp_path: Path) -> None:
    write_sample_pets(tmp_path / "drawn-pets", train=2, val=1)
    sample = opened(tmp_path, dataset="sample_pets")
    real = opened(tmp_path / "drawn-pets")
    assert type(sample) is type(real) and sample.names == real.names and len(real.names) == 2
    image, mask = sample.pair(sample.names[0])
    stored = np.asarray(Image.open(mask_file(tmp_path / "drawn-pets", sample.names[0])))
    assert np.array_equal(mask, stored.astype(int) - 1)
    assert image.shape == (*mask.shape, 3)


def test_void_stays_void(pets: Path) -> None:
    dataset = opened(pets)
    stored = np.asarray(Image.open(mask_file(pets, dataset.names[0])))
    mask = dataset.mask(dataset.names[0])
    assert (stored == 255).any()
    assert np.array_equal(mask == 255, stored == 255)
    assert np.array_equal(mask[stored < 255], stored[stored < 255] - 1)


def test_a_mask_saved_with_a_palette_is_read_by_its_indices(pets: Path) -> None:
    path = mask_file(pets, "trainval_0")
    expected = opened(pets).mask("trainval_0")
    painted = Image.open(path)
    painted.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255] + [90] * 756)
    assert painted.mode == "P"
    painted.save(path)
    assert np.array_equal(opened(pets).mask("trainval_0"), expected)


@pytest.mark.parametrize(
    ("mode", "kind", "color"),
    [("RGBA", "PNG", (10, 200, 30, 128)), ("P", "GIF", 7), ("L", "JPEG", 90), ("CMYK", "JPEG", 0)],
)
def test_images_of_other_kinds_named_jpg_are_read_as_rgb(
    pets: Path, mode: str, kind: str, color: int | tuple[int, ...]
) -> None:
    path = pets / "oxford-iiit-pet" / "images" / "trainval_0.jpg"
    Image.new(mode, (52, 40), color).save(path, format=kind)
    image, mask = opened(pets).pair("trainval_0")
    assert image.shape == (40, 52, 3) and image.dtype == np.uint8
    assert mask.shape == (40, 52)
    if mode == "RGBA":
        assert tuple(image[0, 0]) == (10, 200, 30)


def test_stray_files_are_no_images(pets: Path) -> None:
    (pets / "oxford-iiit-pet" / "images" / "stray.mat").write_bytes(b"matlab")
    (pets / "oxford-iiit-pet" / "images" / "unlisted.jpg").write_bytes(b"")
    mask_file(pets, "._trainval_0").write_bytes(b"mac")
    assert len(opened(pets).names) == tiny.TRAIN


def test_limits_draw_for_training_and_spread_for_validation(tmp_path: Path) -> None:
    root = tiny.write_pets(tmp_path, train=5, val=9)
    config = DataConfig(root=str(root), val_split="official", train_limit=2, val_limit=3)
    train = chosen_names(open_dataset(config, "train"), config, "train")
    val = chosen_names(open_dataset(config, "val"), config, "val")
    assert len(train) == 2 and set(train) < {f"trainval_{number}" for number in range(5)}
    assert val == ("test_0", "test_3", "test_6")
    assert role_sizes(config) == {"train": 2, "val": 3}
    unlimited = config.model_copy(update={"train_limit": 99, "val_limit": 0})
    assert role_sizes(unlimited) == {"train": 5, "val": 9}


def test_a_missing_folder_says_which_file_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"No Oxford-IIIT Pet in .*trainval\.txt is missing"
    ) as info:
        opened(tmp_path / "nowhere")
    assert "oxford-iiit-pet/" in str(info.value) and "download" in str(info.value)
    assert info.value.field == "root"


def test_an_empty_list_is_an_empty_dataset(pets: Path) -> None:
    path = pets / "oxford-iiit-pet" / "annotations" / "test.txt"
    path.write_text("# nothing\n\n")
    with pytest.raises(UserError, match=rf"{path} lists no images"):
        opened(pets, "val")


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "1 mask is missing in"), (3, "3 masks are missing in")],
)
def test_missing_masks_are_counted_and_the_first_is_named(
    pets: Path, count: int, words: str
) -> None:
    for index in range(2, 2 + count):
        mask_file(pets, f"trainval_{index}").unlink()
    with pytest.raises(UserError, match=words) as info:
        opened(pets)
    assert "trainval_2.png" in str(info.value)
    assert ("and 2 more" in str(info.value)) == (count == 3)


@pytest.mark.parametrize("folder", ["images", "annotations/trimaps"])
def test_a_missing_folder_of_files_is_all_of_them_missing(pets: Path, folder: str) -> None:
    shutil.rmtree(pets / "oxford-iiit-pet" / folder)
    with pytest.raises(UserError, match=rf"{tiny.TRAIN} \w+ are missing .* and 6 more"):
        opened(pets)


@pytest.mark.parametrize("content", [b"", b"no picture at all", "truncated"])
@pytest.mark.parametrize("part", [0, 1])
def test_a_file_that_cannot_be_decoded_is_named(
    pets: Path, content: bytes | str, part: int
) -> None:
    path = opened(pets).files("trainval_1")[part]
    path.write_bytes(path.read_bytes()[:60] if isinstance(content, str) else content)
    with pytest.raises(UserError, match="cannot be decoded as an image") as info:
        opened(pets).pair("trainval_1")
    assert str(path) in str(info.value) and "replace it or remove it" in str(info.value)


@pytest.mark.parametrize("value", [0, 4, 38, 254])
def test_a_label_out_of_range_is_named_with_its_file_and_what_is_allowed(
    pets: Path, value: int
) -> None:
    path = mask_file(pets, "trainval_0")
    labels = np.full((40, 52), 2, np.uint8)
    labels[39, 51] = value
    Image.fromarray(labels).save(path)
    with pytest.raises(
        UserError,
        match=rf"the label {value} in 1 pixel, but Oxford-IIIT Pet allows 1 \(pet\)",
    ) as info:
        opened(pets).mask("trainval_0")
    assert str(path) in str(info.value) and "3 (border)" in str(info.value)


def test_an_image_and_a_mask_of_different_size_give_both_sizes(pets: Path) -> None:
    Image.fromarray(np.full((40, 50), 2, np.uint8)).save(mask_file(pets, "trainval_0"))
    with pytest.raises(UserError, match=r"is 52x40 pixels but its mask .* is 50x40"):
        opened(pets).pair("trainval_0")


# --- Split lists ----------------------------------------------------------------------------------


def split_list(pets: Path, name: str) -> Path:
    return pets / "oxford-iiit-pet" / "annotations" / name


def test_lists_that_share_images_are_refused_before_training(pets: Path) -> None:
    train = split_list(pets, "trainval.txt").read_text()
    with split_list(pets, "test.txt").open("a") as file:
        file.write(train.splitlines()[1] + "\n")
    settings = DataConfig(dataset="oxford_pets", root=str(pets))
    for ask in (split_sizes, lambda config: prepare_dataset(config, tiny.no_progress)):
        with pytest.raises(UserError, match="1 image is in both") as info:
            ask(settings)
        assert "(first: trainval_1)" in str(info.value)
    (problem,) = check_dataset(settings, tiny.no_progress).problems
    assert "trainval_1.jpg is in train and in val" in problem.message


def test_a_name_that_is_listed_twice_is_refused(pets: Path) -> None:
    with split_list(pets, "trainval.txt").open("a") as file:
        file.write("trainval_2 1 1 1\n")
    with pytest.raises(UserError, match="lists trainval_2 2 times"):
        opened(pets)


def test_a_list_from_an_editor_on_windows_is_the_same_list(pets: Path) -> None:
    before = opened(pets).names
    path = split_list(pets, "trainval.txt")
    path.write_bytes("\ufeff".encode() + path.read_bytes().replace(b"\n", b"\r\n"))
    assert opened(pets).names == before


def test_a_list_that_is_not_utf_8_is_named(pets: Path) -> None:
    split_list(pets, "test.txt").write_bytes(b"caf\xe9_1 1 1 1\n")
    with pytest.raises(UserError, match=r"test.txt is not UTF-8 text"):
        opened(pets, "val")
