"""The sample pets, as a person or a run without a network gets them."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from segengine.datasets import sample_files
from segengine.datasets.oxford_pets import OFFICIAL_FOLDER
from segengine.datasets.sample_pets import write_sample_pets
from segengine.errors import UserError

TRAIN, VAL = 6, 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample_pets(tmp_path_factory.mktemp("root"), train=TRAIN, val=VAL)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_torchvision_reads_the_folder_as_the_official_dataset(folder: Path) -> None:
    datasets = pytest.importorskip("torchvision.datasets")
    for split, count in (("trainval", TRAIN), ("test", VAL)):
        types = ["category", "binary-category", "segmentation"]
        dataset = datasets.OxfordIIITPet(folder.parent, split, target_types=types)
        assert len(dataset) == count
        assert dataset.classes == ["Drawn Tabby", "Drawn Hound", "Drawn Calico", "Drawn Spitz"]
        assert dataset.bin_classes[dataset[1][1][1]] == "Dog"
        for image, (_, _, trimap) in dataset:
            assert image.mode == "RGB"
            assert image.size == trimap.size


def test_names_and_lists_follow_the_official_rules(folder: Path) -> None:
    lines = {
        name: [line.split() for line in (folder / "annotations" / name).read_text().splitlines()]
        for name in ("trainval.txt", "test.txt", "list.txt")
    }
    assert lines["list.txt"] == lines["trainval.txt"] + lines["test.txt"]
    for name, _, species, _ in lines["list.txt"]:
        assert (species == "1") == name[0].isupper()  # cats are capitalized
    ids = {(int(class_id), int(breed)) for _, class_id, _, breed in lines["list.txt"]}
    assert ids == {(1, 1), (2, 1), (3, 2), (4, 2)}
    names = [line[0] for line in lines["list.txt"]]
    assert len(set(names)) == TRAIN + VAL


def test_the_folder_says_that_it_is_synthetic(folder: Path) -> None:
    assert "Synthetic sample, drawn by SegLab, not real photographs" in (
        folder / "README"
    ).read_text(encoding="utf-8")


def test_drawing_again_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    assert contents(write_sample_pets(tmp_path, train=TRAIN, val=VAL)) == contents(folder)


def test_what_is_there_from_earlier_versions_is_not_drawn_again(folder: Path) -> None:
    """The README is what a later version recognizes a whole sample by."""
    assert (folder / "README").read_text(encoding="utf-8") == (
        "Synthetic sample, drawn by SegLab, not real photographs.\n\n"
        "The layout is that of the Oxford-IIIT Pet dataset: annotations/trimaps holds\n"
        "1 pet, 2 background, 3 border. The breeds are made up.\n\n"
        "trainval 6, test 4, seed 0, second edition\n"
    )


def test_one_process_draws_what_many_do(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_files, "CORES", 1)
    assert contents(write_sample_pets(tmp_path, train=TRAIN, val=VAL)) == contents(folder)


def test_asking_for_fewer_gives_the_first_of_the_many(folder: Path, tmp_path: Path) -> None:
    many, few = contents(folder), contents(write_sample_pets(tmp_path, train=3, val=1))
    pictures = {name: data for name, data in few.items() if name.endswith((".jpg", ".png"))}
    assert len(pictures) == 2 * (3 + 1)
    assert all(many[name] == data for name, data in pictures.items())


def test_another_seed_draws_other_pictures(folder: Path, tmp_path: Path) -> None:
    other = contents(write_sample_pets(tmp_path, train=1, val=1, seed=1))
    assert other["images/Drawn_tabby_1.jpg"] != contents(folder)["images/Drawn_tabby_1.jpg"]


def test_progress_counts_up_to_the_total(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_sample_pets(tmp_path, train=2, val=1, progress=lambda *step: seen.append(step))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_second_call_draws_nothing(folder: Path) -> None:
    drawn: list[int] = []
    again = write_sample_pets(
        folder.parent, train=TRAIN, val=VAL, progress=lambda done, _: drawn.append(done)
    )
    assert again == folder
    assert drawn == []


def test_interrupting_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sample_pets(tmp_path, train=4, val=1, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_killing_it_leaves_no_half_dataset_and_it_can_be_drawn_again(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from segengine.datasets.sample_pets import write_sample_pets;"
        "write_sample_pets(pathlib.Path(sys.argv[1]), train=4, val=1,"
        " progress=lambda *_: os._exit(9))"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert killed.returncode == 9
    assert not (tmp_path / OFFICIAL_FOLDER).exists()
    assert write_sample_pets(tmp_path, train=1, val=1).is_dir()


def test_two_at_once_end_with_one_whole_dataset(tmp_path: Path, folder: Path) -> None:
    """Both draw until the last picture, then finish together."""
    meet = threading.Barrier(2, timeout=60)

    def wait_at_the_end(done: int, total: int) -> None:
        if done == total:
            meet.wait()

    def draw() -> None:
        write_sample_pets(tmp_path, train=TRAIN, val=VAL, progress=wait_at_the_end)
        finished.append(True)

    finished: list[bool] = []
    threads = [threading.Thread(target=draw) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(finished) == 2
    assert [path.name for path in tmp_path.iterdir()] == [OFFICIAL_FOLDER]
    assert contents(tmp_path / OFFICIAL_FOLDER) == contents(folder)


def test_someone_elses_data_is_never_drawn_over(tmp_path: Path) -> None:
    precious = tmp_path / OFFICIAL_FOLDER / "images" / "Abyssinian_1.jpg"
    precious.parent.mkdir(parents=True)
    precious.write_bytes(b"a real photograph")
    with pytest.raises(UserError, match="Give another folder"):
        write_sample_pets(tmp_path, train=1, val=1)
    assert precious.read_bytes() == b"a real photograph"


def test_asking_for_no_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="val=0"):
        write_sample_pets(tmp_path, train=1, val=0)


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    """Nobody could tell them to end any more."""
    code = (
        "import multiprocessing, os, pathlib, sys\n"
        "from segengine.datasets.sample_pets import write_sample_pets\n"
        "def die(*_):\n"
        "    print(*(child.pid for child in multiprocessing.active_children()), flush=True)\n"
        "    os._exit(9)\n"
        "write_sample_pets(pathlib.Path(sys.argv[1]), train=40, val=1, progress=die)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], check=False, stdout=subprocess.PIPE, text=True
    )
    pids = [int(pid) for pid in killed.stdout.split()]
    workers = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert pids and not alive
