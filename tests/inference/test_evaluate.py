"""Scoring a run's best weights again: on any dataset and split, as table, CSV and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from segengine.cli import tables
from segengine.cli.main import main
from segengine.cli.scoring import _with_data
from segengine.config import RunConfig
from segengine.datasets.decoded import load_splits
from segengine.errors import UserError
from segengine.inference.evaluate import classes_csv, evaluate
from segengine.inference.predictor import Predictor
from segengine.losses import build_loss
from segengine.losses.cross_entropy import CrossEntropy
from segengine.models.base import SegmentationModel
from segengine.run.rundir import RunDir
from segengine.statistics.scores import miou
from tests import tiny
from tests.datasets import own_folder
from tests.inference.evaluating import Captured, command, table


def test_the_runs_own_data_gives_the_best_epochs_scores(run: RunDir) -> None:
    result, _ = evaluate(run, run.config(), tiny.no_progress)
    best_epoch = tiny.events(run, "run_finished")[0]["best_epoch"]
    best = tiny.epochs(run)[best_epoch - 1]
    assert {key: result[key] for key in best["val"]} == best["val"]
    assert {"boundary_iou", "boundary_iou_per_class", "mean_dice", "loss"} <= best["val"].keys()
    assert result["confusion"] == best["confusion"]
    assert (result["images"], result["image_size"]) == (3, [32, 32])
    assert (result["split"], result["epoch"]) == ("val", best_epoch)
    assert result["classes"] == ["pet", "background", "border"]
    assert json.loads(run.evaluation("oxford_pets").read_text()) == result


def test_the_files_say_the_same_as_the_result(run: RunDir) -> None:
    result, _ = evaluate(run, run.config(), tiny.no_progress)
    rows = table(run.evaluation_table("oxford_pets"))
    names = {"iou": "iou", "dice": "dice", "boundary_iou": "boundary_iou_per_class"}
    assert [row["class"] for row in rows] == ["pet", "background", "border", "mean"]
    for label, row in enumerate(rows[:-1]):
        for column, key in names.items():
            assert float(row[column]) == pytest.approx(result[key][label], abs=1e-6)
        assert int(row["pixels"]) == sum(result["confusion"][label])
    assert float(rows[-1]["iou"]) == pytest.approx(result["miou"], abs=1e-6)
    assert float(rows[-1]["boundary_iou"]) == pytest.approx(result["boundary_iou"], abs=1e-6)

    # The validation set is what was predicted when the run ended.
    assert table(run.evaluation_per_image("oxford_pets")) == table(run.per_image_file)


def test_the_training_images_are_another_split(run: RunDir) -> None:
    evaluate(run, run.config(), tiny.no_progress)
    result, _ = evaluate(run, run.config(), tiny.no_progress, "train")
    assert (result["split"], result["images"]) == ("train", tiny.TRAIN)
    assert json.loads(run.evaluation("oxford_pets", "train").read_text()) == result
    assert len(table(run.evaluation_per_image("oxford_pets", "train"))) == tiny.TRAIN
    assert run.evaluation("oxford_pets", "val").exists()


def test_a_split_that_is_not_there_is_refused(run: RunDir, capsys: Captured) -> None:
    code, _, err = command(capsys, run, "--split", "test")
    assert code == 2 and "has no split 'test': choose train or val" in err
    code, _, err = command(capsys, run, "--split", "Val")
    assert code == 2
    assert err == "Error: split 'Val' was given: choose train, val, test or all.\n"
    assert not (run.path / "evaluations").exists()


def test_evaluate_prints_the_table_and_where_it_lies(run: RunDir, capsys: Captured) -> None:
    code, out, _ = command(capsys, run)
    result = json.loads(run.evaluation("oxford_pets").read_text())
    assert (code, result["images"]) == (0, 3)
    assert tables.scores(result["classes"], result) in out
    assert str(run.evaluation("oxford_pets")) in out
    head, pet, *_ = out.splitlines()
    assert head.split() == ["class", "IoU", "Dice", "precision", "recall", "boundary", "IoU"]
    assert pet.split()[-1] == f"{result['boundary_iou_per_class'][0]:.3f}"


def test_the_runs_limit_holds_for_its_own_validation_only(
    run: RunDir, capsys: Captured, tmp_path: Path
) -> None:
    """The run was trained with val_limit 3, of 5 validation images."""
    other = tiny.write_pets(tmp_path / "other", train=2, val=6)
    for words, images, said in [
        ((), 3, "Over 3 of 5 val images (--limit 0 for all) of oxford_pets"),
        (("--limit", "2"), 2, "Over 2 of 5 val images (--limit 0 for all)"),
        (("--val-limit", "0"), 5, "Over all 5 val images of"),
        (("--split", "train"), tiny.TRAIN, "Over all 7 train images of"),
        (("--split", "train", "--limit", "4"), 4, "Over 4 of 7 train images (--limit 0 for all)"),
        (("--root", str(other)), 6, f"Over all 6 val images of oxford_pets in {other}, at 32x32"),
    ]:
        code, out, err = command(capsys, run, *words)
        assert code == 0 and said in out, err
        code, out, _ = command(capsys, run, *words, "--json")
        result = json.loads(out)
        assert (result["images"], code) == (images, 0)
        assert result["split_images"] == {3: 5, 2: 5, 4: 7}.get(images, images)
    for wrong in ("-1", "many", "1.5", "²"):
        code, _, err = command(capsys, run, f"--limit={wrong}")
        assert code == 2 and err.startswith(f"Error: limit '{wrong}'") and err.count("\n") == 1, err


def test_every_root_split_and_limit_keeps_a_result_of_its_own(
    run: RunDir, capsys: Captured, tmp_path: Path
) -> None:
    roots = [tiny.write_pets(tmp_path / name / "data", train=2, val=2) for name in "ab"]
    ways: list[tuple[str, ...]] = [(), ("--limit", "0"), ("--split", "train")]
    ways += [("--root", str(root)) for root in roots]
    written: dict[Path, str] = {}
    for words in ways:
        before = {path: path.read_text() for path in written}
        assert command(capsys, run, *words)[0] == 0
        assert {path: path.read_text() for path in written} == before
        written = dict.fromkeys((run.path / "evaluations").rglob("*.json"), "")
        assert len(written) == len(before) + 1
    for words in ways:  # the same again takes the same place
        assert command(capsys, run, *words)[0] == 0
    assert dict.fromkeys((run.path / "evaluations").rglob("*.json"), "") == written
    names = {path.relative_to(run.path / "evaluations").as_posix() for path in written}
    others = {name for name in names if name.startswith("oxford_pets-data-")}
    assert names - others == {f"oxford_pets/{stem}.json" for stem in ("val", "val-5", "train")}
    assert len(others) == 2 and all(name.endswith("/val.json") for name in others)


def test_show_lists_what_was_evaluated_also_by_an_older_version(
    run: RunDir, capsys: Captured, tmp_path: Path
) -> None:
    other = tiny.write_pets(tmp_path / "other", train=2, val=2)
    for words in ((), ("--split", "train"), ("--root", str(other))):
        assert command(capsys, run, *words)[0] == 0
    older = json.loads(run.evaluation("oxford_pets").read_text())
    for name in ("split_images", "dataset_images", "trained_on"):
        del older[name]
    older_file = run.evaluation("older")
    older_file.parent.mkdir()
    older_file.write_text(json.dumps({**older, "root": "/older", "images": 9, "miou": 0.25}))
    (older_file.parent / "torn.json").write_text(older_file.read_text()[:99])
    assert main(["show", run.id, "--runs-dir", str(run.path.parent)]) == 0
    _, _, text = capsys.readouterr().out.partition("Evaluations\n")
    table, _, _ = text.partition("\n\n")
    rows = [" ".join(row.split()) for row in table.splitlines()]
    assert rows[0] == "SPLIT IMAGES mIoU SIZE EPOCH OF" and len(rows) == 5
    root = run.config().data.root
    for begin, end in [
        ("val 9 0.250", "oxford_pets in /older"),
        ("val 3 of 5 0.", f"oxford_pets in {root}"),
        ("train 7 (7 seen in training) 0.", f"oxford_pets in {root}"),
        ("val 2 0.", f"oxford_pets in {other}"),
    ]:
        assert any(row.startswith(begin) and row.endswith(end) for row in rows), (begin, rows)


def test_results_that_an_older_version_left_under_this_name_are_kept(
    run: RunDir, capsys: Captured
) -> None:
    """It had one name per dataset and split: of another root, or of all images."""
    own = str(run.config().data.root)
    for older in ({"root": "/gone/cats", "images": 9}, {"root": own, "images": 5}):
        for path in (run.evaluation("oxford_pets"), run.evaluation_table("oxford_pets")):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(older))
        assert command(capsys, run)[0] == 0
        assert json.loads(run.evaluation("oxford_pets").read_text())["images"] == 3
        kept = [
            path
            for path in (run.path / "evaluations").rglob("*")
            if path.is_file() and path.read_bytes() == json.dumps(older).encode()
        ]
        assert len(kept) == 2
    run.evaluation("oxford_pets").write_text("[]")  # what is no result is replaced
    assert command(capsys, run)[0] == 0


def test_another_dataset_of_the_same_classes(run: RunDir, capsys: Captured, tmp_path: Path) -> None:
    other = tiny.write_pets(tmp_path / "other", train=2, val=2, size=(33, 70))
    code, out, err = command(capsys, run, "--root", str(other), "--json")
    assert code == 0, err
    result = json.loads(out)
    assert (result["root"], result["images"]) == (str(other), 2)

    code, _, err = command(capsys, run, "--dataset", "pets")
    assert code == 2 and "Unknown dataset 'pets'" in err
    code, _, err = command(capsys, run, "--root", str(tmp_path / "none"))
    assert code == 2 and str(tmp_path / "none") in err


def test_images_that_the_run_was_trained_on_are_counted(
    run: RunDir, capsys: Captured, tmp_path: Path
) -> None:
    own = Path(run.config().data.root)
    other = tiny.write_pets(tmp_path / "other", train=2, val=4)
    for index in (0, 2):
        copy = tiny.image_file(own, f"trainval_{index}").read_bytes()
        tiny.image_file(other, f"test_{index}").write_bytes(copy)
    code, out, _ = command(capsys, run, "--root", str(other))
    assert code == 0 and "Note: 2 of these images were used to train the run" in out
    code, out, _ = command(capsys, run, "--root", str(other), "--json")
    assert json.loads(out)["trained_on"] == 2
    code, out, _ = command(capsys, run, "--split", "train")
    assert "Note: these images were used to train the run" in out
    code, out, _ = command(capsys, run)
    assert "Note" not in out


def test_images_that_the_encoder_was_trained_on_are_counted_too(
    config: RunConfig, trained: RunDir, capsys: Captured, tmp_path: Path
) -> None:
    """A second stage on other images, from the weights of the first."""
    root = tiny.write_pets(tmp_path / "second", train=4, val=2, size=(44, 60))
    more = {"root": str(root), "strategy": "pretrained", "weights": f"run:{trained.id}"}
    second = tiny.train(trained.path.parent, config.with_values(**more, epochs=1))
    code, out, err = command(capsys, second, "--root", config.data.root, "--split", "train")
    assert code == 0 and "these images were used to train the run" in out, err
    code, out, err = command(capsys, second, "--root", config.data.root, "--limit", "0")
    assert code == 0 and "used to train" not in out, err


def test_it_is_said_where_the_training_images_are_gone(
    run: RunDir, capsys: Captured, tmp_path: Path
) -> None:
    other = tiny.write_pets(tmp_path / "other", train=2, val=2)
    config = json.loads(run.config_file.read_text())
    config["data"]["root"] = str(tmp_path / "gone")
    run.config_file.write_text(json.dumps(config))
    code, out, err = command(capsys, run, "--root", str(other))
    assert code == 0 and "training images cannot be opened" in out, err
    result, _ = evaluate(run, run.config().with_values(root=str(other)), tiny.no_progress, "val")
    assert result["trained_on"] is None


def test_choices_that_the_other_dataset_lacks_are_forgotten() -> None:
    trained_on = RunConfig.from_flat({"dataset": "folder", "val_share": 0.5, "lr": 0.1})
    other = _with_data(trained_on, {"dataset": "oxford_pets", "root": "/pets"})
    assert (other.data.dataset, other.data.root) == ("oxford_pets", "/pets")
    assert (other.data.val_split, other.optim.lr) == ("official", 0.1)
    assert _with_data(trained_on, {"root": "/mine"}).data.val_share == 0.5


def test_data_with_other_classes_is_refused(run: RunDir, capsys: Captured, tmp_path: Path) -> None:
    streets = own_folder.write_splits(tmp_path / "mine")
    names = [{"name": name} for name in ("road", "car", "sky")]
    own_folder.write_classes(streets, {"classes": names})
    code, _, err = command(capsys, run, "--dataset", "folder", "--root", str(streets))
    assert code == 2 and err.count("\n") == 1
    assert "knows the classes pet, background, border, but folder" in err
    assert "has road, car, sky: choose a dataset with the run's classes" in err
    assert not (run.path / "evaluations").exists()


def test_a_run_without_weights_cannot_be_scored(config: RunConfig, tmp_path: Path) -> None:
    run = tiny.new_run(tmp_path, config)
    with pytest.raises(UserError, match=rf"Run {run.id} has no weights yet"):
        evaluate(run, run.config(), tiny.no_progress)


def test_evaluating_changes_nothing_else_of_the_run(run: RunDir) -> None:
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    evaluate(run, run.config(), tiny.no_progress)
    after = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    new = {path.relative_to(run.path).as_posix() for path in after.keys() - before.keys()}
    assert new == {
        f"evaluations/oxford_pets/val{end}"
        for end in (".json", ".csv", "_per_image.csv", "_confusion.npy")
    }
    assert {path: after[path] for path in before} == before


def test_the_matrix_of_each_image_is_kept_beside_its_scores(run: RunDir) -> None:
    result, _ = evaluate(run, run.config(), tiny.no_progress)
    matrices = np.load(run.evaluation_confusion("oxford_pets"))
    rows = table(run.evaluation_per_image("oxford_pets"))
    assert matrices.shape == (3, 3, 3) and matrices.dtype == np.int64
    assert matrices.sum(axis=0).tolist() == result["confusion"]
    mious = [miou(matrix) for matrix in matrices]
    assert [float(row["miou"]) for row in rows] == pytest.approx(mious, abs=1e-6)


def test_a_loss_that_is_not_finite_is_still_strict_json(
    run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CrossEntropy, "value", lambda *_: torch.tensor(torch.nan))
    result, _ = evaluate(run, run.config(), tiny.no_progress)
    assert result["loss"] is None and "loss not finite" in tables.scores(result["classes"], result)
    text = run.evaluation("oxford_pets").read_text()
    assert json.loads(text, parse_constant=lambda word: pytest.fail(word)) == result


RESULT: dict[str, Any] = {
    "classes": ["cat, or dog", "sky"],
    "confusion": [[3, 1], [0, 0]],
    "iou": [0.75, 0.0],
    "dice": [6 / 7, 0.0],
    "precision": [1.0, 0.0],
    "recall": [0.75, None],
    "boundary_iou_per_class": [0.5, 0.0],
    "miou": 0.375,
    "mean_dice": 3 / 7,
    "mean_precision": 0.5,
    "mean_recall": 0.375,
    "boundary_iou": 0.25,
    "pixel_accuracy": 0.75,
    "loss": 0.1234,
}


def test_the_csv_by_hand() -> None:
    assert classes_csv(RESULT).splitlines() == [
        "class,iou,dice,precision,recall,boundary_iou,pixels",
        '"cat, or dog",0.750000,0.857143,1.000000,0.750000,0.500000,4',
        "sky,0.000000,0.000000,0.000000,,0.000000,0",
        "mean,0.375000,0.428571,0.500000,0.375000,0.250000,",
    ]


def test_a_table_of_an_older_result_has_no_boundary_iou() -> None:
    older = {key: value for key, value in RESULT.items() if not key.startswith("boundary")}
    head, _, sky, mean, *_ = tables.scores(older["classes"], older).splitlines()
    assert head.split() == ["class", "IoU", "Dice", "precision", "recall"]
    assert sky.split() == ["sky", "0.000", "0.000", "0.000", "-"]
    assert mean.split() == ["mean", "0.375", "0.429", "0.500", "0.375"]
    assert tables.scores(RESULT["classes"], RESULT).splitlines()[3].split()[-1] == "0.250"


class Echo(SegmentationModel):
    """Predicts from the brightness of each pixel: the last class where it is bright."""

    def __init__(self, classes: int) -> None:
        super().__init__(torch.nn.Identity(), torch.nn.Identity())
        self.classes = classes

    def encode(self, images: torch.Tensor) -> list[torch.Tensor]:
        return [images]

    def decode(self, features: Any, size: Any) -> torch.Tensor:
        bright = features[0].mean(dim=1, keepdim=True)
        return torch.cat([-bright, *(0 * bright for _ in range(self.classes - 2)), bright], dim=1)


def test_validation_does_not_depend_on_the_batches(config: RunConfig) -> None:
    """All scores are counted over the whole split, whatever the batches are."""
    (data,) = load_splits(config.with_values(val_limit=0).data, ("val",), tiny.no_progress)
    loss = build_loss(config.optim.model_copy(update={"class_weights": "none"}), 3)
    results, predictions = [], []
    for batch_size in (1, 2, 5):
        masks = torch.full((5, 32, 32), -1)
        predictor = Predictor(Echo(3), torch.device("cpu"), "fp32", batch_size)

        def keep(indices: Any, labels: torch.Tensor, _: Any, masks: Any = masks) -> None:
            masks[indices] = labels

        results.append(predictor.validate(data, loss, 3, None, keep))
        predictions.append(masks)
    for other in results[1:]:
        assert other.record["boundary_iou"] == results[0].record["boundary_iou"]
        assert other.loss == pytest.approx(results[0].loss)
        np.testing.assert_array_equal(other.confusion, results[0].confusion)
    assert all(torch.equal(masks, predictions[0]) for masks in predictions)
    assert int(predictions[0].min()) == 0
    assert results[0].confusion.sum() == (data.masks != 255).sum()
