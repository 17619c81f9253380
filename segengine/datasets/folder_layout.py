"""The layout of people's own folders: which files they hold, and which belong together."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from segengine.config import DataConfig
from segengine.datasets.base import SPLITS, Split
from segengine.errors import UserError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")
MASK_SUFFIXES = (".png", ".bmp", ".tif", ".tiff", ".gif")
_LAYOUTS = (
    "A folder must hold train/ and val/ (and test/, if you like), each with images/ and masks/; or "
    "images/ and masks/ alone, which are then split at random"
)


@dataclass(frozen=True)
class Pairs:
    """Images and masks of one folder or split, by name (the file name without its ending).

    Attributes:
        files: name -> (image, mask), in order of the names.
        missing: (missing file, its partner), images first.
    """

    files: dict[str, tuple[Path, Path]]
    missing: tuple[tuple[Path, Path], ...] = ()


def list_splits(config: DataConfig) -> dict[Split, Pairs]:
    """The pairs of every split of the config's folder.

    Raises:
        UserError: the folder has no such layout, or its files cannot be paired.
    """
    root = Path(config.root).expanduser()
    splits = [split for split in SPLITS if (root / split).is_dir()]
    parts = [part for part in ("images", "masks") if (root / part).is_dir()]
    if splits and parts:
        raise UserError(
            f"{root} holds both {splits[0]}/ and {parts[0]}/: keep train/ and val/, or images/ and "
            "masks/, and move the other away.",
            field="root",
        )
    if len(parts) == 2:
        return _random_split(_pairs(root), config)
    if "train" in splits and "val" in splits:
        _refuse_split_settings(config, root)
        return {split: _pairs(root / split) for split in splits}
    content = f"has only {(splits or parts)[0]}/" if splits or parts else "has neither"
    content = content if root.is_dir() else "does not exist"
    raise UserError(f"{_LAYOUTS}. {root} {content}.", field="root")


def _refuse_split_settings(config: DataConfig, root: Path) -> None:
    for name in ("val_share", "split_seed"):
        value = getattr(config, name)
        if value != DataConfig.model_fields[name].default:
            raise UserError(
                f"{name} {value} was given, but {root} has splits of its own: leave it out.",
                field=name,
            )


def _random_split(pool: Pairs, config: DataConfig) -> dict[Split, Pairs]:
    """Names are ranked by a hash of seed and name: a new image moves hardly any other."""
    names = list(pool.files)
    if len(names) < 2:
        count = "1 pair" if names else "no pair"
        raise UserError(
            f"{config.root} holds {count} of image and mask, but at least 2 are needed: one to "
            "train on and one to validate.",
            field="root",
        )
    names.sort(key=lambda name: hashlib.sha256(f"{config.split_seed}/{name}".encode()).digest())
    val_images = min(max(1, round(config.val_share * len(names))), len(names) - 1)
    val_names = set(names[:val_images])
    train = {name: files for name, files in pool.files.items() if name not in val_names}
    val = {name: files for name, files in pool.files.items() if name in val_names}
    return {"train": Pairs(train, pool.missing), "val": Pairs(val, pool.missing)}


def _pairs(folder: Path) -> Pairs:
    images = _files_by_name(folder / "images", IMAGE_SUFFIXES)
    masks = _files_by_name(folder / "masks", MASK_SUFFIXES)
    if not images:
        raise UserError(
            f"{folder / 'images'} holds no images ({', '.join(IMAGE_SUFFIXES)}): copy them there.",
            field="root",
        )
    pairs = {name: (images[name], masks[name]) for name in sorted(images.keys() & masks.keys())}
    lost_images = [
        (folder / "images" / f"{name}.jpg", masks[name]) for name in sorted(masks.keys() - images)
    ]
    lost_masks = [
        (folder / "masks" / f"{name}.png", images[name]) for name in sorted(images.keys() - masks)
    ]
    _refuse_jpeg_masks(folder / "masks", {path.stem for path, _ in lost_masks})
    return Pairs(pairs, (*lost_images, *lost_masks))


def _files_by_name(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Name -> file, of the files with one of the endings; hidden files are left out."""
    files: dict[str, Path] = {}
    # Strings, not Paths: the form lists the folder, of 10,000 files perhaps, at every change.
    for file in sorted(os.listdir(folder)) if folder.is_dir() else []:
        name, suffix = os.path.splitext(file)
        if file.startswith(".") or suffix.lower() not in suffixes:
            continue
        if name in files:
            raise UserError(
                f"{files[name].name} and {file} in {folder} have one name: images and masks are "
                "paired by name, so rename or remove one of them.",
                field="root",
            )
        files[name] = folder / file
    return files


def _refuse_jpeg_masks(folder: Path, names: set[str]) -> None:
    """UserError where a mask is missing because it is a JPEG."""
    for path in sorted(folder.iterdir()) if folder.is_dir() and names else []:
        if path.stem in names and path.suffix.lower() in (".jpg", ".jpeg"):
            raise UserError(
                f"{path} is a JPEG, whose compression changes the labels: save masks as PNG.",
                field="root",
            )
