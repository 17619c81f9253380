"""The offline sample pets: synthetic pictures in the official Oxford-IIIT Pet layout.

Fur and surroundings share their colours and textures, so a network has to learn shapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from segengine.datasets.drawing.pets import BREEDS, draw_pet
from segengine.datasets.drawing.writing import Progress, Sample, check_counts, write_sample

FOLDER = "oxford-iiit-pet"  # the name that torchvision's OxfordIIITPet looks for
LISTS = ("trainval.txt", "test.txt")
JPEG_QUALITY = 90


@dataclass(frozen=True)
class Entry:
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
        """The official list line: name, class id, species (1 cat, 2 dog), id within the species."""
        breed = BREEDS[self.index % len(BREEDS)]
        same_species = [b for b in BREEDS if b.dog == breed.dog]
        ids = (BREEDS.index(breed) + 1, 2 if breed.dog else 1, same_species.index(breed) + 1)
        return " ".join([self.name, *map(str, ids)])


class SamplePets(Sample):
    """`train` and `val` pictures of made-up breeds.

    Breeds alternate in the lists, so that the first few names already show every kind.
    """

    what = "the sample pets"

    def __init__(self, train: int, val: int, seed: int) -> None:
        self.entries = [Entry(0, i) for i in range(train)] + [Entry(1, i) for i in range(val)]
        self.count, self.seed = train + val, seed
        self.readme = (
            "Synthetic sample, drawn by SegLab, not real photographs.\n\n"
            "The layout is that of the Oxford-IIIT Pet dataset: annotations/trimaps holds\n"
            "1 pet, 2 background, 3 border. The breeds are made up.\n\n"
            f"trainval {train}, test {val}, seed {seed}\n"
        )

    def files(self) -> list[str]:
        """Images, trimaps and lists."""
        names = [entry.name for entry in self.entries]
        images = [f"images/{name}.jpg" for name in names]
        trimaps = [f"annotations/trimaps/{name}.png" for name in names]
        return [*images, *trimaps, *(f"annotations/{name}" for name in (*LISTS, "list.txt"))]

    def write_lists(self, folder: Path) -> None:
        """Folders and split lists."""
        (folder / "images").mkdir()
        annotations = folder / "annotations"
        (annotations / "trimaps").mkdir(parents=True)
        for split, name in enumerate(LISTS):
            write_list(annotations / name, [e for e in self.entries if e.split == split])
        write_list(annotations / "list.txt", self.entries)

    def write_picture(self, folder: Path, number: int) -> None:
        """Draw and save one image and its trimap."""
        entry = self.entries[number]
        picture, trimap = draw_pet(self.seed, entry.split, entry.index)
        image_path = folder / "images" / f"{entry.name}.jpg"
        Image.fromarray(picture).save(image_path, quality=JPEG_QUALITY)
        Image.fromarray(trimap).save(folder / "annotations" / "trimaps" / f"{entry.name}.png")


def write_list(path: Path, entries: list[Entry]) -> None:
    """One official list file."""
    path.write_text("".join(f"{entry.line}\n" for entry in entries), encoding="utf-8")


def write_sample_pets(
    root: Path,
    *,
    train: int = 200,
    val: int = 80,
    seed: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Draw the sample pets into `root/oxford-iiit-pet` unless they are there already.

    Picture i of a split depends on the seed alone, not on the counts. Worker processes draw, so a
    script that calls this needs `if __name__ == "__main__":`.

    Returns:
        The folder, in the layout that torchvision's OxfordIIITPet(root) reads.

    Raises:
        UserError: a count is below 1, the folder holds something else, or cannot be written.
    """
    check_counts(train, val)
    return write_sample(Path(root) / FOLDER, SamplePets(train, val, seed), progress)
