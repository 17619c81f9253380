"""The check of a dataset: every problem with its file, class shares and sizes, text and JSON."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segengine.cli.check_report import as_json, as_text
from segengine.config import DataConfig
from segengine.datasets.check import Report, check_dataset
from segengine.datasets.decoded import DamagedFiles, load_splits
from tests import tiny
from tests.datasets.strict_json import strict_json
from tests.tiny import image_file, mask_file

SIZE = (40, 52)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """7 training and 3 validation pets, to be damaged."""
    return tiny.write_pets(tmp_path / "data")


def checked(root: Path, **values: Any) -> Report:
    return check_dataset(DataConfig(root=str(root), **values), tiny.no_progress)


def problems_of(report: Report) -> list[tuple[str, str, str]]:
    """(kind, split, file) of every problem."""
    return [(problem.kind, problem.split, problem.file) for problem in report.problems]


def test_a_sound_dataset_has_no_problems(pets: Path) -> None:
    report = checked(pets)
    assert report.problems == () and report.notes == ()
    assert [(split.split, split.images) for split in report.splits] == [("train", 7), ("val", 3)]
    assert as_text(report).endswith("No problems found.")


def test_class_shares_are_those_of_the_masks(pets: Path) -> None:
    for index in range(3):
        mask = np.full(SIZE, 2, np.uint8)
        mask[:10], mask[10:20] = 255, 1  # a quarter void; a third of the rest pet
        Image.fromarray(mask).save(mask_file(pets, f"test_{index}"))
    val = checked(pets).splits[1]
    assert val.pixels == [3 * 10 * 52, 3 * 20 * 52, 0] and val.void == 3 * 10 * 52
    assert val.shares() == pytest.approx([1 / 3, 2 / 3, 0])
    assert val.void_share() == pytest.approx(1 / 4)
    text = as_text(checked(pets))
    assert "66.67 %" in text and "25.00 %" in text


def test_sizes_are_listed_by_area(pets: Path) -> None:
    for index, (height, width) in enumerate([(10, 30), (20, 20), (50, 60), (20, 20)]):
        image = np.random.default_rng(index).integers(0, 255, (height, width, 3), np.uint8)
        Image.fromarray(image).save(image_file(pets, f"trainval_{index}"))
        mask = np.full((height, width), 1, np.uint8)
        Image.fromarray(mask).save(mask_file(pets, f"trainval_{index}"))
    split = strict_json(as_json(checked(pets)))["splits"][0]
    assert split["sizes"] == {
        "smallest": [10, 30],
        "median": [40, 52],
        "largest": [50, 60],
        "most_common": [40, 52],
    }
    assert split["most_common_images"] == 3


def test_every_problem_is_listed_with_its_file(pets: Path) -> None:
    image_file(pets, "trainval_0").write_bytes(b"no picture")
    labels = np.full(SIZE, 9, np.uint8)
    Image.fromarray(labels).save(mask_file(pets, "trainval_1"))
    Image.fromarray(np.full((4, 4), 1, np.uint8)).save(mask_file(pets, "trainval_2"))
    Image.fromarray(np.full(SIZE, 255, np.uint8)).save(mask_file(pets, "trainval_3"))
    mask_file(pets, "trainval_4").write_bytes(mask_file(pets, "trainval_4").read_bytes()[:70])
    mask_file(pets, "trainval_5").unlink()
    image_file(pets, "test_0").unlink()
    image_file(pets, "test_1").write_bytes(b"")
    mask_file(pets, "test_1").write_bytes(b"")
    shutil.copy(image_file(pets, "trainval_6"), image_file(pets, "test_2"))
    report = checked(pets)
    assert sorted(problems_of(report)) == sorted(
        [
            ("undecodable", "train", str(image_file(pets, "trainval_0"))),
            ("label", "train", str(mask_file(pets, "trainval_1"))),
            ("size", "train", str(mask_file(pets, "trainval_2"))),
            ("void", "train", str(mask_file(pets, "trainval_3"))),
            ("undecodable", "train", str(mask_file(pets, "trainval_4"))),
            ("missing", "train", str(mask_file(pets, "trainval_5"))),
            ("missing", "val", str(image_file(pets, "test_0"))),
            ("undecodable", "val", str(image_file(pets, "test_1"))),
            ("undecodable", "val", str(mask_file(pets, "test_1"))),
            ("duplicate", "val", str(image_file(pets, "test_2"))),
        ]
    )
    text = as_text(report)
    assert "10 problems:" in text
    for problem in report.problems:
        assert problem.file in problem.message and problem.message in text
        assert "\n" not in problem.message


def test_an_image_twice_in_one_split_is_a_note(pets: Path) -> None:
    shutil.copy(image_file(pets, "trainval_6"), image_file(pets, "trainval_2"))
    report = checked(pets)
    assert report.problems == ()
    (note,) = report.notes
    assert (note.kind, note.split) == ("duplicate", "train")
    assert "1 note:" in as_text(report) and "No problems found." in as_text(report)


def test_a_file_that_differs_in_one_byte_is_no_duplicate(pets: Path) -> None:
    content = image_file(pets, "trainval_6").read_bytes()
    image_file(pets, "test_2").write_bytes(content[:-3] + b"\0" + content[-2:])
    assert checked(pets).problems == ()


def test_the_number_of_threads_changes_nothing(pets: Path) -> None:
    image_file(pets, "trainval_0").write_bytes(b"no picture")
    mask_file(pets, "trainval_4").write_bytes(b"none either")
    assert checked(pets, workers=1) == checked(pets, workers=4)


def test_progress_counts_all_images_of_all_splits(pets: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    check_dataset(DataConfig(root=str(pets)), lambda *step: seen.append(step))
    assert seen == [("Checking images", done, 10) for done in range(1, 11)]


def test_a_dataset_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    for dataset in ("oxford_pets", "cityscapes", "folder"):
        report = checked(tmp_path / "nowhere", dataset=dataset)
        assert [(kind, file) for kind, _, file in problems_of(report)] == [("dataset", "")], dataset
        assert report.splits == () and report.problems[0].message in as_text(report)
        assert strict_json(as_json(report))["splits"] == []


def write_folder(root: Path) -> Path:
    """Own images: 2 training, 2 validation and 2 test pairs in two classes."""
    for seed, split in enumerate(("train", "val", "test")):
        for part in ("images", "masks"):
            (root / split / part).mkdir(parents=True)
        for index in range(2):
            image = np.random.default_rng([seed, index]).integers(0, 255, (*SIZE, 3), np.uint8)
            Image.fromarray(image).save(root / split / "images" / f"{index}.png")
            mask = np.zeros(SIZE, np.uint8)
            mask[:10] = 1
            Image.fromarray(mask).save(root / split / "masks" / f"{index}.png")
    return root


def test_own_splits_are_all_read_and_files_without_a_partner_are_listed(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "own")
    (root / "train" / "images" / "extra.png").write_bytes(b"")
    (root / "test" / "images" / "0.png").unlink()
    shutil.copy(root / "train" / "images" / "1.png", root / "val" / "images" / "0.png")
    report = checked(root, dataset="folder")
    assert [(split.split, split.images) for split in report.splits] == [
        *(("train", 2), ("val", 2), ("test", 1)),
    ]
    assert [problem.kind for problem in report.problems] == ["missing", "missing", "duplicate"]
    assert report.splits[2].shares() == pytest.approx([0.75, 0.25])


def test_a_pool_lists_what_has_no_partner_once(tmp_path: Path) -> None:
    shutil.move(write_folder(tmp_path / "own") / "train", tmp_path / "pool")
    (tmp_path / "pool" / "images" / "extra.png").write_bytes(b"")
    report = checked(tmp_path / "pool", dataset="folder")
    assert [split.images for split in report.splits] == [1, 1]
    assert [problem.kind for problem in report.problems] == ["missing"]


def test_a_test_split_without_labels_is_no_problem_of_cityscapes(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        for part, value, ending in (
            ("leftImg8bit", len(split), "leftImg8bit"),
            ("gtFine", 0 if split == "test" else 7, "gtFine_labelIds"),
        ):
            path = tmp_path / part / split / "ulm" / f"ulm_0_{ending}.png"
            path.parent.mkdir(parents=True)
            noise = np.random.default_rng([value, len(path.parts), ord(split[-1])])
            pixels = noise.integers(0, 255, (8, 16, 3), np.uint8)
            flat = np.full((8, 16), value, np.uint8)
            Image.fromarray(pixels if part == "leftImg8bit" else flat).save(path)
    report = checked(tmp_path, dataset="cityscapes")
    assert [split.split for split in report.splits] == ["train", "val"]
    assert report.problems == ()
    assert report.splits[0].shares()[0] == 1.0


def test_real_pets_are_sound(real_pets: Path, tmp_path: Path) -> None:
    """A few of them; all are checked by `python -m segengine check --root ...`."""
    names = sorted(path.stem for path in (real_pets / "oxford-iiit-pet" / "images").glob("*.jpg"))
    listed = {
        line.split()[0]
        for file in ("trainval.txt", "test.txt")
        for line in (real_pets / "oxford-iiit-pet/annotations" / file).read_text().splitlines()
        if not line.startswith("#")
    }
    few = [name for name in names if name in listed][:12]
    folder = tmp_path / "few" / "oxford-iiit-pet"
    (folder / "images").mkdir(parents=True)
    (folder / "annotations" / "trimaps").mkdir(parents=True)
    for name in few:
        shutil.copy(image_file(real_pets, name), folder / "images")
        shutil.copy(mask_file(real_pets, name), folder / "annotations" / "trimaps")
    for file, part in (("trainval.txt", few[:8]), ("test.txt", few[8:])):
        (folder / "annotations" / file).write_text("".join(f"{name} 1 1 1\n" for name in part))
    report = checked(tmp_path / "few")
    assert report.problems == () and [split.images for split in report.splits] == [8, 4]
    shares = report.splits[0].shares()
    assert all(share is not None and 0.02 < share < 0.9 for share in shares)


# --- Before a run --------------------------------------------------------------------------------


def test_what_a_run_will_use_is_read_before_it_starts_and_not_again(pets: Path) -> None:
    settings = tiny.config(pets, train_limit=4, draws="1", image_size="32x64").data
    mask_file(pets, "trainval_6").write_bytes(b"beyond the limit")
    load_splits(settings, ("train", "val"), tiny.no_progress)
    load_splits(settings, ("train", "val"), refuse_to_read)


def refuse_to_read(phase: str, done: int, total: int) -> None:
    raise AssertionError(f"{phase}: it is in the cache")


def test_every_damaged_file_of_both_splits_is_listed_before_a_run(pets: Path) -> None:
    mask_file(pets, "trainval_1").write_bytes(b"no picture")
    mask_file(pets, "trainval_5").write_bytes(b"no picture")
    image_file(pets, "test_2").write_bytes(b"no picture")
    with pytest.raises(DamagedFiles, match="2 more images have problems") as info:
        load_splits(tiny.config(pets).data, ("train", "val"), tiny.no_progress)
    sentences = info.value.sentences()
    assert len(sentences) == 3
    for sentence, file in zip(
        sentences, ("trainval_1.png", "trainval_5.png", "test_2.jpg"), strict=True
    ):
        assert file in sentence
    assert info.value.sentences(2)[-1].startswith("1 more image has problems: ")
