"""What the Masks page shows: which masks, which images in which order, and their scores."""

from __future__ import annotations

import base64
import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dashboard.masks import overlays
from dashboard.masks.panels import Scene, ShownRun, aspect_of, build_panels, mious_of, open_scene
from segengine.config import DataConfig
from segengine.datasets import dataset_classes
from segengine.datasets.base import ClassInfo
from segengine.errors import UserError
from segengine.results.masks import (
    ImageScore,
    MaskSet,
    classes_of,
    common_images,
    error_map,
    ignore_index_of,
    mask_set,
    mismatch,
    order_images,
    saved_scores,
    score,
)
from segengine.results.runlog import open_log
from segengine.run.events import EventLog
from segengine.run.rundir import RunDir
from tests.made_runs import config_for, make_run, started_fields

PETS = (
    ClassInfo("pet", "#0072B2"),
    ClassInfo("background", "#999999"),
    ClassInfo("border", "#F0E442"),
)


def masks_of(run: RunDir) -> MaskSet:
    found = mask_set(run, open_log(run.events_file))
    assert found
    return found


def shown(run: RunDir) -> ShownRun:
    return ShownRun(masks_of(run), "a run", "#0072B2")


def colors_of(png: bytes) -> list[list[tuple[int, ...]]]:
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))
    return [[tuple(map(int, pixel)) for pixel in row] for row in pixels]


def run_with_masks(runs_dir: Path, *epochs: int) -> RunDir:
    """A run in training with one 2x2 mask at each of these validations."""
    run = RunDir.create(runs_dir, config_for())
    with EventLog(run.events_file) as log:
        log.write("run_started", **started_fields(run.config(), ["one"]))
        for epoch in epochs:
            folder = run.masks(epoch)
            folder.mkdir(parents=True)
            Image.fromarray(np.full((2, 2), epoch % 3, np.uint8)).save(folder / "one.png")
            log.write("masks", epoch=epoch, folder=folder.relative_to(run.path).as_posix())
    return run


def test_a_run_in_training_shows_its_latest_validation(tmp_path: Path) -> None:
    masks = masks_of(run_with_masks(tmp_path, 1, 2, 4))
    assert (masks.epoch, masks.best) == (4, False)
    assert masks.caption == "latest validation, epoch 4 of 6"
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
    assert masks.caption == "epoch 6 of 6, best weights"
    assert len(masks.names()) == 12


def test_palette_masks_are_read_as_labels_not_as_colours(tmp_path: Path) -> None:
    masks = masks_of(run_with_masks(tmp_path, 1))
    image = Image.fromarray(np.array([[0, 1], [2, 255]], np.uint8), mode="P")
    image.putpalette([0, 114, 178, 153, 153, 153, 240, 228, 66] + [0] * 759)
    image.save(masks.folder / "one.png")
    assert masks.mask("one").tolist() == [[0, 1], [2, 255]]


@pytest.mark.parametrize("damage", ["torn", "gone", "colour"])
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
    found, fitted = score(predicted, truth, 3, 255)
    # pet: 1 hit of 2 in the union; background: 4 of 5; border is nowhere; void never counts.
    assert found == ImageScore(pytest.approx((1 / 2 + 4 / 5) / 2), (0.5, 0.8, None))
    assert fitted.tolist() == truth.tolist()


def test_a_label_that_is_no_class_is_one_sentence() -> None:
    with pytest.raises(UserError, match="cannot be scored"):
        score(np.array([[7]], np.uint8), np.array([[0]]), 3, 255)


def test_scores_equal_those_saved_by_the_run(tmp_path: Path, real_pets: Path) -> None:
    run = make_run(tmp_path, root=real_pets, val_limit=12, image_size="48x64")
    saved = saved_scores(run.per_image_file)
    names = sorted(masks_of(run).names())
    assert sorted(saved) == names
    configs = [run.config().data]
    for name in names:
        scene = open_scene(configs, name)
        assert scene.truth is not None
        found, _ = score(masks_of(run).mask(name), scene.truth, 3, 255)
        assert found.miou == pytest.approx(saved[name].miou, abs=1e-6)
        assert found.iou == pytest.approx(saved[name].iou, abs=1e-6)
        panel = build_panels(scene, [shown(run)], name, PETS, 255)[2]
        assert panel["miou"] == f"{found.miou:.3f}"
        assert panel["iou"] == [f"{value:.3f}" for value in found.iou if value is not None]
    assert mious_of(shown(run), names, configs, 3, 255) == {n: saved[n].miou for n in names}


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


def test_images_are_ordered_by_name_difficulty_and_gap() -> None:
    one = {"a": 0.9, "b": 0.2, "c": 0.5}
    two = {"a": 0.3, "b": 0.2, "c": 0.6, "d": 0.1}
    names = ["c", "b", "e", "a"]
    assert order_images(names, [], "name") == ["a", "b", "c", "e"]
    assert order_images(names, [one, two], "hardest") == ["b", "c", "a", "e"]
    assert order_images(names, [one, two], "gap") == ["a", "c", "b", "e"]


def test_errors_are_missed_or_wrong_and_void_is_neither() -> None:
    truth = np.array([0, 2, 1, 0, 255, 1])
    predicted = np.array([1, 1, 1, 2, 0, 0])
    assert error_map(predicted, truth, 1, 255).tolist() == [1, 1, 0, 2, 0, 2]
    assert error_map(predicted, truth, None, 255).tolist() == [2, 2, 0, 2, 0, 2]


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


def test_overlays_have_the_classes_colours_and_leave_the_background_clear() -> None:
    mask = np.array([[0, 1, 2]])
    pet, background, border = colors_of(overlays.mask_png(mask, PETS, 255))[0]
    assert pet == (0x00, 0x72, 0xB2, 255)
    assert background[3] == 0
    assert border == (0xF0, 0xE4, 0x42, 255)


def test_void_is_hatched_and_unknown_labels_are_clear() -> None:
    pixels = np.array(colors_of(overlays.mask_png(np.full((16, 16), 255), PETS, 255)))
    assert np.unique(pixels[..., 3]).tolist() == [0, 255]
    assert (pixels[..., 3] == 255).mean() == pytest.approx(0.25)
    large = np.array(colors_of(overlays.mask_png(np.full((4, 1024), 255), PETS, 255)))
    assert (large[0, :, 3] == 255).tolist() == 32 * ([True] * 8 + [False] * 24)  # apart when small
    assert colors_of(overlays.mask_png(np.array([[9]]), PETS, 255))[0][0][3] == 0


def test_error_overlays_are_vermilion_and_sky() -> None:
    right, missed, wrong = colors_of(overlays.error_png(np.array([[0, 1, 2]], np.uint8)))[0]
    assert right[3] == 0
    assert missed == (0xD5, 0x5E, 0x00, 255)
    assert wrong == (0x56, 0xB4, 0xE9, 255)


def test_photographs_are_made_small_and_keep_their_shape() -> None:
    jpeg = Image.open(io.BytesIO(overlays.photo_jpeg(np.zeros((600, 1200, 3), np.uint8))))
    assert jpeg.size == (640, 320)
    assert overlays.data_uri(overlays.photo_jpeg(np.zeros((4, 4, 3), np.uint8))).startswith(
        "data:image/jpeg;base64,"
    )


def test_the_labels_under_the_cursor_are_packed_row_by_row() -> None:
    packed = overlays.labels(np.array([[0, 1, 2], [2, 1, 255]]))
    assert (packed["width"], packed["height"]) == (3, 2)
    assert list(zlib.decompress(base64.b64decode(packed["data"]))) == [0, 1, 2, 2, 1, 255]
    assert overlays.labels(np.zeros((512, 1024)))["width"] == 256


def test_a_dataset_that_is_gone_leaves_the_predictions(tmp_path: Path, real_pets: Path) -> None:
    run = make_run(tmp_path, root=real_pets, val_limit=8)
    name = sorted(masks_of(run).names())[0]
    gone = run.config().data.model_copy(update={"root": str(tmp_path / "gone")})
    scene = open_scene([gone], name)
    assert "No Oxford-IIIT Pet in" in scene.problem
    _, truth, predicted = build_panels(scene, [shown(run)], name, PETS, 255)
    assert truth["message"]
    assert predicted["masks"]
    assert predicted["miou"] == f"{saved_scores(run.per_image_file)[name].miou:.3f}"
    assert aspect_of(scene, [shown(run)], name) == 1.0
    assert open_scene([gone, run.config().data], name).problem == ""
    assert open_scene([], name).problem


def test_a_missing_mask_is_said_in_its_panel_only(tmp_path: Path, real_pets: Path) -> None:
    runs = [make_run(tmp_path, root=real_pets, val_limit=8) for _ in range(2)]
    name = sorted(masks_of(runs[0]).names())[0]
    (runs[0].predictions / f"{name}.png").unlink()
    scene = open_scene([runs[0].config().data], name)
    panels = build_panels(scene, [shown(run) for run in runs], name, PETS, 255)
    assert "missing or damaged" in panels[2]["message"]
    assert panels[3]["masks"]
    assert not panels[3]["message"]


def test_void_in_the_truth_is_told_to_the_page(tmp_path: Path) -> None:
    run = run_with_masks(tmp_path, 1)
    (name,) = masks_of(run).names()
    for value, void in ((255, True), (1, False)):
        scene = Scene("data:,", 1.0, np.full((2, 2), value, np.uint8))
        panels = build_panels(scene, [shown(run)], name, PETS, 255)
        assert [panel["void"] for panel in panels] == [False, void, False]


def test_a_scene_of_streets_has_an_iou_a_class_and_the_official_colours(tmp_path: Path) -> None:
    """19 classes at a wide size; those that are not there have no number."""
    classes = dataset_classes(DataConfig(dataset="cityscapes"))
    truth = np.zeros((4, 8), np.uint8)
    truth[:, 4:], truth[3] = 10, 255  # road, sky, and a strip of void
    run = RunDir.create(tmp_path, config_for(dataset="cityscapes"))
    folder = run.masks(1)
    folder.mkdir(parents=True)
    predicted = truth.copy()
    predicted[0, 0], predicted[3] = 10, 0
    Image.fromarray(predicted).save(folder / "ulm_1.png")
    masks = MaskSet(run, folder, 1, 3, best=False)
    panels = build_panels(
        Scene("data:,", 2.0, truth), [ShownRun(masks, "a", "#000000")], "ulm_1", classes, 255
    )
    assert panels[2]["iou"][0] == "0.917"  # road: 11 of 12
    assert panels[2]["iou"][10] == "0.923"  # sky: 12 of 13
    assert set(panels[2]["iou"]) == {"0.917", "0.923", "–"} and len(panels[2]["iou"]) == 19
    png = base64.b64decode(panels[1]["masks"].partition(",")[2])
    assert colors_of(png)[0][0] == (128, 64, 128, 255)  # nothing is background here
    assert colors_of(png)[0][7] == (70, 130, 180, 255)
