"""The sample streets, as a person or a run without a network gets them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import Cityscapes as Official

from segengine.cli import main as cli
from segengine.config import DataConfig
from segengine.datasets import (
    open_dataset,
    prepare_dataset,
    sample_files,
    sample_streets,
    split_sizes,
)
from segengine.datasets.cityscapes import CLASSES, Cityscapes
from segengine.datasets.sample_streets import write_sample_streets
from segengine.drawing.streets import SIZE, THEMES
from segengine.errors import UserError
from segengine.registry import entries

TRAIN = VAL = len(THEMES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    return write_sample_streets(root / "sample-streets", train=TRAIN, val=VAL)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def pictures(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in contents(folder).items() if name.endswith(".png")}


def pairs(folder: Path, split: str) -> list[tuple[np.ndarray, np.ndarray]]:
    dataset = Cityscapes(folder, split)  # type: ignore[arg-type]
    return [dataset.pair(name) for name in dataset.names]


@pytest.mark.parametrize(("split", "count"), [("train", TRAIN), ("val", VAL)])
def test_torchvision_reads_the_folder_as_cityscapes_and_sees_what_we_see(
    folder: Path, split: str, count: int
) -> None:
    train_ids = {info.id: info.train_id for info in Official.classes}
    official = Official(str(folder), split=split, mode="fine", target_type="semantic")
    ours = {image.tobytes(): mask for image, mask in pairs(folder, split)}
    assert len(official) == len(ours) == count
    for image, labels in official:
        assert image.mode == "RGB" and labels.mode == "L"
        assert image.size == labels.size == SIZE[::-1]
        expected = np.vectorize(train_ids.get)(np.asarray(labels))
        expected[(expected < 0) | (expected > 18)] = 255
        assert np.array_equal(ours[np.asarray(image).tobytes()], expected)


def test_a_run_reads_them_by_their_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_streets, "SPLIT_SIZES", {"train": 2, "val": 1})
    config = DataConfig(dataset="sample_streets", root=str(tmp_path))
    seen: list[tuple[str, int, int]] = []
    prepare_dataset(config, lambda *step: seen.append(step))
    assert seen == [("Drawing sample streets", done, 3) for done in (1, 2, 3)]
    assert split_sizes(config) == {"train": 2, "val": 1}
    train = open_dataset(config, "train")
    assert type(train) is Cityscapes and train.classes == CLASSES
    assert train.names == ("lindenau_000000_000019", "lindenau_000001_000019")
    with pytest.raises(UserError, match="sample_streets has no split 'test': choose train or val"):
        open_dataset(config, "test")


def test_they_are_called_synthetic_wherever_they_are_named(folder: Path) -> None:
    readme = (folder / "README").read_text(encoding="utf-8")
    assert "Synthetic sample, drawn by SegLab, not real photographs" in readme
    assert "synthetic" in entries("datasets")["sample_streets"].label


def test_pictures_differ_and_drawing_again_gives_the_same_bytes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_files, "CORES", 1)
    few = pictures(write_sample_streets(tmp_path / "few", train=2, val=1))
    many = pictures(folder)
    assert len(few) == 6 and few.items() <= many.items()
    assert len(set(many.values())) == 2 * (TRAIN + VAL)


def test_a_second_call_draws_nothing(folder: Path) -> None:
    drawn: list[int] = []
    again = write_sample_streets(
        folder, train=TRAIN, val=VAL, progress=lambda done, _: drawn.append(done)
    )
    assert again == folder and drawn == []


def test_a_picture_that_is_gone_is_not_taken_for_a_whole_dataset(tmp_path: Path) -> None:
    made = write_sample_streets(tmp_path / "streets", train=1, val=1)
    next(made.rglob("*_labelIds.png")).unlink()
    with pytest.raises(UserError, match="something other than the sample streets asked for"):
        write_sample_streets(made, train=1, val=1)


def test_someone_elses_data_is_never_drawn_over(tmp_path: Path) -> None:
    precious = tmp_path / "cityscapes" / "leftImg8bit" / "train" / "aachen" / "a.png"
    precious.parent.mkdir(parents=True)
    precious.write_bytes(b"a real photograph")
    with pytest.raises(UserError, match="Give another folder"):
        write_sample_streets(tmp_path / "cityscapes", train=1, val=1)
    assert contents(tmp_path) == {precious.relative_to(tmp_path).as_posix(): b"a real photograph"}


def test_interrupting_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sample_streets(tmp_path / "streets", train=3, val=1, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_the_command_draws_streets_that_cityscapes_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sample-data", str(tmp_path), "--kind", "streets", "--train", "1", "--val", "1"]
    assert cli.main(words) == 0
    assert f"{tmp_path / 'cityscapes'} (synthetic sample" in capsys.readouterr().out
    dataset = open_dataset(DataConfig(dataset="cityscapes", root=str(tmp_path)), "val")
    assert dataset.names == ("weidenbruck_000000_000019",)
    assert cli.main(["sample-data", str(tmp_path), "--kind", "streets", "--val", "0"]) == 2
    assert "train=240 and val=0 were given" in capsys.readouterr().err
