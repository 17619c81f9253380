"""The offline sample streets: synthetic scenes in the official Cityscapes layout.

19 classes and void in perspective, under changing weather; walls and houses, roads and pavements
share their colours and textures, so a network has to learn shapes and places.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from segengine.datasets.drawing.streets import THEMES, draw_street
from segengine.datasets.drawing.writing import Progress, Sample, check_counts, write_sample

SPLITS = ("train", "val")
CITIES = (("aldenau", "birkstadt"), ("corvenheim",))  # made up, of each split


@dataclass(frozen=True)
class Entry:
    """One picture of the dataset."""

    split: int  # 0 train, 1 val
    index: int  # within the split

    @property
    def stem(self) -> str:
        """`split/city/city_sequence_frame`; a city's sequences run through all themes."""
        cities = CITIES[self.split]
        turn, theme = divmod(self.index, len(THEMES))
        city, sequence = cities[turn % len(cities)], turn // len(cities) * len(THEMES) + theme
        return f"{SPLITS[self.split]}/{city}/{city}_{sequence:06d}_000019"

    @property
    def image(self) -> str:
        """The image's file, relative to the dataset."""
        return f"leftImg8bit/{self.stem}_leftImg8bit.png"

    @property
    def mask(self) -> str:
        """The file of its label ids."""
        return f"gtFine/{self.stem}_gtFine_labelIds.png"


class SampleStreets(Sample):
    """`train` and `val` pictures of streets in made-up cities."""

    what = "the sample streets"

    def __init__(self, train: int, val: int, seed: int) -> None:
        self.entries = [Entry(0, i) for i in range(train)] + [Entry(1, i) for i in range(val)]
        self.count, self.seed = train + val, seed
        self.readme = (
            "Synthetic sample, drawn by SegLab, not real photographs.\n\n"
            "The layout is that of the Cityscapes dataset: gtFine holds the official label ids.\n"
            "The cities are made up.\n\n"
            f"train {train}, val {val}, seed {seed}\n"
        )

    def files(self) -> list[str]:
        """Images and masks."""
        return [name for entry in self.entries for name in (entry.image, entry.mask)]

    def write_lists(self, folder: Path) -> None:
        """The cities' folders; Cityscapes has no lists."""
        for parent in {(folder / name).parent for name in self.files()}:
            parent.mkdir(parents=True)

    def write_picture(self, folder: Path, number: int) -> None:
        """Draw and save one image and its mask."""
        entry = self.entries[number]
        picture, labels = draw_street(self.seed, entry.split, entry.index)
        Image.fromarray(picture).save(folder / entry.image)
        Image.fromarray(labels).save(folder / entry.mask)


def write_sample_streets(
    folder: Path,
    *,
    train: int = 240,
    val: int = 60,
    seed: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Draw the sample streets into `folder` unless they are there already.

    Picture i of a split depends on the seed alone, not on the counts. Worker processes draw, so a
    script that calls this needs `if __name__ == "__main__":`.

    Returns:
        The folder, in the layout that torchvision's Cityscapes(folder) reads.

    Raises:
        UserError: a count is below 1, the folder holds something else, or cannot be written.
    """
    check_counts(train, val)
    return write_sample(Path(folder), SampleStreets(train, val, seed), progress)
