"""Reading Cityscapes: the official tree, its labels, and what may be wrong with a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import Cityscapes as Official

from segengine.config import DataConfig
from segengine.datasets import SegDataset, Split, dataset_classes, open_dataset, split_sizes
from segengine.errors import UserError
from tests import tiny

SIZE = (32, 64)
LABELS = {info.id: info.train_id for info in Official.classes if info.id >= 0}  # the official table
CITIES = {"train": ("aachen", "ulm"), "val": ("lindau",), "test": ("bonn",)}


def labels(seed: int) -> np.ndarray:
    """Random official label ids, every one of them at least once."""
    drawn = np.random.default_rng(seed).integers(0, 34, SIZE).astype(np.uint8)
    drawn.flat[:34] = range(34)
    return drawn


def write(root: Path, split: str, city: str, number: int, mask: np.ndarray, kind: str) -> None:
    """One image and its label in the official tree."""
    stem = f"{city}_{number:06}_000019"
    image_file = root / "leftImg8bit" / split / city / f"{stem}_leftImg8bit.png"
    mask_file = root / "gtFine" / split / city / f"{stem}_gtFine_{kind}.png"
    for path, array in ((image_file, np.stack([mask] * 3, 2)), (mask_file, mask)):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(path)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Train 4, val 2 images with labelIds; a test split whose labels are the official dummies."""
    root = tmp_path / "data"
    for split, cities in CITIES.items():
        for city in cities:
            for number in range(2):
                mask = labels(number)
                if split == "test":
                    mask = np.where(mask > 16, 0, 3).astype(np.uint8)
                write(root, split, city, number, mask, "labelIds")
    return root


def opened(root: Path, split: Split = "train") -> SegDataset:
    return open_dataset(DataConfig(dataset="cityscapes", root=str(root)), split)


def test_a_file_name_that_is_not_utf_8_is_named(tree: Path) -> None:
    (image,) = (tree / "leftImg8bit/train/ulm").glob("*_000001_*")
    image.rename(image.with_name("caf\udce9_000001_000019_leftImg8bit.png"))
    with pytest.raises(UserError, match=r"caf\\xe9_000001_.* is not UTF-8") as info:
        opened(tree)
    str(info.value).encode()


def label_file(root: Path) -> Path:
    return opened(root).files("aachen_000000_000019")[1]


def test_classes_have_the_official_names_colors_and_order() -> None:
    official = {info.train_id: info for info in Official.classes if 0 <= info.train_id < 255}
    classes = dataset_classes(DataConfig(dataset="cityscapes"))
    assert len(classes) == len(official) == 19
    for label, info in enumerate(classes):
        assert info.name == official[label].name
        red, green, blue = official[label].color
        assert info.color == f"#{red:02X}{green:02X}{blue:02X}"


def test_every_official_label_id_becomes_its_class_or_void(tree: Path) -> None:
    dataset = opened(tree)
    for index, name in enumerate(dataset.names):
        image, mask = dataset.pair(name)
        stored = labels(index % 2)
        assert np.array_equal(mask, np.vectorize(LABELS.get)(stored))
        assert set(np.unique(mask)) == {*range(19), 255}
        assert np.array_equal(image[..., 0], stored)


def test_the_images_are_those_of_torchvision(tree: Path) -> None:
    for split in ("train", "val"):
        theirs = Official(str(tree), split=split, mode="fine", target_type="semantic")
        ours = opened(tree, split)
        assert sorted(str(ours.files(name)[0]) for name in ours.names) == sorted(theirs.images)
        names = {str(ours.files(name)[0]): name for name in ours.names}
        for path, (image, target) in zip(theirs.images, theirs, strict=True):
            mask = ours.mask(names[path])
            assert np.array_equal(mask, np.vectorize(LABELS.get)(np.asarray(target)))
            assert np.array_equal(ours.image(names[path]), np.asarray(image))


def test_names_are_the_official_ones_in_order(tree: Path) -> None:
    assert opened(tree).names == (
        *("aachen_000000_000019", "aachen_000001_000019"),
        *("ulm_000000_000019", "ulm_000001_000019"),
    )


def test_the_tree_may_lie_in_a_folder_of_its_own(tree: Path, tmp_path: Path) -> None:
    shutil.move(tree, tmp_path / "other" / "cityscapes")
    assert len(opened(tmp_path / "other").names) == 4


def test_train_ids_are_read_where_a_split_has_them(tree: Path) -> None:
    expected = [opened(tree).mask(name) for name in opened(tree).names]
    for city in CITIES["train"]:
        for number in range(2):
            ids = np.vectorize(LABELS.get)(labels(number)).astype(np.uint8)
            write(tree, "train", city, number, ids, "labelTrainIds")
    dataset = opened(tree)
    for name, mask in zip(dataset.names, expected, strict=True):
        assert dataset.files(name)[1].name.endswith("labelTrainIds.png")
        assert np.array_equal(dataset.mask(name), mask)
    assert opened(tree, "val").files("lindau_000000_000019")[1].name.endswith("labelIds.png")


def test_train_ids_of_some_images_only_are_not_used(tree: Path) -> None:
    write(tree, "train", "ulm", 0, labels(0), "labelTrainIds")
    assert opened(tree).files("ulm_000000_000019")[1].name.endswith("labelIds.png")


@pytest.mark.parametrize(("kind", "value"), [("labelIds", 34), ("labelTrainIds", 19)])
def test_a_foreign_label_is_refused_with_its_file(tree: Path, kind: str, value: int) -> None:
    for number in range(2):
        for city in CITIES["train"]:
            mask = np.full(SIZE, 7, np.uint8)
            mask[3, 5] = value
            write(tree, "train", city, number, mask, kind)
    path = label_file(tree)
    assert path.name.endswith(f"{kind}.png")
    with pytest.raises(
        UserError, match=rf"{path} holds the label {value} in 1 pixel, but Cityscapes allows the"
    ) as info:
        opened(tree).mask("aachen_000000_000019")
    assert "255 (void)" in str(info.value)


def test_a_colored_mask_in_the_place_of_labels_is_refused(tree: Path) -> None:
    path = label_file(tree)
    Image.new("RGB", SIZE[::-1], (128, 64, 128)).save(path)
    with pytest.raises(UserError, match=rf"{path} is a mask of colors, but one number"):
        opened(tree).mask("aachen_000000_000019")


def test_a_mask_of_16_bits_is_no_official_label(tree: Path) -> None:
    path = label_file(tree)
    Image.fromarray(np.full(SIZE, 26001, np.uint16)).save(path)  # instance ids, renamed
    with pytest.raises(UserError, match="holds the label 26001"):
        opened(tree).mask("aachen_000000_000019")


def test_test_labels_that_are_dummies_make_no_split(tree: Path) -> None:
    assert split_sizes(DataConfig(dataset="cityscapes", root=str(tree))) == {"train": 4, "val": 2}
    with pytest.raises(UserError, match=r"void everywhere.*Choose train or val") as info:
        opened(tree, "test")
    assert info.value.field == "split"
    shutil.rmtree(tree / "gtFine" / "test")
    with pytest.raises(UserError, match="has no test labels: choose train or val"):
        opened(tree, "test")


def test_a_labeled_test_split_is_one(tree: Path) -> None:
    for number in range(2):
        write(tree, "test", "bonn", number, labels(number), "labelIds")
    sizes = split_sizes(DataConfig(dataset="cityscapes", root=str(tree)))
    assert sizes == {"train": 4, "val": 2, "test": 2}
    assert opened(tree, "test").names == ("bonn_000000_000019", "bonn_000001_000019")


def test_nothing_there_says_where_to_get_it_and_how_it_must_look(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No Cityscapes train images in") as info:
        opened(tmp_path)
    for words in (
        *("https://www.cityscapes-dataset.com", "leftImg8bit_trainvaltest.zip"),
        *("gtFine_trainvaltest.zip", "gtFine/train/<city>/*_gtFine_labelIds.png", str(tmp_path)),
    ):
        assert words in str(info.value)
    assert info.value.field == "root"


def test_a_half_copied_tree_names_the_first_label_and_counts_the_others(tree: Path) -> None:
    for city in CITIES["train"]:
        stem = f"{city}_000001_000019_gtFine_labelIds.png"
        (tree / "gtFine" / "train" / city / stem).unlink()
    with pytest.raises(UserError, match="2 labels are missing in") as info:
        opened(tree)
    assert "aachen/aachen_000001_000019_gtFine_labelIds.png and 1 more" in str(info.value)
    with pytest.raises(UserError, match="2 labels are missing in"):
        split_sizes(DataConfig(dataset="cityscapes", root=str(tree)))


def test_two_images_of_one_name_are_refused(tree: Path) -> None:
    shutil.copytree(tree / "leftImg8bit/train/ulm", tree / "leftImg8bit/train/ulm2")
    with pytest.raises(UserError, match=r"ulm_000000_000019_leftImg8bit\.png, in ulm/ and ulm2/"):
        opened(tree)


def test_files_that_a_mac_leaves_behind_are_no_images(tree: Path) -> None:
    (tree / "leftImg8bit/train/ulm/._ulm_000000_000019_leftImg8bit.png").write_bytes(b"mac")
    assert len(opened(tree).names) == 4


def test_a_whole_run_with_19_classes_at_a_size_that_is_not_square(
    tree: Path, tmp_path: Path
) -> None:
    settings = tiny.config(tree, dataset="cityscapes", image_size="32x64", epochs=1)
    run = tiny.train(tmp_path / "runs", settings)
    started = tiny.events(run, "run_started")[0]
    assert [info["name"] for info in started["classes"]][:2] == ["road", "sidewalk"]
    assert (started["train_images"], started["val_images"]) == (4, 2)
    (epoch,) = tiny.epochs(run)
    assert np.array(epoch["confusion"]).shape == (19, 19)
    # Void pixels are in no cell: the two validation masks hold so many others.
    expected = sum(int((np.vectorize(LABELS.get)(labels(number)) < 255).sum()) for number in (0, 1))
    assert np.array(epoch["confusion"]).sum() == expected
