"""The classes of people's own masks: from the masks themselves, or from `classes.json`."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segengine.datasets import Split, dataset_classes, prepare_dataset
from segengine.datasets.decoded import decode_pairs
from segengine.datasets.formats import mask_scan
from segengine.datasets.formats.palette import class_colors
from tests import tiny
from tests.datasets.own_folder import (
    CATS,
    SIZE,
    config,
    opened,
    random_mask,
    refused,
    write_classes,
    write_pairs,
)

# --- Classes from the masks -----------------------------------------------------------------------


def test_classes_are_told_from_the_masks_of_all_splits(root: Path) -> None:
    Image.fromarray(np.full(SIZE, 3, np.uint8)).save(root / "test/masks/img_0.png")
    classes = dataset_classes(config(root))
    assert [info.name for info in classes] == ["class 0", "class 1", "class 2", "class 3"]
    assert [info.color for info in classes] == class_colors(4)


def test_the_masks_are_read_once_and_again_when_one_changes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    plain = mask_scan._read_content
    monkeypatch.setattr(
        mask_scan, "_read_content", lambda path: (read.append(path), plain(path))[1]
    )
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
    pool = write_pairs(tmp_path / "open", 3, values)
    text = refused(pool, words)
    if len(values) == 1:  # two classes are the least: nothing to propose
        assert text.endswith("Correct the masks.")
        return
    assert f"Write {pool / 'classes.json'}, such as" in text
    proposed = text.partition("such as ")[2].removesuffix(".")
    if len(values) <= 4:  # what is proposed can be pasted; two classes are the least
        entries = json.loads(proposed)["classes"]
        assert [entry["value"] for entry in entries] == values
        if len(values) > 1:
            write_classes(pool, proposed)
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
        assert np.array_equal(dataset.mask(name), random_mask(int(name[4:]), [0, 1]))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_gray_masks_of_few_bits_keep_their_numbers(pool: Path, bits: int) -> None:
    """Pillow stretches such files to 0..255 when it reads them."""
    values = list(range(2**bits))
    for path in (pool / "masks").iterdir():
        path.write_bytes(gray_png(random_mask(int(path.stem[4:]), values), bits))
    dataset = opened(pool)
    assert len(dataset.classes) == 2**bits
    for name in dataset.names:
        assert np.array_equal(dataset.mask(name), random_mask(int(name[4:]), values))


def gray_png(mask: np.ndarray, bits: int) -> bytes:
    """A gray PNG of `bits` bits per pixel, by the PNG specification: Pillow writes none."""

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
        Image.fromarray(random_mask(int(path.stem[4:]), [0, 1]).astype(np.uint16)).save(path)
    dataset = opened(pool)
    for name in dataset.names:
        assert np.array_equal(dataset.mask(name), random_mask(int(name[4:]), [0, 1]))
    Image.fromarray(np.full(SIZE, 1000, np.uint16)).save(pool / "masks/img_0.png")
    refused(pool, "the numbers 0, 1 and 1000")
    write_classes(pool, {"classes": [{"name": "a"}, {"name": "b"}, {"name": "c", "value": 1000}]})
    split: Split = "train" if "img_0" in opened(pool).names else "val"
    assert (opened(pool, split).mask("img_0") == 2).all()


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_images_that_8_bits_cannot_hold_are_refused(pool: Path, kind: type) -> None:
    name = opened(pool).names[0]
    (pool / "images" / f"{name}.jpg").unlink()
    Image.fromarray(np.full(SIZE, 300, kind)).save(pool / "images" / f"{name}.tif")
    assert f"{name}.tif" in refused(pool, "which does not fit 8 bits per channel: save it as RGB")


def test_gray_and_transparent_images_are_read_as_rgb(pool: Path) -> None:
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


# --- classes.json ---------------------------------------------------------------------------------


def test_classes_json_gives_names_colors_numbers_and_void(tmp_path: Path) -> None:
    pool = write_pairs(tmp_path / "pool", 6, [0, 7, 30, 255])
    content = [{"name": "sea", "value": 30}, {"name": "land", "value": 7, "color": "#00ff00"}]
    write_classes(pool, {"classes": content, "void": [0, 255]})
    dataset = opened(pool)
    assert [(info.name, info.color) for info in dataset.classes] == [
        ("sea", class_colors(1)[0]),
        ("land", "#00FF00"),
    ]
    stored = random_mask(int(dataset.names[0][4:]), [0, 7, 30, 255])
    expected = np.select([stored == 30, stored == 7], [0, 1], 255)
    assert np.array_equal(dataset.mask(dataset.names[0]), expected)


def test_0_and_255_are_two_classes_where_classes_json_says_so(tmp_path: Path) -> None:
    pool = write_pairs(tmp_path / "pool", 4, [0, 255])
    write_classes(pool, {"classes": [{"name": "off"}, {"name": "on", "value": 255}]})
    dataset = opened(pool)
    stored = random_mask(int(dataset.names[0][4:]), [0, 255])
    assert np.array_equal(dataset.mask(dataset.names[0]), stored // 255)


@pytest.fixture
def painted(pool: Path) -> Path:
    """The pool with RGB masks: #101010 ground, #FF8000 cat."""
    for path in (pool / "masks").iterdir():
        paint = np.array([(16, 16, 16), (255, 128, 0)], np.uint8)
        Image.fromarray(paint[random_mask(int(path.stem[4:]), [0, 1])]).save(path)
    return pool


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colored_masks_are_read_by_the_classes_colors(painted: Path, mode: str) -> None:
    for path in (painted / "masks").iterdir():
        image = Image.open(path)
        (image.quantize(2) if mode == "P" else image.convert(mode)).save(path)
    write_classes(painted, {"classes": CATS, "rgb": mode == "P"})
    dataset = opened(painted)
    for name in dataset.names:
        assert np.array_equal(dataset.mask(name), random_mask(int(name[4:]), [0, 1]))


def test_a_void_color_is_void(painted: Path) -> None:
    third = {"name": "dog", "color": "#000001"}
    write_classes(painted, {"classes": [CATS[1], third], "void": ["#101010"]})
    mask = opened(painted).mask(opened(painted).names[0])
    stored = random_mask(int(opened(painted).names[0][4:]), [0, 1])
    assert np.array_equal(mask, np.where(stored == 1, 0, 255))


def test_colored_masks_without_classes_json_ask_for_it(painted: Path) -> None:
    text = refused(painted, r"img_0\.png \(and 9 more\) is a mask of colors: say which color")
    assert str(painted / "classes.json") in text
    write_classes(painted, text.partition("such as ")[2].removesuffix("."))  # it can be pasted
    masks = [opened(painted).mask(name) for name in opened(painted).names]
    assert {label for mask in masks for label in np.unique(mask)} == {0, 1}


def test_an_unknown_color_is_named_with_its_file_and_its_pixels(painted: Path) -> None:
    write_classes(painted, {"classes": CATS})
    path = painted / "masks" / f"{opened(painted).names[2]}.png"
    rgb = np.array(Image.open(path))
    rgb[0, :5], rgb[1, 0], rgb[2, 0] = (1, 2, 3), (9, 9, 9), (8, 8, 8)
    Image.fromarray(rgb).save(path)
    text = refused(painted, f"{path} holds the color #010203 in 5 pixels and 2 more unknown")
    assert "#101010 (ground) and #FF8000 (cat)" in text and "classes.json" in text


def test_colored_masks_need_a_color_for_every_class(painted: Path) -> None:
    write_classes(painted, {"classes": [CATS[0], {"name": "cat"}]})
    refused(painted, r'is a mask of colors, but .*classes\.json gives no "color" for cat')


def test_a_label_that_classes_json_lacks_is_named(root: Path) -> None:
    write_classes(root, {"classes": CATS})
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
    write_classes(pool, content)
    assert str(pool / "classes.json") in refused(pool, words)


def test_a_key_that_is_given_twice_is_refused(pool: Path) -> None:
    (pool / "classes.json").write_text('{"classes": [{"name": "a", "name": "b"}, {"name": "c"}]}')
    refused(pool, 'cannot be read as JSON: "name" is given twice in one object')


def test_another_classes_json_is_another_decoding(pool: Path) -> None:
    def masks() -> np.ndarray:
        dataset = opened(pool)
        return decode_pairs(
            dataset, dataset.names, SIZE, workers=1, progress=tiny.no_progress
        ).masks.copy()

    write_classes(pool, {"classes": CATS})
    before = masks()
    write_classes(pool, {"classes": [CATS[1] | {"value": 1}, CATS[0] | {"value": 0}]})
    assert np.array_equal(masks(), 1 - before)
