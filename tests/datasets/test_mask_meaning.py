"""What a mask means where its file can be understood in two ways: it is asked, never guessed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segengine.datasets import open_dataset, prepare_dataset
from segengine.datasets.check import check_dataset
from segengine.datasets.formats.class_guess import ClassesUnknown
from segengine.errors import UserError
from tests import tiny
from tests.datasets.own_folder import SIZE, config, random_mask, write_classes, write_pairs

ROAD, WALK, HOUSE = (128, 64, 128), (244, 35, 232), (70, 70, 70)
STREET = [
    {"name": "road", "color": "#804080"},
    {"name": "sidewalk", "color": "#F423E8"},
    {"name": "building", "color": "#464646"},
]


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """4 pairs with the classes 0, 1, 2."""
    return write_pairs(tmp_path / "three", 4, [0, 1, 2])


@pytest.fixture
def white(tmp_path: Path) -> Path:
    """4 pairs with black and white masks, 0 and 255."""
    return write_pairs(tmp_path / "white", 4, [0, 255])


def resave(root: Path, change: Callable[[np.ndarray, int], Image.Image]) -> None:
    """Write every mask again, as `change` makes it of its numbers and its position."""
    for index, path in enumerate(sorted((root / "masks").iterdir())):
        change(np.asarray(Image.open(path)), index).save(path)


def with_palette(numbers: np.ndarray, colors: list[tuple[int, int, int]]) -> Image.Image:
    image = Image.fromarray(numbers.astype(np.uint8), mode="P")
    image.putpalette([channel for color in colors for channel in color])
    return image


def labels(root: Path, **values: Any) -> dict[str, np.ndarray]:
    """Image -> labels, of the whole folder, prepared as for a run."""
    settings = config(root, **values)
    prepare_dataset(settings, tiny.no_progress)
    datasets = [open_dataset(settings, split) for split in ("train", "val")]
    return {name: dataset.mask(name) for dataset in datasets for name in dataset.names}


def refusal(root: Path, **values: Any) -> str:
    """The sentence that a run gets, which `check` lists, too."""
    with pytest.raises(UserError) as info:
        labels(root, **values)
    sentence = str(info.value)
    problems = check_dataset(config(root, **values), tiny.no_progress).problems
    assert sentence in [problem.message for problem in problems]
    if isinstance(info.value, ClassesUnknown) and info.value.classes_json:
        write_classes(root, info.value.classes_json)  # what is proposed is accepted
        assert len(labels(root)) == 4
        (root / "classes.json").unlink()
    return sentence


def expect(found: dict[str, np.ndarray], values: list[int], label_of: dict[int, int]) -> None:
    for name, mask in found.items():
        stored = random_mask(int(name[4:]), values)
        assert np.array_equal(mask, np.vectorize(label_of.get)(stored)), name


# --- Palettes ------------------------------------------------------------------------------------


def test_a_palette_sorted_by_an_optimizer_is_not_read_by_its_numbers(three: Path) -> None:
    """road, sidewalk, building were 0, 1, 2; the new palette begins with the darkest."""
    resave(three, lambda mask, _: with_palette((mask + 1) % 3, [HOUSE, ROAD, WALK]))
    write_classes(three, {"classes": STREET})
    text = refusal(three)
    assert "by the number, its 0 is road" in text
    assert "by the color that it shows, #464646, it is building" in text
    write_classes(three, {"classes": STREET, "rgb": True})
    expect(labels(three), [0, 1, 2], {0: 0, 1: 1, 2: 2})
    write_classes(three, {"classes": STREET, "rgb": False})
    expect(labels(three), [0, 1, 2], {0: 1, 1: 2, 2: 0})


def test_a_palette_that_agrees_with_classes_json_raises_no_question(three: Path) -> None:
    resave(three, lambda mask, _: with_palette(mask, [ROAD, WALK, HOUSE]))
    write_classes(three, {"classes": STREET})
    expect(labels(three), [0, 1, 2], {0: 0, 1: 1, 2: 2})


def test_palettes_in_another_order_in_every_second_file_are_named(three: Path) -> None:
    def change(mask: np.ndarray, index: int) -> Image.Image:
        if index % 2:
            return with_palette(2 - mask, [HOUSE, WALK, ROAD])
        return with_palette(mask, [ROAD, WALK, HOUSE])

    resave(three, change)
    text = refusal(three)
    assert "img_0.png shows 0 as #804080" in text and "their palettes differ" in text
    assert "img_1.png shows" in text and '"rgb": true' in text
    names_only = [{"name": entry["name"]} for entry in STREET]
    write_classes(three, {"classes": names_only})
    assert "their palettes differ" in refusal(three)
    write_classes(three, {"classes": STREET, "rgb": True})
    expect(labels(three), [0, 1, 2], {0: 0, 1: 1, 2: 2})


def test_one_palette_in_all_files_gives_classes_and_colors(three: Path) -> None:
    resave(three, lambda mask, _: with_palette(mask, [(0, 0, 0), (128, 0, 0), (0, 128, 0)]))
    expect(labels(three), [0, 1, 2], {0: 0, 1: 1, 2: 2})
    classes = open_dataset(config(three), "train").classes
    assert [info.color for info in classes] == ["#000000", "#800000", "#008000"]


def test_gray_masks_stored_with_a_palette_are_read_by_their_gray(three: Path) -> None:
    grays = [(2, 2, 2), (0, 0, 0), (1, 1, 1)]  # as an optimizer may sort them
    resave(three, lambda mask, index: with_palette((mask + 1) % 3, grays) if index else gray(mask))
    expect(labels(three), [0, 1, 2], {0: 0, 1: 1, 2: 2})


def gray(mask: np.ndarray) -> Image.Image:
    return Image.fromarray(mask)


def test_colored_masks_among_which_one_became_gray_are_not_mixed_up(three: Path) -> None:
    """A lossless optimizer makes a picture without colors gray; its 0 is black, not class 0."""
    paint = np.array([ROAD, (0, 0, 0), HOUSE], np.uint8)

    def change(mask: np.ndarray, index: int) -> Image.Image:
        black = Image.fromarray(np.zeros(SIZE, np.uint8))
        return black if index == 2 else Image.fromarray(paint[mask])

    resave(three, change)
    classes = [STREET[0], {"name": "void-like", "color": "#000000"}, STREET[2]]
    write_classes(three, {"classes": classes})
    assert "img_2.png is gray, and its 0 is road as a number but void-like" in refusal(three)
    write_classes(three, {"classes": classes, "rgb": True})
    assert (labels(three)["img_2"] == 1).all()


def test_pets_re_saved_with_a_gray_palette_keep_their_labels(tmp_path: Path) -> None:
    root = tiny.write_pets(tmp_path / "pets")
    path = tiny.mask_file(root, "trainval_0")
    settings = config(root).model_copy(update={"dataset": "oxford_pets"})
    expected = open_dataset(settings, "train").mask("trainval_0")
    stored = np.asarray(Image.open(path)).astype(int)
    order = [3, 255, 1, 2]
    numbers = np.vectorize({value: index for index, value in enumerate(order)}.get)(stored)
    with_palette(numbers, [(value,) * 3 for value in order]).save(path)
    assert np.array_equal(open_dataset(settings, "train").mask("trainval_0"), expected)


# --- Black and white -----------------------------------------------------------------------------


def bilevel(mask: np.ndarray) -> Image.Image:
    return Image.fromarray(mask > 0)


BLACK_WHITE: dict[str, Callable[[np.ndarray, int], Image.Image]] = {
    "8 bits": lambda mask, _: gray(mask),
    "1 bit in every second": lambda mask, index: bilevel(mask) if index % 2 else gray(mask),
    "palette in one": lambda mask, index: (
        with_palette(mask > 0, [(0, 0, 0), (255, 255, 255)]) if index == 1 else gray(mask)
    ),
    "0/1 in every second": lambda mask, index: gray(mask // 255 if index % 2 else mask),
}


@pytest.mark.parametrize("kind", BLACK_WHITE)
def test_white_is_never_void_by_itself_and_two_classes_when_asked_for(
    white: Path, kind: str
) -> None:
    resave(white, BLACK_WHITE[kind])
    assert "Binary masks (--binary)" in refusal(white)
    expect(labels(white, binary=True), [0, 255], {0: 0, 255: 1})
    names = [info.name for info in open_dataset(config(white, binary=True), "train").classes]
    assert names == ["background", "foreground"]


def test_masks_of_one_bit_are_two_classes_without_a_question(white: Path) -> None:
    resave(white, lambda mask, _: bilevel(mask))
    expect(labels(white), [0, 255], {0: 0, 255: 1})


def test_binary_is_refused_where_masks_are_not_black_and_white(three: Path) -> None:
    assert "hold the numbers 0, 1 and 2, not black (0) and white" in refusal(three, binary=True)
    write_classes(three, {"classes": [{"name": "a"}, {"name": "b"}, {"name": "c"}]})
    assert "says what the masks hold: leave it out" in refusal(three, binary=True)


def test_two_classes_and_void_are_understood_where_a_mask_holds_all(tmp_path: Path) -> None:
    root = write_pairs(tmp_path / "void", 4, [0, 1, 255])
    expect(labels(root), [0, 1, 255], {0: 0, 1: 1, 255: 255})
    assert "holds both 1 and 255" in refusal(root, binary=True)


def test_classes_json_that_names_0_and_1_does_not_make_white_void(white: Path) -> None:
    write_classes(white, {"classes": [{"name": "ground"}, {"name": "cat"}]})
    assert 'write "value": 255 for cat' in refusal(white)
    write_classes(white, {"classes": [{"name": "ground"}, {"name": "cat"}], "void": [255]})
    expect(labels(white), [0, 255], {0: 0, 255: 255})


# --- Numbers that are no classes -----------------------------------------------------------------


def test_smoothed_masks_are_refused_with_the_likely_reason(white: Path) -> None:
    ramp = np.resize(np.arange(256, dtype=np.uint8), SIZE)
    resave(white, lambda mask, _: gray(ramp))
    assert "256 different numbers" in refusal(white)


def test_a_few_smoothed_steps_between_two_classes_are_refused(tmp_path: Path) -> None:
    root = write_pairs(tmp_path / "soft", 4, [0, 50])

    def blurred(mask: np.ndarray, _: int) -> Image.Image:
        soft = mask.copy()
        soft.flat[:51] = range(51)
        return gray(soft)

    resave(root, blurred)
    assert "edges look smoothed" in refusal(root)


@pytest.mark.parametrize("binary", [False, True])
def test_a_few_odd_grays_between_black_and_white_are_smoothed_edges(
    white: Path, binary: bool
) -> None:
    def blurred(mask: np.ndarray, _: int) -> Image.Image:
        soft = mask.copy()
        soft.flat[:5] = (9, 39, 48, 168, 207)
        return gray(soft)

    resave(white, blurred)
    assert "7 different numbers" in refusal(white, binary=binary)
    assert "edges look smoothed" in refusal(white, binary=binary)


def test_a_few_even_grays_are_classes_to_be_named(tmp_path: Path) -> None:
    root = write_pairs(tmp_path / "grays", 4, [0, 255])

    def with_grays(mask: np.ndarray, _: int) -> Image.Image:
        mask = mask.copy()
        mask.flat[:3] = (64, 128, 191)
        return gray(mask)

    resave(root, with_grays)
    assert "hold the numbers 0, 64, 128, 191 and 255" in refusal(root)


def test_numbers_saved_as_rgb_are_proposed_in_their_order(tmp_path: Path) -> None:
    """Although 2 is twice as frequent as the others."""
    root = write_pairs(tmp_path / "rgb", 4, [2, 2, 1, 0])
    resave(root, lambda mask, _: gray(mask).convert("RGB"))
    proposed = json.loads(refusal(root).partition("such as ")[2].removesuffix("."))
    assert [info["color"] for info in proposed["classes"]] == ["#000000", "#010101", "#020202"]


def test_rare_classes_beside_much_void_are_classes(tmp_path: Path) -> None:
    root = write_pairs(tmp_path / "rare", 4, [0, 255])

    def with_classes(mask: np.ndarray, _: int) -> Image.Image:
        mask = mask.copy()
        mask.flat[:5] = range(1, 6)
        return gray(mask)

    resave(root, with_classes)
    assert len(open_dataset(config(root), "train").classes) == 6


def test_a_palette_with_one_color_twice_is_asked_about(three: Path) -> None:
    colors = [(0, 0, 0), (255, 0, 0), (255, 0, 0)]
    resave(three, lambda mask, _: with_palette(mask, colors))
    assert "shows both 1 and 2 as #FF0000" in refusal(three)
    names = [{"name": "a"}, {"name": "b"}, {"name": "c"}]
    write_classes(three, {"classes": names, "rgb": False})
    expect(labels(three), [0, 1, 2], {0: 0, 1: 1, 2: 2})


def test_thirty_classes_are_thirty_classes(tmp_path: Path) -> None:
    root = write_pairs(tmp_path / "many", 4, list(range(30)))
    assert len(open_dataset(config(root), "train").classes) == 30


def test_a_jpeg_called_png_is_no_mask(three: Path) -> None:
    path = three / "masks/img_1.png"
    Image.open(path).save(path, format="JPEG")
    assert "is a JPEG, whose compression changes the labels" in refusal(three)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_pixels_are_refused_and_opaque_ones_read(three: Path, mode: str) -> None:
    colors = [(1, 0, 0), (2, 0, 0), (3, 0, 0)]

    def change(mask: np.ndarray, index: int) -> Image.Image:
        image = gray(mask) if mode == "LA" else with_palette(mask, colors)
        image = image.convert(mode)
        alpha = np.full(SIZE, 255, np.uint8)
        alpha[0, 0] = 254 if index == clear else 255
        image.putalpha(Image.fromarray(alpha))
        return image

    classes = [{"name": str(label), "color": f"#{label + 1:02X}0000"} for label in range(3)]
    clear = -1
    originals = {path: np.asarray(Image.open(path)) for path in (three / "masks").iterdir()}
    for index, (path, mask) in enumerate(sorted(originals.items())):
        change(mask, index).save(path)
    if mode == "RGBA":
        write_classes(three, {"classes": classes})
    expect(labels(three), [0, 1, 2], {0: 0, 1: 1, 2: 2})
    clear = 1
    for index, (path, mask) in enumerate(sorted(originals.items())):
        change(mask, index).save(path)
    settings = config(three)
    problems = check_dataset(settings, tiny.no_progress).problems
    assert any("img_1.png has transparent pixels" in problem.message for problem in problems)


def test_a_palette_with_a_transparent_entry_is_refused_where_it_is_used(three: Path) -> None:
    path = three / "masks/img_1.png"
    image = with_palette(np.asarray(Image.open(path)), [(0, 0, 0), (128, 0, 0), (0, 128, 0)])
    image.save(path, transparency=2)
    problems = check_dataset(config(three), tiny.no_progress).problems
    assert any("img_1.png has transparent pixels" in problem.message for problem in problems)


def tiff(root: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    for path in sorted((root / "masks").iterdir()):
        Image.fromarray(change(np.asarray(Image.open(path)))).save(path.with_suffix(".tif"))
        path.unlink()


def test_whole_numbers_in_floating_point_are_read_as_such(three: Path) -> None:
    tiff(three, lambda mask: mask.astype(np.float32))
    expect(labels(three), [0, 1, 2], {0: 0, 1: 1, 2: 2})
    path = three / "masks/img_0.tif"
    Image.fromarray(np.full(SIZE, 0.5, np.float32)).save(path)
    problems = check_dataset(config(three), tiny.no_progress).problems
    assert [problem.message for problem in problems] == [
        f"{path} holds 0.5, but masks hold whole numbers: save them as a gray PNG."
    ]


def test_minus_one_is_void(tmp_path: Path) -> None:
    root = write_pairs(tmp_path / "signed", 4, [0, 1, 255])
    tiff(root, lambda mask: np.where(mask == 255, -1, mask.astype(np.int32)))
    expect(labels(root), [0, 1, 255], {0: 0, 1: 1, 255: 255})


def test_other_negative_numbers_are_proposed_as_void(tmp_path: Path) -> None:
    root = write_pairs(tmp_path / "signed", 4, [0, 1, 255])
    tiff(root, lambda mask: np.where(mask == 255, -100, mask.astype(np.int32)))
    assert '"void": [-100]' in refusal(root)


def test_numbers_that_no_class_can_have_are_not_proposed(three: Path) -> None:
    tiff(three, lambda mask: mask.astype(np.int32) * 70000)
    assert refusal(three).endswith("Correct the masks.")


def test_a_mask_that_is_a_broken_link_is_named(three: Path) -> None:
    path = three / "masks/img_2.png"
    path.unlink()
    path.symlink_to(three / "gone.png")
    problems = check_dataset(config(three), tiny.no_progress).problems
    assert [problem.message for problem in problems] == [
        f"{path} cannot be decoded as an image (No such file or directory): replace it or remove "
        "it."
    ]


def test_one_known_color_contradicts_though_another_is_unknown(three: Path) -> None:
    """A typo in one color must not turn the others into numbers."""
    resave(three, lambda mask, _: with_palette(mask, [WALK, ROAD, (70, 70, 71)]))
    write_classes(three, {"classes": STREET})
    assert "by the number, its 0 is road in" in refusal(three)
    write_classes(three, {"classes": STREET, "rgb": False})
    expect(labels(three), [0, 1, 2], {0: 0, 1: 1, 2: 2})


def test_a_void_number_among_known_colors_does_not_hide_their_contradiction(three: Path) -> None:
    resave(three, lambda mask, _: with_palette(mask, [WALK, ROAD, (224, 224, 192)]))
    write_classes(three, {"classes": STREET[:2], "void": [2]})
    assert "in two ways" in refusal(three)


def test_grays_of_a_palette_contradict_one_by_one(three: Path) -> None:
    grays = [(0, 0, 0), (9, 9, 9), (255, 255, 255)]  # as a program makes them that counts colors
    resave(three, lambda mask, _: with_palette(mask, grays))
    names = [{"name": name} for name in ("road", "sidewalk", "building")]
    write_classes(three, {"classes": names, "void": [255]})
    assert "by the number, its 2 is building in" in refusal(three)


def test_a_gray_among_colors_contradicts_nothing(three: Path) -> None:
    """ADE20K shows its class 1 as the gray 120, and has a class 120."""
    resave(three, lambda mask, _: with_palette(mask, [(0, 0, 0), (120, 120, 120), (4, 200, 3)]))
    write_classes(three, {"classes": [{"name": f"class {index}"} for index in range(151)]})
    expect(labels(three), [0, 1, 2], {0: 0, 1: 1, 2: 2})


def test_a_harmless_difference_of_palettes_hides_no_other(three: Path) -> None:
    """Two palettes that show class 0 in colors of the table, and class 2 in two that are not."""
    palettes = [[ROAD, WALK, (9, 80, 9)], [ROAD, WALK, (80, 9, 9)], [ROAD, WALK, HOUSE]]

    def change(mask: np.ndarray, index: int) -> Image.Image:
        return Image.fromarray(mask) if index == 3 else with_palette(mask, palettes[index])

    resave(three, change)
    write_classes(three, {"classes": STREET})
    assert "their palettes differ" in refusal(three)


def test_a_classes_file_that_is_a_broken_link_is_said(three: Path) -> None:
    (three / "classes.json").symlink_to(three / "elsewhere.json")
    assert "classes.json cannot be read as JSON" in refusal(three)


def test_a_class_name_that_no_file_can_hold_is_refused(three: Path) -> None:
    write_classes(three, '{"classes": [{"name": "a"}, {"name": "b"}, {"name": "c\\ud800"}]}')
    assert "the name of class 3" in refusal(three)
