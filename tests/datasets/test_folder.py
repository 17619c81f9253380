"""People's own images and masks: layouts, classes, colors, and what may be wrong with them."""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segengine.config import DataConfig
from segengine.datasets import (
    SegDataset,
    Split,
    dataset_classes,
    open_dataset,
    prepare_dataset,
    split_sizes,
)
from segengine.datasets.decoded import decode_pairs
from segengine.datasets.formats import mask_scan
from segengine.datasets.formats.palette import class_colors
from segengine.errors import UserError
from tests import tiny

SIZE = (24, 36)
CATS = [{"name": "ground", "color": "#101010"}, {"name": "cat", "color": "#FF8000"}]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("SEGLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def drawn(seed: int, values: list[int]) -> np.ndarray:
    """A random mask that holds every one of `values`."""
    rng = np.random.default_rng(seed)
    mask = rng.choice(values, SIZE).astype(np.uint8)
    mask.flat[: len(values)] = values
    return mask


def write(
    folder: Path, count: int, values: list[int], *, seed: int = 0, prefix: str = "img"
) -> Path:
    """`count` pairs of different pictures in `folder/images` and `folder/masks`."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        mask = drawn(100 * seed + index, values)
        image = np.random.default_rng([seed, index]).integers(0, 99, (*SIZE, 3), dtype=np.uint8)
        image[mask == values[-1]] += 120
        Image.fromarray(image).save(folder / "images" / f"{prefix}_{index}.jpg")
        Image.fromarray(mask).save(folder / "masks" / f"{prefix}_{index}.png")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """10 training, 4 validation and 4 test pairs with the labels 0, 1, 2 and void."""
    for seed, (split, count) in enumerate((("train", 10), ("val", 4), ("test", 4))):
        write(tmp_path / "data" / split, count, [0, 1, 2, 255], seed=seed)
    return tmp_path / "data"


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """10 pairs without splits."""
    return write(tmp_path / "pool", 10, [0, 1])


def config(root: Path, **values: Any) -> DataConfig:
    return DataConfig(dataset="folder", root=str(root), **values)


def opened(root: Path, split: Split = "train", **values: Any) -> SegDataset:
    return open_dataset(config(root, **values), split)


def describe(root: Path, content: Any) -> None:
    """Write `classes.json`."""
    text = content if isinstance(content, str) else json.dumps(content)
    (root / "classes.json").write_text(text)


def nothing(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


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


# --- Layouts -------------------------------------------------------------------------------------


def test_own_splits_are_read_as_they_are(root: Path) -> None:
    assert split_sizes(config(root)) == {"train": 10, "val": 4, "test": 4}
    for seed, (split, count) in enumerate((("train", 10), ("val", 4), ("test", 4))):
        dataset = opened(root, split)
        assert dataset.names == tuple(f"img_{index}" for index in range(count))
        for index, name in enumerate(dataset.names):
            image, mask = dataset.pair(name)
            assert np.array_equal(mask, drawn(100 * seed + index, [0, 1, 2, 255]))
            assert mask.dtype == np.int64 and image.shape == (*SIZE, 3)


def test_a_test_split_is_optional(root: Path) -> None:
    shutil.rmtree(root / "test")
    assert split_sizes(config(root)) == {"train": 10, "val": 4}
    assert "choose train or val" in refused(root, "has no split 'test'", "test")


def test_a_seed_splits_a_pool_into_two_parts_once_and_for_all(pool: Path) -> None:
    train, val = opened(pool).names, opened(pool, "val").names
    assert split_sizes(config(pool)) == {"train": 8, "val": 2}
    assert sorted(train + val) == sorted(path.stem for path in (pool / "images").iterdir())
    assert opened(pool).names == train and opened(pool, "val").names == val
    others = {opened(pool, "val", split_seed=seed).names for seed in range(8)}
    assert len(others) > 4
    write(pool, 1, [0, 1], prefix="new", seed=5)  # moves nobody from training to validation
    assert set(opened(pool, "val").names) - set(val) <= {"new_0"}


@pytest.mark.parametrize(
    ("count", "share", "val"),
    [(10, 0.5, 5), (10, 0.01, 1), (10, 0.99, 9), (2, 0.2, 1), (3, 0.9, 2)],
)
def test_each_part_gets_its_share_and_at_least_one(
    tmp_path: Path, count: int, share: float, val: int
) -> None:
    write(tmp_path / "few", count, [0, 1])
    expected = {"train": count - val, "val": val}
    assert split_sizes(config(tmp_path / "few", val_share=share)) == expected


def test_one_pair_cannot_be_split(tmp_path: Path) -> None:
    refused(write(tmp_path / "one", 1, [0, 1]), "holds 1 pair of image and mask, but at least 2")


def test_settings_of_a_split_by_chance_are_refused_beside_own_splits(root: Path) -> None:
    refused(root, "val_share 0.5 was given, but .* has splits of its own", val_share=0.5)
    refused(root, "split_seed 3 was given", split_seed=3)


def test_a_folder_without_a_layout_says_how_it_must_look(tmp_path: Path, root: Path) -> None:
    text = refused(tmp_path / "nowhere", "does not exist")
    for words in ("train/ and val/", "images/ and masks/"):
        assert words in text
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "has neither")
    shutil.rmtree(root / "val")
    shutil.rmtree(root / "test")
    refused(root, "has only train/")
    write(root, 3, [0, 1])
    refused(root, "holds both train/ and images/")


def test_other_image_formats_capital_endings_and_stray_files(pool: Path) -> None:
    for index, suffix in enumerate((".PNG", ".bmp", ".tif", ".webp", ".JPEG")):
        path = pool / "images" / f"img_{index}.jpg"
        Image.open(path).save(pool / "images" / f"img_{index}{suffix}")
        path.unlink()
    for index, suffix in enumerate((".bmp", ".tif", ".TIFF", ".gif")):
        path = pool / "masks" / f"img_{index}.png"
        Image.open(path).save(pool / "masks" / f"img_{index}{suffix}")
        path.unlink()
    (pool / "masks" / "Thumbs.db").write_bytes(b"windows")
    (pool / "masks" / "._img_0.png").write_bytes(b"mac")
    assert split_sizes(config(pool)) == {"train": 8, "val": 2}
    for split in ("train", "val"):
        dataset = opened(pool, split)
        for name in dataset.names:
            assert np.array_equal(dataset.pair(name)[1], drawn(int(name[4:]), [0, 1]))


# --- Pairs ---------------------------------------------------------------------------------------


def test_images_without_a_mask_are_counted_and_the_first_is_named(root: Path) -> None:
    for index in (3, 5):
        (root / "train" / "masks" / f"img_{index}.png").unlink()
    text = refused(root, "2 masks are missing in")
    assert "img_3.png and 1 more" in text and "paired by name" in text
    with pytest.raises(UserError, match="2 masks are missing in"):
        split_sizes(config(root))


def test_a_mask_without_an_image_is_named(pool: Path) -> None:
    (pool / "images" / "img_4.jpg").unlink()
    assert str(pool / "images") in refused(pool, "1 image is missing in")


def test_two_images_of_one_name_are_refused(pool: Path) -> None:
    shutil.copy(pool / "images" / "img_1.jpg", pool / "images" / "img_1.jpeg")
    assert "rename or remove" in refused(pool, r"img_1\.jpeg and img_1\.jpg in .* have one name")


def test_jpeg_masks_are_refused_for_what_they_are(pool: Path) -> None:
    path = pool / "masks" / "img_2.png"
    Image.open(path).save(path.with_suffix(".jpg"))
    path.unlink()
    refused(pool, r"img_2\.jpg is a JPEG, whose compression changes the labels: save masks as PNG")


def test_an_empty_folder_of_images_is_said(pool: Path) -> None:
    shutil.rmtree(pool / "images")
    (pool / "images").mkdir()
    refused(pool, "holds no images .*: copy them there")


def test_a_mask_of_another_size_gives_both_sizes(root: Path) -> None:
    Image.fromarray(np.zeros((24, 35), np.uint8)).save(root / "train/masks/img_0.png")
    refused(root, "is 36x24 pixels but its mask .* is 35x24")


# --- Classes from the masks ----------------------------------------------------------------------


def test_classes_are_told_from_the_masks_of_all_splits(root: Path) -> None:
    Image.fromarray(np.full(SIZE, 3, np.uint8)).save(root / "test/masks/img_0.png")
    classes = dataset_classes(config(root))
    assert [info.name for info in classes] == ["class 0", "class 1", "class 2", "class 3"]
    assert [info.color for info in classes] == class_colors(4)


def test_the_masks_are_read_once_and_again_when_one_changes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    plain = mask_scan._look
    monkeypatch.setattr(mask_scan, "_look", lambda path: (read.append(path), plain(path))[1])
    assert len(dataset_classes(config(root))) == 3
    assert len(read) == 18
    first = dataset_classes(config(root))
    opened(root)
    assert len(read) == 18
    Image.fromarray(np.full(SIZE, 3, np.uint8)).save(root / "train/masks/img_0.png")
    assert len(dataset_classes(config(root))) == 4 == len(first) + 1
    assert len(read) == 36


def test_looking_for_classes_shows_how_far_it_is(root: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    prepare_dataset(config(root), lambda *step: seen.append(step))
    assert seen == [("Looking for classes", done, 18) for done in range(1, 19)]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0, 1, 3], "the numbers 0, 1 and 3"),
        ([1, 2], "the numbers 1 and 2"),
        ([0, 255], "the numbers 0 and 255"),
        ([0], "only the number 0"),
        ([255], "only the number 255"),
        ([10 * i for i in range(20)], "100, 110 and 8 more"),
    ],
)
def test_numbers_that_leave_the_classes_open_are_refused_with_a_proposal(
    tmp_path: Path, values: list[int], words: str
) -> None:
    pool = write(tmp_path / "open", 3, values)
    text = refused(pool, words)
    assert f"Write {pool / 'classes.json'}, such as" in text
    proposed = text.partition("such as ")[2].removesuffix(".")
    if len(values) <= 4:  # what is proposed can be pasted; two classes are the least
        entries = json.loads(proposed)["classes"]
        assert [entry["value"] for entry in entries] == values
        if len(values) > 1:
            describe(pool, proposed)
            assert len(opened(pool).classes) == len(values)
            assert opened(pool).mask(opened(pool).names[0]).max() == len(values) - 1


def test_a_palette_gives_the_classes_their_colors_and_its_indices_are_the_labels(
    pool: Path,
) -> None:
    for path in (pool / "masks").iterdir():
        mask = Image.open(path)
        mask.putpalette([10, 20, 30, 200, 100, 0] + [0] * 762)
        mask.save(path)
    dataset = opened(pool)
    assert [info.color for info in dataset.classes] == ["#0A141E", "#C86400"]
    for name in dataset.names:
        assert np.array_equal(dataset.mask(name), drawn(int(name[4:]), [0, 1]))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_masks_of_few_bits_keep_their_numbers(pool: Path, bits: int) -> None:
    """Pillow stretches such files to 0..255 when it reads them."""
    values = list(range(2**bits))
    for path in (pool / "masks").iterdir():
        path.write_bytes(gray_png(drawn(int(path.stem[4:]), values), bits))
    dataset = opened(pool)
    assert len(dataset.classes) == 2**bits
    for name in dataset.names:
        assert np.array_equal(dataset.mask(name), drawn(int(name[4:]), values))


def gray_png(mask: np.ndarray, bits: int) -> bytes:
    """A gray PNG of `bits` bits a pixel, by the PNG specification: Pillow writes none."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    height, width = mask.shape
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    planes = (mask[..., None] >> np.arange(bits)[::-1]) & 1  # most significant bit first
    rows = np.packbits(planes.reshape(height, -1).astype(np.uint8), axis=1)
    pixels = b"".join(b"\0" + row.tobytes() for row in rows)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_masks_of_16_bits_are_read_by_their_numbers(pool: Path) -> None:
    for path in (pool / "masks").iterdir():
        Image.fromarray(drawn(int(path.stem[4:]), [0, 1]).astype(np.uint16)).save(path)
    dataset = opened(pool)
    for name in dataset.names:
        assert np.array_equal(dataset.mask(name), drawn(int(name[4:]), [0, 1]))
    Image.fromarray(np.full(SIZE, 1000, np.uint16)).save(pool / "masks/img_0.png")
    refused(pool, "the numbers 0, 1 and 1000")
    describe(pool, {"classes": [{"name": "a"}, {"name": "b"}, {"name": "c", "value": 1000}]})
    split: Split = "train" if "img_0" in opened(pool).names else "val"
    assert (opened(pool, split).mask("img_0") == 2).all()


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_images_that_8_bits_cannot_hold_are_refused(pool: Path, kind: type) -> None:
    name = opened(pool).names[0]
    (pool / "images" / f"{name}.jpg").unlink()
    Image.fromarray(np.full(SIZE, 300, kind)).save(pool / "images" / f"{name}.tif")
    assert f"{name}.tif" in refused(pool, "which does not fit 8 bits a channel: save it as RGB")


def test_grey_and_transparent_images_are_read_as_rgb(pool: Path) -> None:
    first, second = opened(pool).names[:2]
    Image.new("L", SIZE[::-1], 77).save(pool / "images" / f"{first}.jpg")
    (pool / "images" / f"{second}.jpg").unlink()
    Image.new("RGBA", SIZE[::-1], (1, 2, 3, 0)).save(pool / "images" / f"{second}.png")
    dataset = opened(pool)
    assert (dataset.image(first) == 77).all()
    assert (dataset.image(second) == (1, 2, 3)).all()


def test_a_broken_mask_does_not_hide_the_classes(root: Path) -> None:
    (root / "train/masks/img_1.png").write_bytes(b"no picture")
    assert len(dataset_classes(config(root))) == 3
    assert "img_1.png" in refused(root, "cannot be decoded as an image")


def test_colors_for_many_classes_all_differ() -> None:
    assert len(set(class_colors(255))) == 255
    assert class_colors(3) == class_colors(9)[:3]
    assert not set(class_colors(9, taken=class_colors(4))) & set(class_colors(4))


# --- classes.json --------------------------------------------------------------------------------


def test_classes_json_gives_names_colors_numbers_and_void(tmp_path: Path) -> None:
    pool = write(tmp_path / "pool", 6, [0, 7, 30, 255])
    content = [{"name": "sea", "value": 30}, {"name": "land", "value": 7, "color": "#00ff00"}]
    describe(pool, {"classes": content, "void": [0, 255]})
    dataset = opened(pool)
    assert [(info.name, info.color) for info in dataset.classes] == [
        ("sea", class_colors(1)[0]),
        ("land", "#00FF00"),
    ]
    stored = drawn(int(dataset.names[0][4:]), [0, 7, 30, 255])
    expected = np.select([stored == 30, stored == 7], [0, 1], 255)
    assert np.array_equal(dataset.mask(dataset.names[0]), expected)


def test_0_and_255_are_two_classes_where_classes_json_says_so(tmp_path: Path) -> None:
    pool = write(tmp_path / "pool", 4, [0, 255])
    describe(pool, {"classes": [{"name": "off"}, {"name": "on", "value": 255}]})
    dataset = opened(pool)
    stored = drawn(int(dataset.names[0][4:]), [0, 255])
    assert np.array_equal(dataset.mask(dataset.names[0]), stored // 255)


@pytest.fixture
def painted(pool: Path) -> Path:
    """The pool with RGB masks: #101010 ground, #FF8000 cat."""
    for path in (pool / "masks").iterdir():
        paint = np.array([(16, 16, 16), (255, 128, 0)], np.uint8)
        Image.fromarray(paint[drawn(int(path.stem[4:]), [0, 1])]).save(path)
    return pool


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colored_masks_are_read_by_the_classes_colors(painted: Path, mode: str) -> None:
    for path in (painted / "masks").iterdir():
        image = Image.open(path)
        (image.quantize(2) if mode == "P" else image.convert(mode)).save(path)
    describe(painted, {"classes": CATS, "rgb": mode == "P"})
    dataset = opened(painted)
    for name in dataset.names:
        assert np.array_equal(dataset.mask(name), drawn(int(name[4:]), [0, 1]))


def test_a_void_color_is_void(painted: Path) -> None:
    third = {"name": "dog", "color": "#000001"}
    describe(painted, {"classes": [CATS[1], third], "void": ["#101010"]})
    mask = opened(painted).mask(opened(painted).names[0])
    stored = drawn(int(opened(painted).names[0][4:]), [0, 1])
    assert np.array_equal(mask, np.where(stored == 1, 0, 255))


def test_colored_masks_without_classes_json_ask_for_it(painted: Path) -> None:
    text = refused(painted, r"img_0\.png \(and 9 more\) is a mask of colors: say which color")
    assert str(painted / "classes.json") in text and '"color": "#0072B2"' in text


def test_an_unknown_color_is_named_with_its_file_and_its_pixels(painted: Path) -> None:
    describe(painted, {"classes": CATS})
    path = painted / "masks" / f"{opened(painted).names[2]}.png"
    rgb = np.array(Image.open(path))
    rgb[0, :5], rgb[1, 0], rgb[2, 0] = (1, 2, 3), (9, 9, 9), (8, 8, 8)
    Image.fromarray(rgb).save(path)
    text = refused(painted, f"{path} holds the color #010203 in 5 pixels and 2 more unknown")
    assert "#101010 (ground) and #FF8000 (cat)" in text and "classes.json" in text


def test_colored_masks_need_a_color_for_every_class(painted: Path) -> None:
    describe(painted, {"classes": [CATS[0], {"name": "cat"}]})
    refused(painted, r'is a mask of colors, but .*classes\.json gives no "color" for cat')


def test_a_label_that_classes_json_lacks_is_named(root: Path) -> None:
    describe(root, {"classes": CATS})
    text = refused(root, r"holds the label 2 in \d+ pixels, but .*classes\.json allows")
    assert "0 (ground), 1 (cat) and 255 (void)" in text and "img_0.png" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read as JSON"),
        ([], "the file must be an object with classes, void and rgb"),
        ({"classes": {}}, '"classes" must list 2 to 255 classes'),
        ({"classes": [{"name": "a"}]}, '"classes" must list 2 to 255 classes'),
        ({"classes": ["a", "b"]}, "class 1 must be an object with name, color and value"),
        ({"classes": [{"name": "a"}, {}]}, 'class 2 needs a "name"'),
        ({"classes": [{"name": "a"}, {"name": "a"}]}, "name 'a' is given twice"),
        ({"classes": [{"name": "a", "value": 1}, {"name": "b"}]}, "value 1 is .* for a and b"),
        ({"classes": CATS, "void": [1]}, "value 1 is given twice, for cat and void"),
        ({"classes": CATS, "void": ["#ff8000"]}, "color #FF8000 is given twice, for cat and void"),
        ({"classes": [*CATS, CATS[0] | {"name": "x"}]}, "color #101010 is .* for ground and x"),
        ({"classes": CATS, "void": 255}, '"void" must be a list'),
        ({"classes": CATS, "void": [True]}, "a void value must be a whole number"),
        ({"classes": CATS, "rgb": "yes"}, '"rgb" must be true or false'),
        ({"classes": CATS, "classnames": 1}, "Unknown key of the file 'classnames': did you mean"),
        ({"classes": [{"name": "a", "colour": "x"}, CATS[0]]}, "Unknown key of class 1 'colour'"),
        ({"classes": [{"name": "a", "color": "red"}, CATS[0]]}, 'must look like "#0072B2"'),
        ({"classes": [{"name": "a", "value": -1}, CATS[0]]}, "from 0 to 65535, but is -1"),
        ({"classes": [{"name": "a", "value": 0.5}, CATS[0]]}, "from 0 to 65535, but is 0.5"),
    ],
)
def test_a_classes_json_that_cannot_stand_is_refused(pool: Path, content: Any, words: str) -> None:
    describe(pool, content)
    assert str(pool / "classes.json") in refused(pool, words)


def test_another_classes_json_is_another_decoding(pool: Path) -> None:
    def masks() -> np.ndarray:
        dataset = opened(pool)
        return decode_pairs(dataset, dataset.names, SIZE, workers=1, progress=nothing).masks.copy()

    describe(pool, {"classes": CATS})
    before = masks()
    describe(pool, {"classes": [CATS[1] | {"value": 1}, CATS[0] | {"value": 0}]})
    assert np.array_equal(masks(), 1 - before)


# --- Splits that share images, and a whole run ---------------------------------------------------


def test_splits_that_share_an_image_are_refused_before_training(root: Path) -> None:
    shutil.copy(root / "train/images/img_3.jpg", root / "val/images/img_1.jpg")
    with pytest.raises(UserError, match="are the same image, but what") as info:
        prepare_dataset(config(root), nothing)
    for words in ("train/images/img_3.jpg (train)", "val/images/img_1.jpg (val)", "remove one"):
        assert words in str(info.value)
    shutil.copy(root / "train/images/img_4.jpg", root / "test/images/img_0.jpg")
    with pytest.raises(UserError, match=r"\. 1 more image is in two splits, too\.$"):
        prepare_dataset(config(root), nothing)


def test_an_image_twice_in_one_split_is_no_reason_to_refuse(root: Path) -> None:
    shutil.copy(root / "train/images/img_3.jpg", root / "train/images/img_5.jpg")
    prepare_dataset(config(root), nothing)


def test_ten_images_are_enough_for_a_whole_run(root: Path, tmp_path: Path) -> None:
    settings = tiny.config(root, dataset="folder", image_size="32x64", epochs=1)
    run = tiny.train(tmp_path / "runs", settings)
    started = tiny.events(run, "run_started")[0]
    assert [info["name"] for info in started["classes"]] == ["class 0", "class 1", "class 2"]
    assert (started["train_images"], started["val_images"]) == (10, 4)
    (epoch,) = tiny.epochs(run)
    assert np.array(epoch["confusion"]).shape == (3, 3)
    assert np.array(epoch["confusion"]).sum() > 0
