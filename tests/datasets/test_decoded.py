"""Decoded images on disk: resized once, the right way, and shared by runs."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as transforms

from segengine.config import DataConfig
from segengine.datasets import SegDataset, open_dataset
from segengine.datasets.decoded import DamagedFiles, DecodedSplit, decode_pairs
from segengine.errors import UserError
from tests import tiny

SIZE = (32, 48)


@pytest.fixture
def pets(tmp_path: Path) -> SegDataset:
    return pets_in(tiny.write_pets(tmp_path / "data"))


def pets_in(root: Path) -> SegDataset:
    return open_dataset(DataConfig(root=str(root)), "train")


def decoded(
    dataset: SegDataset,
    names: Sequence[str] | None = None,
    size: tuple[int, int] = SIZE,
    workers: int = 2,
) -> DecodedSplit:
    chosen = dataset.names if names is None else names
    return decode_pairs(dataset, chosen, size, workers=workers, progress=tiny.no_progress)


def decodings(dataset: SegDataset, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that are decoded from now on."""
    seen: list[str] = []
    plain = dataset.pair

    def spy(name: str) -> tuple[np.ndarray, np.ndarray]:
        seen.append(name)
        return plain(name)

    monkeypatch.setattr(dataset, "pair", spy)
    return seen


def leftovers(cache: Path) -> list[str]:
    """What lies in the cache besides locks."""
    return [path.name for path in cache.iterdir() if path.suffix != ".lock"]


@pytest.mark.parametrize("size", [(32, 48), (64, 64), (97, 33)])
def test_images_are_resized_with_antialiasing_and_masks_without_new_labels(
    real_pets: Path, size: tuple[int, int]
) -> None:
    dataset = pets_in(real_pets)
    names = dataset.names[:4]
    split = decoded(dataset, names, size)
    assert split.images.shape == (4, *size, 3) and split.masks.shape == (4, *size)
    for index, name in enumerate(names):
        image, mask = dataset.pair(name)
        chw = torch.from_numpy(image.copy()).permute(2, 0, 1)
        bilinear = v2.InterpolationMode.BILINEAR
        expected = transforms.resize(chw, list(size), bilinear, antialias=True)
        aliased = transforms.resize(chw, list(size), bilinear, antialias=False)
        resized = torch.from_numpy(split.images[index].copy()).permute(2, 0, 1).int()
        assert (resized - expected).abs().max() <= 1  # rounding
        assert (resized - aliased).abs().max() > 10
        # Nearest by hand: the pixel under the center of each new pixel.
        rows = ((np.arange(size[0]) + 0.5) * mask.shape[0] / size[0]).astype(int)
        columns = ((np.arange(size[1]) + 0.5) * mask.shape[1] / size[1]).astype(int)
        assert np.array_equal(split.masks[index], mask[rows][:, columns])


def test_masks_keep_pet_background_border_and_void_only(pets: SegDataset) -> None:
    assert set(np.unique(decoded(pets).masks)) == {0, 1, 2, 255}


def test_names_keep_their_order(pets: SegDataset) -> None:
    names = pets.names[::-1][:3]
    split = decoded(pets, names)
    assert split.names == names and len(split) == 3
    again = decoded(pets)
    for index, name in enumerate(names):
        other = again.names.index(name)
        assert np.array_equal(split.images[index], again.images[other])


def test_the_number_of_threads_changes_nothing(tmp_path: Path) -> None:
    first, second = (pets_in(tiny.write_pets(tmp_path / name)) for name in "ab")
    alone, pooled = decoded(first, workers=1), decoded(second, workers=4)
    assert np.array_equal(alone.images, pooled.images)
    assert np.array_equal(alone.masks, pooled.masks)


def test_the_second_use_decodes_nothing(pets: SegDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = decodings(pets, monkeypatch)
    first = decoded(pets)
    assert sorted(seen) == sorted(pets.names)
    seen.clear()
    second = decoded(pets)
    assert seen == []
    assert np.array_equal(first.images, second.images)
    decoded(pets, size=(32, 32))
    assert len(seen) == tiny.TRAIN  # another size is another decoding


@pytest.mark.parametrize("part", [0, 1])
def test_a_changed_file_is_decoded_anew(pets: SegDataset, part: int) -> None:
    before = decoded(pets)
    path = pets.files(pets.names[2])[part]
    shape = (40, 52, 3) if part == 0 else (40, 52)
    Image.fromarray(np.full(shape, 2, np.uint8)).save(path)
    after = decoded(pets)
    changed = after.images[2] if part == 0 else after.masks[2]
    assert set(np.unique(changed)) == {2 - part}  # a stored label 2 is class 1
    assert np.array_equal(before.images[1], after.images[1])


def test_a_mask_without_its_image_size_never_reaches_the_cache(
    pets: SegDataset, cache: Path
) -> None:
    Image.fromarray(np.full((4, 4), 2, np.uint8)).save(pets.files(pets.names[3])[1])
    with pytest.raises(UserError, match="52x40 pixels but its mask"):
        decoded(pets)
    assert leftovers(cache) == []


def test_all_damaged_files_are_counted_and_the_first_is_named(
    pets: SegDataset, cache: Path
) -> None:
    for index in (5, 2, 3):
        pets.files(pets.names[index])[index % 2].write_bytes(b"no picture")
    with pytest.raises(DamagedFiles, match="cannot be decoded as an image") as info:
        decoded(pets, workers=4)
    first = pets.files(pets.names[2])[0]
    assert str(info.value).startswith(str(first))
    assert str(info.value).endswith(
        " 2 more images have problems: `python -m segengine check` lists them."
    )
    assert info.value.field == "root" and len(info.value.problems) == 3
    for index, problem in zip((2, 3, 5), info.value.problems, strict=True):
        assert str(pets.files(pets.names[index])[index % 2]) in str(problem)
    assert leftovers(cache) == []


def test_one_damaged_file_is_one_sentence(pets: SegDataset) -> None:
    path = pets.files(pets.names[4])[1]
    path.write_bytes(b"no picture")
    with pytest.raises(UserError) as alone:
        pets.pair(pets.names[4])
    with pytest.raises(DamagedFiles) as info:
        decoded(pets)
    assert str(info.value) == str(alone.value)


def test_a_file_that_went_away_is_named(pets: SegDataset) -> None:
    path = pets.files(pets.names[4])[1]
    path.unlink()
    with pytest.raises(UserError, match=f"{path} cannot be decoded .*No such file"):
        decoded(pets)


def _decode_and_die(root: Path) -> None:
    def die(phase: str, done: int, total: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    dataset = pets_in(root)
    decode_pairs(dataset, dataset.names, SIZE, workers=1, progress=die)


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path, cache: Path) -> None:
    root = tiny.write_pets(tmp_path / "data")
    process = multiprocessing.get_context("fork").Process(target=_decode_and_die, args=(root,))
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    (left,) = leftovers(cache)
    assert left.startswith(".decoding-")
    assert len(decoded(pets_in(root))) == tiny.TRAIN
    assert leftovers(cache) == [left.removeprefix(".decoding-")]


def test_only_old_leftovers_of_other_images_are_removed(pets: SegDataset, cache: Path) -> None:
    for name, hours in ((".decoding-old", 25), (".decoding-at-work", 1), ("whole", 99)):
        (cache / name).mkdir(parents=True)
        then = time.time() - 3600 * hours
        os.utime(cache / name, (then, then))
    decoded(pets)
    assert {".decoding-at-work", "whole"} < set(leftovers(cache))
    assert ".decoding-old" not in leftovers(cache)


def test_an_interrupted_decoding_leaves_nothing_and_is_begun_again(
    pets: SegDataset, cache: Path
) -> None:
    def interrupt(phase: str, done: int, total: int) -> None:
        assert (phase, total) == ("Reading images", tiny.TRAIN)
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode_pairs(pets, pets.names, SIZE, workers=1, progress=interrupt)
    assert leftovers(cache) == []
    assert decoded(pets).masks.any()


def _decode_in_process(root: Path, ready: object, results: object) -> None:
    dataset = pets_in(root)
    ready.wait()  # type: ignore[attr-defined]
    split = decoded(dataset)
    results.put(int(split.images.astype(np.int64).sum()))  # type: ignore[attr-defined]


def test_two_processes_at_once_get_the_same_images(tmp_path: Path, cache: Path) -> None:
    root = tiny.write_pets(tmp_path / "data")
    fork = multiprocessing.get_context("fork")
    ready, results = fork.Barrier(2), fork.Queue()
    arguments = (root, ready, results)
    processes = [fork.Process(target=_decode_in_process, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    sums = [results.get(timeout=30) for _ in processes]
    for process in processes:
        process.join(30)
    assert sums[0] == sums[1] == decoded(pets_in(root)).images.astype(np.int64).sum()
    assert len(leftovers(cache)) == 1


def test_a_full_disk_is_said_in_a_sentence_before_anything_is_mapped(
    pets: SegDataset, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UserError, match="The disk is full") as info:
        decoded(pets)
    assert str(cache) in str(info.value) and "Free some space" in str(info.value)
    assert leftovers(cache) == []


def test_a_cache_that_cannot_be_made_is_said_in_a_sentence(
    pets: SegDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEGLAB_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match=rf"{tmp_path / 'file'}.* cannot be written"):
        decoded(pets)


@pytest.mark.parametrize("damage", ["truncated", "empty", "missing", "other"])
@pytest.mark.parametrize("name", ["images.npy", "masks.npy"])
def test_a_damaged_cache_is_decoded_anew(
    pets: SegDataset, cache: Path, name: str, damage: str
) -> None:
    before = decoded(pets)
    expected = before.images.copy(), before.masks.copy()
    (path,) = cache.glob(f"*/{name}")
    content = path.read_bytes()
    path.unlink()  # what is mapped already stays as it is
    if damage != "missing":
        kept = {"truncated": content[:-100], "empty": b"", "other": b"x" * len(content)}
        path.write_bytes(kept[damage])
    after = decoded(pets)
    assert np.array_equal(after.images, expected[0]) and np.array_equal(after.masks, expected[1])
