"""The offline sample pets: synthetic pictures in the official Oxford-IIIT Pet layout.

Nothing here is a photograph. The pictures exist so that SegLab can be tried without a download,
and they are drawn to be a real exercise: fur and surroundings share their colours and textures,
so a network has to learn shapes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from segengine.datasets.drawing.pets import BREEDS, draw_pet
from segengine.errors import UserError
from segengine.files import cannot_write

FOLDER = "oxford-iiit-pet"  # the name that torchvision's OxfordIIITPet looks for
LISTS = ("trainval.txt", "test.txt")
JPEG_QUALITY = 90
THREADS = min(8, os.cpu_count() or 1)


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


def write_sample_pets(
    root: Path,
    *,
    train: int = 200,
    val: int = 80,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Draw the sample pets into `root/oxford-iiit-pet` unless they are there already.

    Picture i of a split depends on the seed alone, not on the counts. The folder appears only when
    it is whole; of two processes that draw at once, the second to finish keeps the first's.

    Returns:
        The folder, in the layout that torchvision's OxfordIIITPet(root) reads.

    Raises:
        UserError: a count is below 1, the folder holds something else, or cannot be written.
    """
    if train < 1 or val < 1:
        raise UserError(f"train={train} and val={val} were given; each needs at least 1 image.")
    folder = Path(root) / FOLDER
    readme = describe(train, val, seed)
    entries = [Entry(0, i) for i in range(train)] + [Entry(1, i) for i in range(val)]
    if is_complete(folder, readme, entries):
        return folder
    refuse_foreign(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{FOLDER}.") as place:
            drawn = Path(place) / FOLDER  # a folder of its own: the temporary one is private
            write_layout(drawn, readme, entries)
            write_pictures(drawn, entries, seed, progress)
            move_into_place(drawn, folder, readme, entries)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return folder


def describe(train: int, val: int, seed: int) -> str:
    """The README, which also tells a later call whether these are the pictures it wants."""
    return (
        "Synthetic sample, drawn by SegLab, not real photographs.\n\n"
        "The layout is that of the Oxford-IIIT Pet dataset: annotations/trimaps holds\n"
        "1 pet, 2 background, 3 border. The breeds are made up.\n\n"
        f"trainval {train}, test {val}, seed {seed}\n"
    )


def is_complete(folder: Path, readme: str, entries: list[Entry]) -> bool:
    """Whether exactly these pictures are there."""
    try:
        if (folder / "README").read_text(encoding="utf-8") != readme:
            return False
        images = {path.stem for path in (folder / "images").iterdir()}
        trimaps = {path.stem for path in (folder / "annotations" / "trimaps").iterdir()}
    except OSError:
        return False
    lists = all((folder / "annotations" / name).is_file() for name in (*LISTS, "list.txt"))
    return lists and {entry.name for entry in entries} <= images & trimaps


def refuse_foreign(folder: Path) -> None:
    """Never draw over what somebody else put there, perhaps the real dataset."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(
            f"{folder} holds something other than the sample pets asked for. "
            "Give another folder, or move that one away."
        )


def write_layout(folder: Path, readme: str, entries: list[Entry]) -> None:
    """Folders, README and split lists.

    Breeds alternate in the lists, so that the first few names already show every kind.
    """
    (folder / "images").mkdir(parents=True)
    annotations = folder / "annotations"
    (annotations / "trimaps").mkdir(parents=True)
    (folder / "README").write_text(readme, encoding="utf-8")
    for split, name in enumerate(LISTS):
        write_list(annotations / name, [entry for entry in entries if entry.split == split])
    write_list(annotations / "list.txt", entries)


def write_list(path: Path, entries: list[Entry]) -> None:
    """One official list file."""
    path.write_text("".join(f"{entry.line}\n" for entry in entries), encoding="utf-8")


def write_pictures(
    folder: Path,
    entries: list[Entry],
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Draw and save every entry on all cores; NumPy and Pillow release the interpreter lock."""
    with ThreadPoolExecutor(THREADS) as pool:
        jobs = [pool.submit(write_picture, folder, entry, seed) for entry in entries]
        try:
            for done, job in enumerate(as_completed(jobs), start=1):
                job.result()
                if progress is not None:
                    progress(done, len(entries))
        except BaseException:  # Ctrl-C too: drawing the rest would only delay the way out
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def write_picture(folder: Path, entry: Entry, seed: int) -> None:
    """Draw and save one image and its trimap."""
    picture, trimap = draw_pet(seed, entry.split, entry.index)
    image_path = folder / "images" / f"{entry.name}.jpg"
    Image.fromarray(picture).save(image_path, quality=JPEG_QUALITY)
    Image.fromarray(trimap).save(folder / "annotations" / "trimaps" / f"{entry.name}.png")


def move_into_place(drawn: Path, folder: Path, readme: str, entries: list[Entry]) -> None:
    """Rename the finished folder; where another process was faster, its equal folder stays."""
    try:
        drawn.rename(folder)
    except OSError:
        if not is_complete(folder, readme, entries):
            raise
