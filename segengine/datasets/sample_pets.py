"""Sample pets: synthetic cats and dogs, drawn once by SegLab, for work without a network.

They lie in the official Oxford-IIIT Pet layout and are read by the same code as the real ones. Fur
and surroundings share colors and textures, so that color alone does not tell the classes apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from segengine.config import DataConfig
from segengine.datasets.base import ClassInfo, ProgressFn, SegDataset, Split, no_such_split
from segengine.datasets.oxford_pets import CLASSES, OFFICIAL_FOLDER, OxfordPets
from segengine.datasets.sample_files import DrawnSet, OnDrawn, write_drawn_set
from segengine.drawing.pets import BREEDS, draw_pet

ENTRIES = {"sample_pets": {"label": "Sample pets (synthetic sample)"}}

SPLIT_SIZES: dict[Split, int] = {"train": 200, "val": 80}  # images
SPLIT_NAMES: dict[Split, str] = {
    "train": "drawn training pictures",
    "val": "drawn validation pictures",
}
_LISTS = ("trainval.txt", "test.txt")
_JPEG_QUALITY = 90


def folder_of(config: DataConfig) -> Path:
    """Where the drawings lie: `<root>/drawn-pets/oxford-iiit-pet`."""
    return Path(config.root).expanduser() / "drawn-pets" / OFFICIAL_FOLDER


def classes(config: DataConfig) -> tuple[ClassInfo, ...]:
    """Pet, background, border."""
    return CLASSES


def open_split(config: DataConfig, split: Split) -> SegDataset:
    """One split of the drawings; UserError before `prepare` has drawn them."""
    if split not in SPLIT_SIZES:
        raise no_such_split("sample_pets", split, SPLIT_SIZES)
    return OxfordPets(folder_of(config), split)


def sizes(config: DataConfig) -> dict[Split, int]:
    """Images per split."""
    return SPLIT_SIZES


def prepare(config: DataConfig, progress: ProgressFn) -> None:
    """Draw the dataset where it is missing (some seconds)."""
    write_sample_pets(
        folder_of(config).parent,
        train=SPLIT_SIZES["train"],
        val=SPLIT_SIZES["val"],
        progress=lambda done, total: progress("Drawing sample pets", done, total),
    )


def write_sample_pets(
    root: Path,
    *,
    train: int = SPLIT_SIZES["train"],
    val: int = SPLIT_SIZES["val"],
    seed: int = 0,
    progress: OnDrawn | None = None,
) -> Path:
    """Draw the sample pets into `<root>/oxford-iiit-pet`, unless they are there already.

    Picture i of a split depends on the seed alone, not on the counts. Worker processes draw, so a
    script that calls this needs `if __name__ == "__main__":`.

    Args:
        train, val: pictures per split.

    Returns:
        The folder, in the layout that torchvision's OxfordIIITPet(root) reads.

    Raises:
        UserError: a count is below 1, the folder holds something else, or cannot be written.
    """
    return write_drawn_set(root / OFFICIAL_FOLDER, DrawnPets(train, val, seed), progress)


@dataclass(frozen=True)
class PetPicture:
    """One picture of the dataset."""

    split: int  # 0 trainval, 1 test
    index: int  # within the split

    @property
    def name(self) -> str:
        """`breed_number`; odd numbers are trainval, even ones test, whatever the counts."""
        breed, number = self.index % len(BREEDS), self.index // len(BREEDS)
        return f"{BREEDS[breed].name}_{2 * number + 1 + self.split}"

    @property
    def line(self) -> str:
        """Its line in the official lists: name, class id, species (1 cat, 2 dog), id in species."""
        breed = BREEDS[self.index % len(BREEDS)]
        same_species = [member for member in BREEDS if member.dog == breed.dog]
        ids = (BREEDS.index(breed) + 1, 2 if breed.dog else 1, same_species.index(breed) + 1)
        return " ".join([self.name, *map(str, ids)])


class DrawnPets(DrawnSet[PetPicture]):
    """`train` and `val` pictures of made-up breeds.

    Breeds alternate in the lists, so that the first few names already hold every breed.
    """

    title = "the sample pets"
    layout = (
        "The layout is that of the Oxford-IIIT Pet dataset: annotations/trimaps holds\n"
        "1 pet, 2 background, 3 border. The breeds are made up."
    )
    splits = ("trainval", "test")

    def picture(self, split: int, index: int) -> PetPicture:
        return PetPicture(split, index)

    def files(self) -> list[str]:
        names = [picture.name for picture in self.pictures()]
        images = [f"images/{name}.jpg" for name in names]
        trimaps = [f"annotations/trimaps/{name}.png" for name in names]
        return [*images, *trimaps, *(f"annotations/{name}" for name in (*_LISTS, "list.txt"))]

    def write_lists(self, folder: Path) -> None:
        (folder / "images").mkdir()
        annotations = folder / "annotations"
        (annotations / "trimaps").mkdir(parents=True)
        lines: dict[str, list[str]] = {name: [] for name in (*_LISTS, "list.txt")}
        for picture in self.pictures():
            for name in (_LISTS[picture.split], "list.txt"):
                lines[name].append(f"{picture.line}\n")
        for name, entries in lines.items():
            (annotations / name).write_text("".join(entries), encoding="utf-8")

    def write_picture(self, folder: Path, number: int) -> None:
        picture = self.numbered(number)
        image, trimap = draw_pet(self.seed, picture.split, picture.index)
        path = folder / "images" / f"{picture.name}.jpg"
        Image.fromarray(image).save(path, quality=_JPEG_QUALITY)
        Image.fromarray(trimap).save(folder / "annotations" / "trimaps" / f"{picture.name}.png")
