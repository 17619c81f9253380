"""Which masks a run has to show, which images in which order, and their scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segengine.config import DataConfig
from segengine.datasets.base import ClassInfo
from segengine.errors import UserError
from segengine.results.masks.order import Order, share_differing, values_of
from segengine.results.masks.scoring import ImageScore, confusion, saved_scores
from segengine.results.masks.sets import (
    MaskSet,
    classes_of,
    common_images,
    ignore_index_of,
    mask_set,
    mask_sets,
    mismatch,
    uneven,
)
from segengine.results.runlog import open_log
from segengine.run.rundir import RunDir
from tests.made_masks import PETS, masks_of, run_with_masks
from tests.made_runs import config_for, make_run


def test_a_run_in_training_shows_its_latest_validation(tmp_path: Path) -> None:
    masks = masks_of(run_with_masks(tmp_path, 1, 2, 4))
    assert (masks.epoch, masks.best) == (4, False)
    assert masks.caption == "latest validation, epoch 4 of 6, at 64x64"
    assert masks.names() == {"one"}
    assert masks.mask("one").tolist() == [[1, 1], [1, 1]]


def test_before_the_first_validation_there_are_no_masks(tmp_path: Path) -> None:
    for run in (run_with_masks(tmp_path), RunDir.create(tmp_path, config_for())):
        assert mask_set(run, open_log(run.events_file)) is None


def test_a_validation_whose_folder_is_gone_gives_way_to_the_one_before(tmp_path: Path) -> None:
    run = run_with_masks(tmp_path, 1, 2)
    (run.masks(2) / "one.png").unlink()
    run.masks(2).rmdir()
    assert masks_of(run).epoch == 1


def test_an_ended_run_shows_its_best_weights(tmp_path: Path, real_pets: Path) -> None:
    run = make_run(tmp_path, root=real_pets, val_limit=12, epochs_done=6)
    masks = masks_of(run)
    assert masks.folder == run.predictions
    assert masks.caption == "epoch 6 of 6, best weights, at 64x64"
    assert len(masks.names()) == 12


def test_palette_masks_are_read_as_labels_not_as_colors(tmp_path: Path) -> None:
    masks = masks_of(run_with_masks(tmp_path, 1))
    image = Image.fromarray(np.array([[0, 1], [2, 255]], np.uint8), mode="P")
    image.putpalette([0, 114, 178, 153, 153, 153, 240, 228, 66] + [0] * 759)
    image.save(masks.folder / "one.png")
    assert masks.mask("one").tolist() == [[0, 1], [2, 255]]


@pytest.mark.parametrize("damage", ["torn", "gone", "color"])
def test_a_damaged_mask_is_one_sentence(tmp_path: Path, damage: str) -> None:
    masks = masks_of(run_with_masks(tmp_path, 1))
    path = masks.folder / "one.png"
    if damage == "torn":
        path.write_bytes(path.read_bytes()[:40])
    elif damage == "gone":
        path.unlink()
    else:
        Image.new("RGB", (2, 2)).save(path)
    with pytest.raises(UserError, match="predicted mask"):
        masks.mask("one")


def test_only_images_that_all_runs_predicted_are_offered(tmp_path: Path, real_pets: Path) -> None:
    ended = make_run(tmp_path, root=real_pets, val_limit=24)
    going = make_run(tmp_path, root=real_pets, val_limit=12, epochs_done=2, end=None)
    sets = [masks_of(ended), masks_of(going)]
    assert len(sets[1].names()) == 8
    assert common_images(sets) == sorted(sets[0].names() & sets[1].names())
    assert common_images([]) == []


def test_a_mask_is_scored_by_hand() -> None:
    truth = np.array([[0, 0, 1, 255], [1, 1, 1, 255]])
    predicted = np.array([[0, 1, 1, 2], [1, 1, 1, 0]], np.uint8)
    counts, fitted = confusion(predicted, truth, 3, 255)
    scored = ImageScore.of(counts)
    # pet: 1 hit of 2 in the union; background: 4 of 5; border is nowhere; void never counts.
    assert scored == ImageScore(pytest.approx((1 / 2 + 4 / 5) / 2), (0.5, 0.8, None))
    assert fitted.tolist() == truth.tolist()


def test_a_label_that_is_no_class_is_one_sentence() -> None:
    with pytest.raises(UserError, match="cannot be scored"):
        confusion(np.array([[7]], np.uint8), np.array([[0]]), 3, 255)


def test_torn_and_foreign_score_tables_give_what_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "per_image.csv"
    assert saved_scores(path) == {}
    path.write_text("image,miou,iou_pet,iou_border\na,0.5,0.5,\nb,0.7,0.6,0.8\nc,0.\n")
    assert saved_scores(path)["a"] == ImageScore(0.5, (0.5, None))
    assert saved_scores(path)["b"] == ImageScore(0.7, (0.6, 0.8))
    path.write_text("image,miou,iou_pet,iou_border\na,0.5,0.5,\nb,0.7,x")
    assert set(saved_scores(path)) == {"a"}
    path.write_bytes(b"\x00\xff\x80 no table")
    assert saved_scores(path) == {}


def scored(miou: float, *iou: float | None) -> ImageScore:
    return ImageScore(miou, iou)


FIRST = {"a": scored(0.9, 0.8, 0.1), "b": scored(0.2, 0.3, None), "c": scored(0.5, 0.4, 0.9)}
SECOND = {"a": scored(0.3), "b": scored(0.2), "c": scored(0.6), "d": scored(0.1)}
COUNTS = {"a": np.array([[5, 1], [0, 4]]), "c": np.array([[1, 3], [2, 4]])}


def ordered(text: str) -> list[str]:
    order = Order.parse(text, models=2, classes=2)
    names = ["c", "b", "e", "a"]
    values = values_of(order, names, 2, [FIRST, SECOND].__getitem__, [COUNTS, {}].__getitem__)
    return order.apply(names, values)


def test_images_are_ordered_by_name_difficulty_and_gap() -> None:
    assert ordered("name") == ["a", "b", "c", "e"]
    assert ordered("mean") == ["b", "c", "a", "e"]
    assert ordered("spread") == ["a", "c", "b", "e"]
    assert ordered("miou:1") == ["b", "a", "c", "e"]


def test_images_are_ordered_by_a_class_and_by_where_one_model_beats_another() -> None:
    assert ordered("iou:0:1") == ["a", "c", "b", "e"]  # b has no class 1: it comes last
    assert ordered("gap:0:1") == ["a", "b", "c", "e"]
    assert ordered("gap:1:0") == ["c", "b", "a", "e"]
    assert ordered("share:1") == ["c", "a", "b", "e"]
    assert ordered("cell:0:0:1") == ["c", "a", "b", "e"]


@pytest.mark.parametrize("text", ["size", "miou", "miou:2", "gap:0:x", "cell:0:0:2", "name:1"])
def test_an_order_that_cannot_be_is_one_sentence(text: str) -> None:
    with pytest.raises(UserError, match="order"):
        Order.parse(text, models=2, classes=2)


def test_the_share_on_which_models_differ_is_counted_at_the_first_ones_size() -> None:
    first = np.array([[0, 0, 1, 1], [0, 0, 1, 1]], np.uint8)
    small = np.array([[0, 1]], np.uint8)
    other = np.array([[0, 0, 1, 2], [0, 0, 1, 1]], np.uint8)
    assert share_differing([first, small]) == 0
    assert share_differing([first, other, small]) == 1 / 8
    assert share_differing([first]) == 0


def test_a_run_offers_its_best_weights_and_every_stored_epoch(
    tmp_path: Path, real_pets: Path
) -> None:
    run = make_run(tmp_path, root=real_pets, val_limit=12, epochs_done=6)
    keys = [masks.key for masks in mask_sets(run, open_log(run.events_file))]
    assert keys == ["best", "6", "5", "4", "3", "2", "1"]


def test_runs_of_different_datasets_or_classes_do_not_stand_side_by_side() -> None:
    streets = (ClassInfo("road", "#804080"),)
    pets, sample = DataConfig(dataset="oxford_pets"), DataConfig(dataset="sample_pets")
    assert mismatch([PETS, PETS], [pets, DataConfig(root="/moved")]) == ""
    assert "oxford_pets, sample_pets" in mismatch([PETS, PETS], [pets, sample])
    assert "different classes" in mismatch([PETS, streets], [pets, pets])


def test_two_folders_of_ones_own_do_not_stand_side_by_side() -> None:
    """Images of one name need not be one image there."""
    leaves, cells = (DataConfig(dataset="folder", root=root) for root in ("/leaves", "/cells"))
    assert mismatch([PETS, PETS], [leaves, leaves]) == ""
    assert "folder /leaves, folder /cells" in mismatch([PETS, PETS], [leaves, cells])


def test_classes_and_void_come_from_the_runs_own_log(tmp_path: Path) -> None:
    log = open_log(run_with_masks(tmp_path).events_file)
    assert classes_of(log) == PETS
    assert ignore_index_of(log) == 255
    assert classes_of(open_log(tmp_path / "nothing.jsonl")) == ()


def test_scores_of_an_image_with_the_name_of_a_formula_are_found(tmp_path: Path) -> None:
    path = tmp_path / "per_image.csv"
    path.write_text("image,miou,iou_pet\n'=cat,0.500000,0.500000\n")
    assert saved_scores(path) == {"=cat": ImageScore(0.5, (0.5,))}


def of_size(side: int, images: int, *, best: bool = True) -> MaskSet:
    return MaskSet(RunDir(Path("x")), Path("x"), 3, 3, best, (side, side), images)


def test_runs_of_different_sizes_or_images_are_remarked_on() -> None:
    assert uneven([of_size(64, 40), of_size(64, 40)], 40) == ""
    assert uneven([of_size(64, 40)], 40) == ""
    assert "(64x64 and 128x128)" in uneven([of_size(64, 40), of_size(128, 40)], 40)
    sentence = uneven([of_size(64, 40), of_size(64, 80)], 30)
    assert "(40 and 80): the 30 that all share" in sentence and "image sizes" not in sentence
    held_out_by_two_seeds = [of_size(64, 40), of_size(64, 40)]
    assert "the 8 that all share" in uneven(held_out_by_two_seeds, 8)
    assert uneven([of_size(64, 40, best=False), of_size(64, 40, best=False)], 8) == ""
    assert uneven([MaskSet(RunDir(Path("x")), Path("x"), 3, 3, best=True)] * 2, 8) == ""
