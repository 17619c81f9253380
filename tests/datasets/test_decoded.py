"""Decoded images on disk: resized once, the right way, and shared by runs."""

from __future__ import annotations

import errno
import io
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as transforms

from segengine.config import DataConfig
from segengine.datasets import SegDataset, open_dataset
from segengine.datasets import cache as cache_module
from segengine.datasets import decoded as decoded_module
from segengine.datasets.decoded import DamagedFiles, DecodedSplit, decode_pairs
from segengine.datasets.formats.photo import Turn
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
    plain = dataset.turned_pair

    def spy(name: str) -> tuple[np.ndarray, np.ndarray, Turn]:
        seen.append(name)
        return plain(name)

    monkeypatch.setattr(dataset, "turned_pair", spy)
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


def test_what_killed_runs_left_of_other_images_is_removed_too(
    pets: SegDataset, cache: Path
) -> None:
    """A folder that a living process fills stays: it has the lock. So does what is not ours."""
    left, at_work, foreign = (f".decoding-{key}" for key in ("a" * 32, "b" * 32, "my-own"))
    for name in (left, at_work, foreign):
        (cache / name).mkdir(parents=True)
    decoded(pets)
    with FileLock(cache / f"{'b' * 32}.lock"):
        (cache / left).mkdir(exist_ok=True)
        (cache / at_work).mkdir(exist_ok=True)
        decoded(pets)  # also where nothing is to be decoded
        assert left not in leftovers(cache)
        assert {at_work, foreign} < set(leftovers(cache))
    decoded(pets)
    assert at_work not in leftovers(cache) and foreign in leftovers(cache)


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


@pytest.mark.parametrize("part", [0, 1])
def test_a_file_replaced_by_one_of_the_same_size_and_time_is_decoded_anew(
    tmp_path: Path, part: int
) -> None:
    """As `cp -p`, `rsync -a` and an unpacked archive do: uncompressed files keep their size."""
    images, masks = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    for index in range(2):
        Image.new("RGB", (48, 32), (9, 9, 9)).save(images / f"{index}.bmp")
        Image.new("L", (48, 32), index).save(masks / f"{index}.bmp")
    config = DataConfig(dataset="folder", root=str(tmp_path), val_share=0.5)
    dataset = open_dataset(config, "train")
    before = decoded(dataset)
    path = dataset.files(dataset.names[0])[part]
    then = path.stat()
    with Image.open(path) as image:
        image.load()
    image.paste(1 - image.getpixel((0, 0)) if part else (200, 0, 0), (0, 0, 48, 32))
    image.save(path)
    os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (then.st_size, then.st_mtime_ns)
    after = decoded(dataset)
    assert not np.array_equal(
        [before.images, before.masks][part], [after.images, after.masks][part]
    )


def test_a_new_reader_reads_everything_again(
    pets: SegDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded(pets)
    seen = decodings(pets, monkeypatch)
    monkeypatch.setattr(cache_module, "READER_VERSION", cache_module.READER_VERSION + 1)
    decoded(pets)
    assert len(seen) == tiny.TRAIN


def flip_a_byte(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def array_file(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda content: content[:-100],
    "longer": lambda content: content + b"0",
    "empty": lambda content: b"",
    "other": lambda content: b"x" * len(content),
    "a byte of the header": lambda content: content[:70] + b"9" + content[71:],
    "a byte of a picture": flip_a_byte,
    "wrong shape": lambda content: array_file(np.load(io.BytesIO(content))[:, :16]),
    "wrong type": lambda content: array_file(np.load(io.BytesIO(content)).astype(np.float32)),
    "deep nesting": lambda content: b"[" * 100_000,
}


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *(
            (name, damage)
            for name in ("images.npy", "masks.npy")
            for damage in ("missing", *DAMAGES)
        ),
        *(("entry.json", damage) for damage in ("missing", "truncated", "empty", "deep nesting")),
    ],
)
def test_a_damaged_cache_is_decoded_anew_and_that_is_said(
    pets: SegDataset, cache: Path, name: str, damage: str
) -> None:
    before = decoded(pets)
    expected = before.images.copy(), before.masks.copy()
    (path,) = cache.glob(f"*/{name}")
    content = path.read_bytes()
    path.unlink()  # what is mapped already stays as it is
    if damage != "missing":
        path.write_bytes(DAMAGES[damage](content))
    said: set[str] = set()

    def progress(phase: str, done: int, total: int) -> None:
        said.add(phase)

    after = decode_pairs(pets, pets.names, SIZE, workers=2, progress=progress)
    assert np.array_equal(after.images, expected[0]) and np.array_equal(after.masks, expected[1])
    assert said == {"Reading images again, as they were damaged in the cache"}


def test_arrays_of_a_wrong_shape_with_the_right_sums_are_decoded_anew(
    pets: SegDataset, cache: Path
) -> None:
    decoded(pets)
    (folder,) = cache.glob("*/")
    for name in ("images.npy", "masks.npy"):
        (folder / name).unlink()
    np.save(folder / "images.npy", np.zeros((tiny.TRAIN, *SIZE), np.uint8))
    np.save(folder / "masks.npy", np.zeros((tiny.TRAIN, *SIZE), np.uint8))
    note = json.loads((folder / "entry.json").read_text())
    note["files"] = decoded_module._checksums(folder)
    (folder / "entry.json").write_text(json.dumps(note))
    assert decoded(pets).images.shape == (tiny.TRAIN, *SIZE, 3)
