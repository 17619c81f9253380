"""The offline sample streets, as a person or a run without network gets them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import Cityscapes as Official

from segengine.cli import main as cli
from segengine.config import DataConfig
from segengine.datasets import open_dataset, prepare_dataset, sample_streets, split_sizes
from segengine.datasets.cityscapes import CLASSES, Cityscapes
from segengine.datasets.drawing import write_sample_streets, writing
from segengine.datasets.drawing.streets import SIZE, THEMES, Label, draw_street
from segengine.datasets.drawing.streets.camera import Camera
from segengine.datasets.drawing.streets.canvas import Canvas
from segengine.datasets.drawing.streets.materials import standing
from segengine.datasets.drawing.streets.weather import choose_weather
from segengine.errors import UserError
from segengine.registry import entries

TRAIN = VAL = len(THEMES)
VOID = {Label.EGO_VEHICLE, Label.OUT_OF_ROI, Label.STATIC, Label.DYNAMIC, Label.RAIL_TRACK}
RARE = ("traffic light", "rider", "truck", "bus", "train", "motorcycle", "bicycle")


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
    train_ids = {one.id: one.train_id for one in Official.classes}
    official = Official(str(folder), split=split, mode="fine", target_type="semantic")
    ours = {image.tobytes(): mask for image, mask in pairs(folder, split)}
    assert len(official) == len(ours) == count
    for image, labels in official:
        assert image.mode == "RGB" and labels.mode == "L"
        assert image.size == labels.size == SIZE[::-1]
        expected = np.vectorize(train_ids.get)(np.asarray(labels))
        expected[(expected < 0) | (expected > 18)] = 255
        assert np.array_equal(ours[np.asarray(image).tobytes()], expected)


def test_labels_are_the_official_ones_by_name_and_number() -> None:
    official = {one.name: one.id for one in Official.classes}
    assert {label.name.lower().replace("_", " "): label.value for label in Label}.items() <= (
        official.items()
    )
    assert {one.id for one in Official.classes if not one.ignore_in_eval} == set(Label) - VOID


def test_a_run_reads_them_by_their_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_streets, "SIZES", {"train": 2, "val": 1})
    config = DataConfig(dataset="sample_streets", root=str(tmp_path))
    seen: list[tuple[str, int, int]] = []
    prepare_dataset(config, lambda *step: seen.append(step))
    assert seen == [("Drawing sample streets", done, 3) for done in (1, 2, 3)]
    assert split_sizes(config) == {"train": 2, "val": 1}
    train = open_dataset(config, "train")
    assert type(train) is Cityscapes and train.classes == CLASSES
    assert train.names == ("aldenau_000000_000019", "aldenau_000001_000019")
    with pytest.raises(UserError, match="sample_streets has no split 'test': choose train or val"):
        open_dataset(config, "test")


def test_they_are_called_synthetic_wherever_they_are_named(folder: Path) -> None:
    readme = (folder / "README").read_text(encoding="utf-8")
    assert "Synthetic sample, drawn by SegLab, not real photographs" in readme
    assert "synthetic" in entries("datasets")["sample_streets"].label


@pytest.mark.parametrize("split", ["train", "val"])
def test_every_class_and_void_are_in_both_splits(folder: Path, split: str) -> None:
    counts = sum(np.bincount(mask.ravel(), minlength=256) for _, mask in pairs(folder, split))
    missing = [CLASSES[label].name for label in range(19) if counts[label] < 20]
    assert missing == []
    assert counts[255] > 0


def test_every_theme_shows_what_it_is_for(folder: Path) -> None:
    """The smallest dataset has all classes only because the themes take turns."""
    for index, theme in enumerate(THEMES):
        name = f"val/corvenheim/corvenheim_{index:06d}_000019_gtFine_labelIds.png"
        labels = np.asarray(Image.open(folder / "gtFine" / name))
        assert set(theme.shows) <= set(np.unique(labels)), theme.name


def test_class_shares_are_those_of_streets(folder: Path) -> None:
    masks = [mask for split in ("train", "val") for _, mask in pairs(folder, split)]
    counts = np.bincount(np.stack(masks).ravel(), minlength=256)
    share = dict(zip([one.name for one in CLASSES], counts[:19] / counts[:19].sum(), strict=True))
    assert 0.25 < share["road"] < 0.45
    assert 0.1 < share["building"] < 0.35
    assert 0.04 < share["vegetation"] < 0.25
    assert 0.02 < share["car"] < 0.12
    assert {name: share[name] for name in RARE if share[name] > 0.02} == {}
    assert 0.04 < counts[255] / counts.sum() < 0.15


def test_the_edges_of_the_mask_are_those_of_the_image(folder: Path) -> None:
    """Colours change across label edges, and less so where the mask is moved by a pixel or two."""

    def contrast(image: np.ndarray, mask: np.ndarray, down: int, across: int) -> float:
        moved = np.roll(mask, (down, across), axis=(0, 1))[8:-24, 8:-8]
        jump = np.abs(np.diff(image.astype(float)[8:-24, 8:-8], axis=1)).sum(axis=2)
        return float(jump[moved[:, 1:] != moved[:, :-1]].mean())

    scores = {
        (down, across): np.mean([contrast(*pair, down, across) for pair in pairs(folder, "val")])
        for down, across in ((0, 0), (0, 1), (0, -1), (2, 0), (-2, 0), (0, 2), (0, -2))
    }
    assert max(scores, key=lambda where: scores[where]) == (0, 0)
    assert scores[0, 0] > 1.2 * scores[0, 2]


def test_pictures_differ_and_drawing_again_gives_the_same_bytes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "CORES", 1)
    few = pictures(write_sample_streets(tmp_path / "few", train=2, val=1))
    many = pictures(folder)
    assert len(few) == 6 and few.items() <= many.items()
    assert len(set(many.values())) == 2 * (TRAIN + VAL)


def test_another_seed_or_split_draws_other_pictures() -> None:
    first = draw_street(0, 0, 0)[1]
    assert not np.array_equal(first, draw_street(1, 0, 0)[1])
    assert not np.array_equal(first, draw_street(0, 1, 0)[1])


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
    assert dataset.names == ("corvenheim_000000_000019",)
    assert cli.main(["sample-data", str(tmp_path), "--kind", "streets", "--val", "0"]) == 2
    assert "train=240 and val=0 were given" in capsys.readouterr().err


def test_colour_alone_does_not_tell_the_classes(folder: Path) -> None:
    """Each colour judged by the class it had most often in the training images."""
    votes = np.zeros((512, 19), int)
    for image, mask in pairs(folder, "train"):
        colours = (image // 32).astype(int) @ [64, 8, 1]  # (H, W) in 0..511
        np.add.at(votes, (colours[mask < 255], mask[mask < 255]), 1)
    confusion = np.zeros((19, 19), int)
    for image, mask in pairs(folder, "val"):
        found = votes.argmax(axis=1)[(image // 32).astype(int) @ [64, 8, 1]]
        np.add.at(confusion, (mask[mask < 255], found[mask < 255]), 1)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - np.diag(confusion)
    assert (np.diag(confusion) / union).mean() < 0.2


def straight_ahead(size: tuple[int, int] = (100, 200)) -> Canvas:
    """A canvas whose camera looks straight ahead from 1.5 m, with a focal length of 100 pixels."""
    rng = np.random.default_rng(0)
    camera = Camera(size, 100.0, np.array((0, 1.5, 0)), np.eye(3))
    return Canvas(camera, choose_weather(rng), rng)


def test_things_shrink_with_distance() -> None:
    camera = straight_ahead().camera
    square = standing((-1, 10), (1, 10), 0.5, 2.5)
    assert camera.outline(square).tolist() == [[90, 60], [110, 60], [110, 40], [90, 40]]
    assert np.ptp(camera.outline(square + np.array((0, 0, 10))), axis=0).tolist() == [10, 10]
    assert camera.horizon() == 50


def test_what_is_behind_the_camera_is_cut_off() -> None:
    camera = straight_ahead().camera
    wall = standing((2, -5), (2, 10), 0, 3)
    assert camera.outline(wall)[:, 0].min() == pytest.approx(120)  # its far end: 2 m right at 10 m
    assert len(camera.outline(standing((-1, -2), (1, -2), 0, 1))) == 0


@pytest.mark.parametrize("near_first", [True, False])
def test_the_nearer_thing_hides_the_farther_in_whatever_order(near_first: bool) -> None:
    canvas = straight_ahead()
    grey = np.full(3, 0.5, np.float32)
    things = [(Label.CAR, standing((-1, 10), (1, 10), 0.5, 2.5))]
    things.append((Label.BUILDING, standing((-10, 20), (10, 20), 0, 10)))
    for label, corners in things if near_first else things[::-1]:
        canvas.paint(corners, grey, label)
    assert (canvas.labels[41:60, 91:110] == Label.CAR).all()
    assert canvas.labels[50, 80] == Label.BUILDING
    assert canvas.nearness[50, 100] == pytest.approx(1 / 10, rel=1e-3)
    assert canvas.nearness[50, 80] == pytest.approx(1 / 20, rel=1e-3)


def test_drawing_needs_no_torch() -> None:
    code = "import segengine.datasets.sample_streets, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
