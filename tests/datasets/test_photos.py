"""Photographs as they come: turned by EXIF, of many depths, with pages, and files that attack."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from segengine.datasets import open_dataset
from segengine.datasets.check import check_dataset
from segengine.datasets.decoded import load_splits
from segengine.datasets.formats.mask_file import read_stored_mask
from segengine.datasets.formats.photo import read_photo
from segengine.errors import UserError
from tests import tiny
from tests.datasets.own_folder import config, write_pairs

PICTURE = np.random.default_rng(3).integers(0, 255, (24, 36, 3), np.uint8)
# How the upright picture must be stored, so that a viewer that obeys EXIF shows it upright.
STORED = {
    1: PICTURE,
    2: PICTURE[:, ::-1],
    3: PICTURE[::-1, ::-1],
    4: PICTURE[::-1],
    5: PICTURE.transpose(1, 0, 2),
    6: np.rot90(PICTURE, 1),
    7: np.rot90(PICTURE.transpose(1, 0, 2), 2),
    8: np.rot90(PICTURE, -1),
}


def save_turned(path: Path, orientation: int) -> None:
    image = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, exif=exif, **({"lossless": True} if path.suffix == ".webp" else {}))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", STORED)
def test_a_photograph_is_turned_as_viewers_turn_it(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    path = tmp_path / f"photo{suffix}"
    save_turned(path, orientation)
    pixels, turn = read_photo(path)
    assert np.array_equal(pixels, PICTURE)
    assert turn == ("none" if orientation == 1 else "upright")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_the_stored_pixels_are_used_where_only_they_fit_the_mask(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    path = tmp_path / f"photo{suffix}"
    save_turned(path, orientation)
    pixels, turn = read_photo(path, fits=(36, 24))
    assert turn == "as stored" and np.array_equal(pixels, STORED[orientation])
    assert read_photo(path, fits=(24, 36))[1] == "upright"
    assert read_photo(path, fits=(7, 7))[1] == "upright"  # neither: the sizes will be refused


def test_check_counts_turned_photographs_and_pairs_fit(tmp_path: Path) -> None:
    pool = write_pairs(tmp_path / "pool", 5, [0, 1])
    for index, orientation in enumerate((5, 6, 8)):
        (pool / "images" / f"img_{index}.jpg").unlink()
        save_turned(pool / "images" / f"img_{index}.png", orientation)
    sideways = Image.open(pool / "masks" / "img_2.png").transpose(Image.Transpose.ROTATE_90)
    sideways.save(pool / "masks" / "img_2.png")  # drawn on the stored pixels
    report = check_dataset(config(pool), tiny.no_progress)
    assert report.problems == ()
    notes = " ".join(note.message for note in report.notes)
    assert "marked as turned by EXIF, and turned upright" in notes
    assert "1 image of" in notes and "but used as stored, since only so their masks fit" in notes
    for split in ("train", "val"):
        dataset = open_dataset(config(pool), split)
        for name in dataset.names:
            image, mask = dataset.pair(name)
            assert image.shape[:2] == mask.shape


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_a_turn_that_size_does_not_tell_is_refused_beside_masks_of_the_stored_pixels(
    tmp_path: Path, orientation: int
) -> None:
    pool = write_pairs(tmp_path / "pool", 5, [0, 1])
    for index, turn in enumerate((orientation, 6)):
        (pool / "images" / f"img_{index}.jpg").unlink()
        save_turned(pool / "images" / f"img_{index}.png", turn)
    assert check_dataset(config(pool, val_share=0.01), tiny.no_progress).problems == ()
    sideways = Image.open(pool / "masks" / "img_1.png").transpose(Image.Transpose.ROTATE_90)
    sideways.save(pool / "masks" / "img_1.png")  # drawn on the stored pixels
    settings = config(pool, val_share=0.01, split_seed=1)
    assert open_dataset(settings, "val").names == ("img_3",)
    problems = check_dataset(settings, tiny.no_progress).problems
    assert len(problems) == 1 and problems[0].kind == "turned"
    assert "img_0.png is marked as turned by EXIF, and its mask fits it turned and as" in str(
        problems[0].message
    )
    with pytest.raises(UserError, match="is marked as turned by EXIF, and its mask fits it turned"):
        load_splits(settings, ["train"], tiny.no_progress)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_mask_that_exif_marks_as_turned_is_refused(tmp_path: Path, suffix: str) -> None:
    """A program that copies a photograph's EXIF into a mask drawn upright would turn it twice."""
    path = tmp_path / f"mask{suffix}"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.eye(8, dtype=np.uint8)).save(path, exif=exif)
    with pytest.raises(UserError, match=r"is marked as turned by EXIF.*save it upright"):
        read_stored_mask(path)


def test_channels_that_would_be_left_out_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "photo.tif"
    tifffile.imwrite(path, np.zeros((8, 9, 4), np.uint8), photometric="rgb", extrasamples=[0])
    with pytest.raises(UserError, match="has 4 channels, of which only 3 could be used"):
        read_photo(path)


def test_a_tiff_that_is_a_jpeg_inside_is_no_mask(tmp_path: Path) -> None:
    path = tmp_path / "mask.tif"
    Image.fromarray(np.eye(16, dtype=np.uint8)).save(path, compression="jpeg")
    with pytest.raises(UserError, match="is a TIFF compressed as JPEG"):
        read_stored_mask(path)


def test_a_gif_of_a_part_is_no_mask(tmp_path: Path) -> None:
    path = tmp_path / "mask.gif"
    Image.fromarray(np.eye(16, dtype=np.uint8)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[:6] + struct.pack("<HH", 32, 20) + content[10:])  # a larger screen
    with pytest.raises(UserError, match="holds pixels for a part of its 32 x 20 only"):
        read_stored_mask(path)


def test_16_bits_in_planes_are_refused_as_those_in_pixels(tmp_path: Path) -> None:
    path = tmp_path / "photo.tif"
    planes = np.zeros((3, 8, 9), np.uint16)
    tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate")
    with pytest.raises(UserError, match="is stored as RGB;16"):
        read_photo(path)
    with pytest.raises(UserError, match="is stored as RGB;16"):
        read_stored_mask(path)


def test_damaged_exif_does_not_hide_a_photograph(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(PICTURE).save(path, exif=b"Exif\0\0garbage that is no TIFF header")
    assert np.array_equal(read_photo(path)[0], PICTURE)


# --- Depth and pages ------------------------------------------------------------------------------


def deep_png(samples: np.ndarray, color_type: int) -> bytes:
    """A PNG of 16 bits per channel, by the specification: Pillow writes none with colors."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_other_colors_than_a_cameras_are_refused_by_their_name(tmp_path: Path) -> None:
    path = tmp_path / "lab.tif"
    Image.new("LAB", (4, 5)).save(path)
    with pytest.raises(UserError, match=r"lab.tif is stored as LAB: save it as RGB\.$"):
        read_photo(path)


@pytest.mark.parametrize(("channels", "color_type"), [(1, 0), (2, 4), (3, 2), (4, 6)])
def test_16_bits_per_channel_are_refused_whatever_the_colors(
    tmp_path: Path, channels: int, color_type: int
) -> None:
    path = tmp_path / "deep.png"
    path.write_bytes(deep_png(np.full((4, 5, channels), 4095, np.uint16), color_type))
    with pytest.raises(UserError, match="does not fit 8 bits per channel: save it as RGB or"):
        read_photo(path)


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "PNG", "WEBP"])
def test_files_with_several_pictures_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "stack.img"
    pages = [Image.new("RGB", (8, 8), color) for color in ("red", "green", "blue")]
    pages[0].save(path, format=kind, save_all=True, append_images=pages[1:])
    with pytest.raises(UserError, match="holds several pictures"):
        read_photo(path)


def test_a_phones_jpeg_with_a_preview_is_one_photograph(tmp_path: Path) -> None:
    path = tmp_path / "phone.jpg"
    photo, preview = Image.new("RGB", (16, 8), "red"), Image.new("RGB", (8, 4), "blue")
    photo.save(path, format="MPO", save_all=True, append_images=[preview])
    assert read_photo(path)[0].shape == (8, 16, 3)


# --- Files that attack ----------------------------------------------------------------------------


def flat_png(width: int, height: int) -> bytes:
    """A PNG of one gray, of a few kilobytes whatever its size."""
    content = deep_png(np.zeros((1, 1), np.uint16), 0)
    body = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(b"IHDR" + body))
    return content[:8] + struct.pack(">I", 13) + b"IHDR" + body + checksum + content[33:]


def test_a_small_file_that_promises_too_many_pixels_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(flat_png(13_300, 13_300))
    with pytest.raises(UserError, match=r"has 13,300 x 13,300 pixels, more than the 50,000,000"):
        read_photo(path)


def test_a_person_can_raise_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.png"
    Image.new("L", (30, 20)).save(path)
    monkeypatch.setenv("SEGLAB_MAX_PIXELS", "599")
    with pytest.raises(UserError, match="SEGLAB_MAX_PIXELS=600 if there is room"):
        read_photo(path)
    monkeypatch.setenv("SEGLAB_MAX_PIXELS", "600")
    assert read_photo(path)[0].shape == (20, 30, 3)
    monkeypatch.setenv("SEGLAB_MAX_PIXELS", "many")
    with pytest.raises(UserError, match="must be a whole number of pixels"):
        read_photo(path)


def test_a_program_for_a_printer_is_no_photograph(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\n")
    with pytest.raises(UserError, match="of no known format: known are PNG, JPEG"):
        read_photo(path)


def test_a_pipe_among_the_images_does_not_hang_the_check(tmp_path: Path) -> None:
    pool = write_pairs(tmp_path / "pool", 4, [0, 1])
    for index in (0, 1):
        (pool / "images" / f"img_{index}.jpg").unlink()
        os.mkfifo(pool / "images" / f"img_{index}.png")
    command = [sys.executable, "-m", "segengine", "check", "--dataset", "folder", "--root", pool]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stdout.count("is no regular file, but a folder, a pipe or a device") == 2
