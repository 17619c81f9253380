"""The layout of people's own folders: which files they hold, and which belong together."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from segengine.config import DataConfig
from segengine.datasets.base import SPLITS, Split
from segengine.datasets.folder_files import (
    IMAGE_SUFFIXES,
    MASK_SUFFIXES,
    LeftOut,
    is_folder,
    list_files,
    list_others,
    pair_names,
)
from segengine.datasets.formats.class_table import CLASSES_FILE
from segengine.datasets.formats.groups import GROUPS_FILE, read_groups
from segengine.errors import UserError

# The names under which the parts of a dataset are met in the wild, the usual one first.
_SPLIT_NAMES: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
_IMAGE_NAMES = ("images", "image", "imgs")
_MASK_NAMES = ("masks", "mask", "labels", "label")
_BESIDE = ("annot", "_labels", "_masks", "_annot", "labels", "masks", "_mask", "_label")
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
        suffix: the ending that the masks' names have in common and the images' have not, as _mask.
        left_out: what else lies there and is not read.
        hint: what may be wrong with the names of what is missing, as a sentence.
    """

    files: dict[str, tuple[Path, Path]]
    missing: tuple[tuple[Path, Path], ...] = ()
    suffix: str = ""
    left_out: tuple[LeftOut, ...] = ()
    hint: str = ""


@dataclass(frozen=True)
class _Place:
    """Where images and their masks lie."""

    images: Path
    masks: Path


@dataclass
class _Layout:
    """The places that a root holds: one for all splits, or one per split."""

    pool: _Place | None = None
    splits: dict[Split, _Place] = field(default_factory=dict)


def list_splits(config: DataConfig) -> dict[Split, Pairs]:
    """The pairs of every split of the config's folder.

    Raises:
        UserError: the folder has no such layout, its files cannot be paired, or `groups.csv` cannot
            be understood.
    """
    root = Path(config.root).expanduser()
    layout = _layout(root)
    if layout.pool:
        pool = _pairs(layout.pool)
        return _random_split(pool, read_groups(root / GROUPS_FILE, pool.files), config)
    if "test" in layout.splits:
        _refuse_split_settings(config, root)
    return {split: _pairs(place) for split, place in layout.splits.items()}


def beside_the_layout(config: DataConfig) -> tuple[LeftOut, ...]:
    """What lies beside the folders of images and masks and is not read.

    Raises:
        UserError: the folder has no such layout.
    """
    root = Path(config.root).expanduser()
    layout = _layout(root)
    places = [layout.pool] if layout.pool else list(layout.splits.values())
    listed = {path for place in places for path in (place.images, place.masks)}
    above = {folder for path in listed for folder in path.parents if folder.is_relative_to(root)}
    used = listed | above | {root / CLASSES_FILE, root / GROUPS_FILE}
    return tuple(
        left_out
        for folder in sorted(above - listed)
        for left_out in list_others(folder, {path.name for path in used if path.parent == folder})
    )


def own_splits(config: DataConfig) -> tuple[Split, ...]:
    """The splits that the config's folder has of its own; none where all images lie together.

    Raises:
        UserError: the folder has no such layout.
    """
    return tuple(_layout(Path(config.root).expanduser()).splits)


def _layout(root: Path) -> _Layout:
    folders = _folders(root)
    pool = _place(root, folders)
    splits: dict[Split, _Place] = {}
    found: list[str] = []
    for split in SPLITS:
        names = [name for name in _SPLIT_NAMES[split] if name in folders]
        if len(names) > 1:
            raise UserError(
                f"{root} holds both {names[0]}/ and {names[1]}/, which mean the same: keep one.",
                field="root",
            )
        found += names
        if names:
            splits[split] = _split_place(root, names[0], folders)
    parts = [name for name in (_IMAGE_NAMES[0], _MASK_NAMES[0]) if name in folders]
    if found and parts:
        raise UserError(
            f"{root} holds both {found[0]}/ and {parts[0]}/: keep train/ and val/, or images/ and "
            "masks/, and move the other away.",
            field="root",
        )
    if pool:
        return _Layout(pool)
    if "train" in splits and "val" in splits:
        return _Layout(splits=splits)
    raise UserError(
        f"{_LAYOUTS}. {root} {_content(root, [*found, *parts], folders)}.", field="root"
    )


def _content(root: Path, found: list[str], folders: dict[str, str]) -> str:
    if not os.path.isdir(root):
        return "does not exist"
    if found:
        return f"has only {', '.join(f'{name}/' for name in found)}"
    deeper = [name for name in folders.values() if _looks_like_a_root(root / name)]
    return f"has neither; did you mean {root / deeper[0]}" if deeper else "has neither"


def _looks_like_a_root(folder: Path) -> bool:
    names = _folders(folder)
    return _place(folder, names) is not None or "train" in names


def _folders(root: Path) -> dict[str, str]:
    """Name in small letters -> name, of the folders in a folder; none where it is none."""
    try:
        names = sorted(entry.name for entry in os.scandir(root) if is_folder(entry))
    except (OSError, ValueError):
        return {}
    return {name.lower(): name for name in names}  # of Masks/ and masks/ the latter, sorted last


def _place(folder: Path, folders: dict[str, str]) -> _Place | None:
    """Images and masks in folders of their own."""
    images = [name for name in _IMAGE_NAMES if name in folders]
    masks = [name for name in _MASK_NAMES if name in folders]
    if not images or not masks:
        return None
    for names in (images, masks):
        if len(names) > 1:
            raise UserError(
                f"{folder} holds both {names[0]}/ and {names[1]}/, and one of them would be left "
                "out: move the other away.",
                field="root",
            )
    return _Place(folder / folders[images[0]], folder / folders[masks[0]])


def _split_place(root: Path, name: str, folders: dict[str, str]) -> _Place:
    """`<split>/images` and `<split>/masks`, or `<split>` itself with its masks beside it."""
    folder = root / folders[name]
    inside = _place(folder, _folders(folder))
    beside = [name + ending for ending in _BESIDE if name + ending in folders]
    if not inside and len(beside) == 1:
        return _Place(folder, root / folders[beside[0]])
    return inside or _Place(folder / _IMAGE_NAMES[0], folder / _MASK_NAMES[0])


def _refuse_split_settings(config: DataConfig, root: Path) -> None:
    for name in ("val_share", "split_seed"):
        value = getattr(config, name)
        if value != DataConfig.model_fields[name].default:
            raise UserError(
                f"{name} {value} was given, but {root} has a val/ and a test/ of its own: leave it "
                "out.",
                field=name,
            )


def _random_split(pool: Pairs, group_of: dict[str, str], config: DataConfig) -> dict[Split, Pairs]:
    """Whole groups, which most images are by themselves, are drawn until there are enough images.

    They are ranked by a hash of seed and name: a new image moves hardly any other.
    """
    names = list(pool.files)
    if len(names) < 2:
        count = "1 pair" if names else "no pair"
        hint = f" {pool.hint}" if pool.hint else ""
        raise UserError(
            f"{config.root} holds {count} of image and mask, but at least 2 are needed: one to "
            f"train on and one to validate.{hint}",
            field="root",
        )
    groups: dict[tuple[str, bool], list[str]] = {}
    for name in names:
        groups.setdefault((group_of.get(name, name), name in group_of), []).append(name)
    if len(groups) < 2:
        raise UserError(
            f"All {len(names):,} images of {config.root} are of one group by {GROUPS_FILE}, but at "
            "least 2 groups are needed: one to train on and one to validate.",
            field="root",
        )
    wanted = min(max(1, round(config.val_share * len(names))), len(names) - 1)
    ranked = sorted(groups, key=lambda group: _rank(config.split_seed, group[0]))
    val_names: set[str] = set()
    for group in ranked[:-1]:  # the last one trains, however large the others are
        if len(val_names) < wanted:
            val_names.update(groups[group])
    train = {name: files for name, files in pool.files.items() if name not in val_names}
    val = {name: files for name, files in pool.files.items() if name in val_names}
    rest = (pool.missing, pool.suffix, pool.left_out, pool.hint)
    return {"train": Pairs(train, *rest), "val": Pairs(val, *rest)}


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}/{name}".encode()).digest()


def _pairs(place: _Place) -> Pairs:
    images, left_images = list_files(place.images, IMAGE_SUFFIXES)
    masks, left_masks = list_files(place.masks, MASK_SUFFIXES)
    if not images:
        raise UserError(
            f"{place.images} holds no images ({', '.join(IMAGE_SUFFIXES)}): copy them there.",
            field="root",
        )
    names = pair_names(images, masks)
    pairs = {name: (images[name], masks[mask]) for name, mask in sorted(names.masks.items())}
    taken = set(names.masks.values())
    lost_images = [
        (place.images / f"{name.removesuffix(names.suffix)}.jpg", masks[name])
        for name in sorted(masks.keys() - taken)
    ]
    lost_masks = [
        (place.masks / f"{name}{names.suffix}.png", images[name])
        for name in sorted(images.keys() - pairs.keys())
    ]
    _refuse_jpeg_masks(place.masks, {path.stem for path, _ in lost_masks})
    return Pairs(
        pairs, (*lost_images, *lost_masks), names.suffix, (*left_images, *left_masks), names.hint
    )


def _refuse_jpeg_masks(folder: Path, names: set[str]) -> None:
    """UserError where a mask is missing because it is a JPEG."""
    for path in sorted(folder.iterdir()) if folder.is_dir() and names else []:
        if path.stem in names and path.suffix.lower() in (".jpg", ".jpeg"):
            raise UserError(
                f"{path} is a JPEG, whose compression changes the labels: save masks as PNG.",
                field="root",
            )
