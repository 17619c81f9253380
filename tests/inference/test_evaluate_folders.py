"""Scoring a run on people's own folders, whose masks rarely hold every class."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segengine.cli.main import main
from segengine.run.rundir import RunDir
from tests import tiny
from tests.datasets import own_folder

Captured = pytest.CaptureFixture[str]
NAMES = ("road", "car", "sky")


def trained_on(root: Path, runs_dir: Path, **more: Any) -> RunDir:
    config = tiny.config(root, dataset="folder", arch="unet", base_width=4, epochs=1, **more)
    return tiny.train(runs_dir, config)


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run on masks of the numbers 0, 1, 2 without a classes.json."""
    root = own_folder.write_splits(tmp_path_factory.mktemp("numbered"))
    return trained_on(root, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run on masks whose numbers 0, 1, 2 have names."""
    root = own_folder.write_splits(tmp_path_factory.mktemp("named"))
    own_folder.write_classes(root, {"classes": [{"name": name} for name in NAMES]})
    return trained_on(root, tmp_path_factory.mktemp("runs"))


def new_images(root: Path, values: list[int]) -> Path:
    """A folder with own splits whose masks hold these numbers."""
    for seed, split in enumerate(("train", "val")):
        own_folder.write_pairs(root / split, 4, values, seed=7 + seed)
    return root


def command(capsys: Captured, run: RunDir, root: Path, *words: str) -> tuple[int, str, str]:
    """`evaluate RUN --dataset folder --root ...` as typed: (exit code, stdout, stderr)."""
    data = ["--dataset", "folder", "--root", str(root)]
    capsys.readouterr()
    code = main(["evaluate", run.id, "--runs-dir", str(run.path.parent), *data, *words])
    return (code, *capsys.readouterr())


def test_a_folders_own_validation_is_scored_as_in_training(
    numbered: RunDir, named: RunDir, capsys: Captured
) -> None:
    for run in (numbered, named):
        code, out, err = command(capsys, run, Path(run.config().data.root), "--json")
        assert code == 0, err
        assert json.loads(out)["confusion"] == tiny.epochs(run)[-1]["confusion"]


def test_the_table_per_image_says_which_images_belong_together(
    numbered: RunDir, capsys: Captured, tmp_path: Path
) -> None:
    root = new_images(tmp_path / "new", [0, 1, 2])
    (root / "groups.csv").write_text("image,group\nval/img_0,cat 1\nval/img_2,cat 1\n")
    code, _, err = command(capsys, numbered, root)
    assert code == 0, err
    (table,) = numbered.path.glob("evaluations/folder-new-*/val_per_image.csv")
    rows = list(csv.DictReader(table.open()))
    assert [row["group"] for row in rows] == ["cat 1", "", "cat 1", ""]


@pytest.mark.parametrize("values", [[0, 1, 2], [0, 1], [0, 2, 255], [1, 2], [0], [2]])
def test_numbered_masks_mean_the_runs_classes_whichever_of_them_occur(
    numbered: RunDir, capsys: Captured, tmp_path: Path, values: list[int]
) -> None:
    root = new_images(tmp_path / "new", values)
    code, out, err = command(capsys, numbered, root, "--json")
    assert code == 0, err
    result = json.loads(out)
    assert result["classes"] == ["class 0", "class 1", "class 2"]
    assert (result["images"], result["split_images"]) == (4, 4)
    true_pixels = np.sum(result["confusion"], axis=1)
    assert {label for label in range(3) if true_pixels[label]} == set(values) - {255}


def test_a_number_that_the_run_does_not_know_is_named(
    numbered: RunDir, capsys: Captured, tmp_path: Path
) -> None:
    root = new_images(tmp_path / "new", [0, 1, 3])
    code, _, err = command(capsys, numbered, root)
    assert code == 2 and err.count("\n") == 1
    assert "holds the number 3, but run" in err and "knows the classes 0 to 2" in err
    code, _, err = command(capsys, numbered, root, "--split", "test")
    assert code == 2 and "has no split 'test': choose train or val" in err


def test_black_and_white_is_asked_about(numbered: RunDir, capsys: Captured, tmp_path: Path) -> None:
    """255 is void to a run on numbers, but in masks of 0 and 255 it is likely white."""
    root = new_images(tmp_path / "new", [0, 255])
    code, _, err = command(capsys, numbered, root)
    assert code == 2 and err.count("\n") == 1
    assert "255 may be void or one of them" in err
    content = proposed(err, r"classes\.json: (\{.*\}) if it is void")
    own_folder.write_classes(root, content)
    code, out, err = command(capsys, numbered, root, "--json")
    assert code == 0 and np.sum(json.loads(out)["confusion"], axis=1)[1:].tolist() == [0, 0], err
    content["classes"][1]["value"] = 255
    own_folder.write_classes(root, content)
    code, out, err = command(capsys, numbered, root, "--json")
    assert code == 0 and np.sum(json.loads(out)["confusion"], axis=1)[1] > 0, err


def proposed(err: str, pattern: str = r"such as (\{.*\})\.") -> Any:
    """The classes.json that a sentence proposes."""
    found = re.search(pattern, err)
    assert found, err
    return json.loads(found[1])


@pytest.mark.parametrize("values", [[0, 1, 2], [0, 2]])
def test_the_classes_file_to_write_is_proposed_and_accepted(
    named: RunDir, capsys: Captured, tmp_path: Path, values: list[int]
) -> None:
    own = Path(named.config().data.root) / "classes.json"
    root = new_images(tmp_path / "new", values)
    code, _, err = command(capsys, named, root)
    assert code == 2 and err.count("\n") == 1
    assert "knows the classes road, car, sky, but folder" in err
    assert f"copy {own} to {root / 'classes.json'}" in err

    kept = own.read_text()
    own.unlink()  # the folder that it was trained on is not there any more
    try:
        code, _, err = command(capsys, named, root)
        assert code == 2
    finally:
        own.write_text(kept)
    own_folder.write_classes(root, proposed(err))
    code, out, err = command(capsys, named, root)
    assert code == 0 and "Over all 4 val images of folder" in out, err


def test_other_names_for_the_same_number_of_classes_are_refused(
    named: RunDir, numbered: RunDir, capsys: Captured, tmp_path: Path
) -> None:
    root = new_images(tmp_path / "new", [0, 1, 2])
    own_folder.write_classes(root, {"classes": [{"name": name} for name in ("car", "road", "sky")]})
    for run in (named, numbered):
        before = set(run.path.rglob("*.json"))
        code, _, err = command(capsys, run, root)
        assert code == 2 and err.count("\n") == 1 and "has car, road, sky: choose" in err
        assert set(run.path.rglob("*.json")) == before


def test_a_few_new_images_are_scored_whole(
    numbered: RunDir, capsys: Captured, tmp_path: Path
) -> None:
    """Without splits of their own a random part is the validation split."""
    root = own_folder.write_pairs(tmp_path / "new", 5, [0, 1], seed=7)
    code, out, err = command(capsys, numbered, root)
    assert code == 0 and "Over the val image of folder" in out, err
    assert "there are 5 images in its splits: --split all scores them all" in out
    code, out, err = command(capsys, numbered, root, "--split", "all")
    assert code == 0 and "Over all 5 images of folder" in out and "Note" not in out, err
    code, out, err = command(capsys, numbered, root, "--split", "all", "--limit", "2", "--json")
    assert (code, json.loads(out)["images"]) == (0, 2)
    kept = {path.name for path in (numbered.path / "evaluations").rglob("*/all*.json")}
    assert kept == {"all.json", "all-2.json"}


def test_all_splits_together_are_the_sum_of_each(
    numbered: RunDir, capsys: Captured, tmp_path: Path
) -> None:
    """Two splits may have images of one name."""
    root = own_folder.write_splits(tmp_path / "new")
    matrices = {}
    for split in ("train", "val", "test", "all"):
        code, out, err = command(capsys, numbered, root, "--split", split, "--json")
        assert code == 0, err
        matrices[split] = np.array(json.loads(out)["confusion"])
    assert np.array_equal(matrices["train"] + matrices["val"] + matrices["test"], matrices["all"])
    tables = (numbered.path / "evaluations").rglob("all_per_image.csv")
    rows = max((path.read_text().splitlines() for path in tables), key=len)
    names = {row.partition(",")[0] for row in rows[1:]}
    assert len(names) == 18 and {"train/img_0", "val/img_0", "test/img_0", "img_9"} < names


@pytest.mark.parametrize("values", [[0, 2], [0, 1, 2], [1]])
def test_numbers_with_a_palette_mean_the_same(
    numbered: RunDir, capsys: Captured, tmp_path: Path, values: list[int]
) -> None:
    """An annotation tool's masks show each number in a color of its own."""
    root = new_images(tmp_path / "new", values)
    for path in root.rglob("masks/*.png"):
        with Image.open(path) as image:
            image.load()
        image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, *[0] * 759])
        image.save(path)
    code, out, err = command(capsys, numbered, root, "--json")
    assert code == 0, err
    true_pixels = np.sum(json.loads(out)["confusion"], axis=1)
    assert {label for label in range(3) if true_pixels[label]} == set(values)


def test_many_classes_of_which_two_occur_do_not_look_smoothed(
    capsys: Captured, tmp_path: Path
) -> None:
    for seed, split in enumerate(("train", "val")):
        own_folder.write_pairs(tmp_path / "data" / split, 3, list(range(19)), seed=seed)
    run = trained_on(tmp_path / "data", tmp_path / "runs")
    code, out, err = command(capsys, run, new_images(tmp_path / "new", [0, 18]), "--json")
    assert code == 0, err
    assert len(json.loads(out)["classes"]) == 19


@pytest.mark.parametrize("values", [[0, 255], [0], [255], [0, 1], [1]])
def test_binary_masks_are_read_as_the_runs_were(
    capsys: Captured, tmp_path: Path, values: list[int]
) -> None:
    for seed, split in enumerate(("train", "val")):
        own_folder.write_pairs(tmp_path / "data" / split, 3, [0, 255], seed=seed)
    run = trained_on(tmp_path / "data", tmp_path / "runs", binary=True)
    root = new_images(tmp_path / "new", values)
    code, out, err = command(capsys, run, root, "--json")
    assert code == 0, err
    true_pixels = np.sum(json.loads(out)["confusion"], axis=1).tolist()
    assert [count > 0 for count in true_pixels] == [0 in values, values[-1] > 0]
    names = [{"name": "background", "value": 0}, {"name": "foreground", "value": 255}]
    if values == [0, 255]:  # a classes.json says the same
        own_folder.write_classes(root, {"classes": names})
        code, again, err = command(capsys, run, root, "--json")
        assert code == 0 and json.loads(again)["confusion"] == json.loads(out)["confusion"], err
