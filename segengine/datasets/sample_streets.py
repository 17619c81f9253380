"""Sample streets: synthetic street scenes, drawn once by SegLab, for work without a network.

They lie in the official Cityscapes layout and are read by the same code as the real ones. Walls and
houses, roads and sidewalks share colors and textures, so that color alone does not tell the classes
apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from segengine.config import DataConfig
from segengine.datasets.base import ClassInfo, ProgressFn, SegDataset, Split, no_such_split
from segengine.datasets.cityscapes import CLASSES, Cityscapes
from segengine.datasets.sample_files import DrawnSet, OnDrawn, write_drawn_set
from segengine.drawing.streets import THEMES, draw_street

ENTRIES = {"sample_streets": {"label": "Sample streets (synthetic sample)"}}

SPLIT_SIZES: dict[Split, int] = {"train": 240, "val": 60}  # images
SPLIT_NAMES: dict[Split, str] = {
    "train": "drawn training pictures",
    "val": "drawn validation pictures",
}
_SPLIT_FOLDERS = ("train", "val")
_CITIES = (("lindenau", "ostheim"), ("weidenbruck",))  # made up; those of train, those of val


def folder_of(config: DataConfig) -> Path:
    """Where the drawings lie: `<root>/drawn-streets`."""
    return Path(config.root).expanduser() / "drawn-streets"


def classes(config: DataConfig) -> tuple[ClassInfo, ...]:
    """The 19 classes of Cityscapes."""
    return CLASSES


def open_split(config: DataConfig, split: Split) -> SegDataset:
    """One split of the drawings; UserError before `prepare` has drawn them."""
    if split not in SPLIT_SIZES:
        raise no_such_split("sample_streets", split, SPLIT_SIZES)
    return Cityscapes(folder_of(config), split)


def sizes(config: DataConfig) -> dict[Split, int]:
    """Images per split."""
    return SPLIT_SIZES


def prepare(config: DataConfig, progress: ProgressFn) -> None:
    """Draw the dataset where it is missing (some seconds)."""
    write_sample_streets(
        folder_of(config),
        train=SPLIT_SIZES["train"],
        val=SPLIT_SIZES["val"],
        progress=lambda done, total: progress("Drawing sample streets", done, total),
    )


def write_sample_streets(
    folder: Path,
    *,
    train: int = SPLIT_SIZES["train"],
    val: int = SPLIT_SIZES["val"],
    seed: int = 0,
    progress: OnDrawn | None = None,
) -> Path:
    """Draw the sample streets into `folder`, unless they are there already.

    Picture i of a split depends on the seed alone, not on the counts. Worker processes draw, so a
    script that calls this needs `if __name__ == "__main__":`.

    Args:
        train, val: pictures per split.

    Returns:
        The folder, in the layout that torchvision's Cityscapes(folder) reads.

    Raises:
        UserError: a count is below 1, the folder holds something else, or cannot be written.
    """
    return write_drawn_set(folder, DrawnStreets(train, val, seed), progress)


@dataclass(frozen=True)
class StreetPicture:
    """One picture of the dataset."""

    split: int  # 0 train, 1 val
    index: int  # within the split

    @property
    def stem(self) -> str:
        """`split/city/city_sequence_frame`; a city's sequences run through all themes."""
        cities = _CITIES[self.split]
        turn, theme = divmod(self.index, len(THEMES))
        city, sequence = cities[turn % len(cities)], turn // len(cities) * len(THEMES) + theme
        return f"{_SPLIT_FOLDERS[self.split]}/{city}/{city}_{sequence:06d}_000019"

    @property
    def image(self) -> str:
        """The image's file, relative to the dataset's folder."""
        return f"leftImg8bit/{self.stem}_leftImg8bit.png"

    @property
    def mask(self) -> str:
        """The file of its label ids, relative to the dataset's folder."""
        return f"gtFine/{self.stem}_gtFine_labelIds.png"


class DrawnStreets(DrawnSet[StreetPicture]):
    """`train` and `val` pictures of streets in made-up cities."""

    title = "the sample streets"
    layout = (
        "The layout is that of the Cityscapes dataset: gtFine holds the official label ids.\n"
        "The cities are made up."
    )
    splits = ("train", "val")

    def picture(self, split: int, index: int) -> StreetPicture:
        return StreetPicture(split, index)

    def files(self) -> list[str]:
        return [name for picture in self.pictures() for name in (picture.image, picture.mask)]

    def write_lists(self, folder: Path) -> None:
        for parent in {(folder / name).parent for name in self.files()}:
            parent.mkdir(parents=True)

    def write_picture(self, folder: Path, number: int) -> None:
        picture = self.numbered(number)
        image, labels = draw_street(self.seed, picture.split, picture.index)
        Image.fromarray(image).save(folder / picture.image)
        Image.fromarray(labels).save(folder / picture.mask)
