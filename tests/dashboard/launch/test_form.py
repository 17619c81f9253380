"""The form without a browser: entries to a RunConfig and back, and what is wrong in them."""

from __future__ import annotations

import errno
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dashboard.launch.fields import FormEntries
from dashboard.launch.form import (
    changed_titles,
    check_form,
    command_line,
    from_run,
    to_entries,
    to_values,
)
from dashboard.launch.wording import one_line_per_class
from dashboard.shared.run_store import PROJECT
from segengine.config import RunConfig
from segengine.config.presets import PRESETS
from segengine.errors import UserError
from segengine.models.published import Published
from segengine.run.rundir import RunDir

CONFIGS: list[dict[str, Any]] = [
    {},
    {"dataset": "sample_pets", "image_size": "32x64", "augment": ("hflip",), "train_limit": 40},
    {"arch": "fcn_resnet50", "root": "/data/my pets", "download": True, "lr": 3e-5, "seed": 7},
    {"stem": "small", "strategy": "pretrained", "weights": "run:20261121-142501-a-scratch-3fa9"},
    {"strategy": "frozen", "weights": "imagenet", "amsgrad": False, "weight_decay": 0.0},
    {"strategy": "pretrained", "weights": "/my weights/b0.pt", "scheduler": "constant"},
    {"strategy": "frozen", "weights": "moco.pth", "weights_prefix": "module.encoder_q"},
    {"epochs": 3, "batch_size": 8, "val_every": 3, "early_stop": 2, "device": "cpu"},
    {"arch": "deeplabv3plus"},
    {"arch": "fpn", "encoder": "mit_b0", "strategy": "frozen", "weights": "imagenet"},
    {"arch": "unet", "upsampling": "bilinear", "base_width": 16, "loss": "focal"},
    {"arch": "fcn_resnet50", "aux_weight": 0.4, "feature_cache": 4.0, "compile": True},
    {"dataset": "folder", "root": "/my data", "val_share": 0.3, "split_seed": 5},
    {"dataset": "sample_streets", "image_size": "64x128", "loss": "ce_dice", "ema": 0.99},
    {"augment": ("hflip", "crop", "rotate", "color", "blur"), "blur_sigma": 2.5},
    {"optimizer": "sgd", "momentum": 0.8, "scheduler": "polynomial", "power": 2.0},
    {"scheduler": "step", "gamma": 0.1, "step_epochs": 7, "warmup_epochs": 1.5},
    {"strategy": "pretrained", "weights": "imagenet", "encoder_lr_factor": 0.1, "grad_clip": 1.0},
    {"strategy": "frozen", "weights": "imagenet", "feature_cache": 0.0},
    {"early_stop": 3, "early_stop_metric": "loss", "precision": "fp16", "accumulate": 4},
]


@pytest.mark.parametrize("values", CONFIGS)
def test_a_config_survives_form_command_line_and_json(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from segengine.cli import experiments, main

    given: list[RunConfig] = []
    monkeypatch.setattr(experiments, "launch_run", lambda config, _: given.append(config) or 0)
    config = RunConfig.from_flat(values)
    from_form = RunConfig.from_flat(to_values(to_entries(config)))
    words = shlex.split(command_line(from_form, tmp_path))
    assert main.main(words[words.index("launch") :]) == 0
    assert given == [from_form] == [config]
    assert RunConfig.model_validate_json(given[0].to_json()) == config


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_valid_config(name: str) -> None:
    config = PRESETS[name].config()
    assert set(PRESETS[name].values) <= set(config.flat())
    assert PRESETS[name].description.endswith(".")


def test_the_course_recipe_is_the_published_one() -> None:
    config = PRESETS["course_recipe"].config()
    course = {"val_every": 2, "val_split": "official", "stem": "small"}
    assert config == RunConfig.from_flat(course)
    assert (config.train.epochs, config.train.batch_size, config.data.image_size) == (30, 64, "64")


def test_streets_in_square_images_are_remarked_on(quick_look: FormEntries, tmp_path: Path) -> None:
    entries = {**quick_look, "dataset": "sample_streets", "image_size": "96"}
    checked = check_form(entries, tmp_path)
    assert "96x192 keeps their shape" in checked.notes["image_size"]
    assert "image_size" not in checked.problems
    assert not check_form({**entries, "image_size": "96x192"}, tmp_path).notes
    assert not check_form({**quick_look, "image_size": "96"}, tmp_path).notes


def test_a_model_that_takes_an_encoder_starts_with_the_default_one(
    quick_look: FormEntries, tmp_path: Path
) -> None:
    assert quick_look["encoder"] == "resnet34"
    checked = check_form({**quick_look, "arch": "smp_unet"}, tmp_path)
    assert checked.config and checked.config.model.encoder == "resnet34"
    checked = check_form(quick_look, tmp_path)  # SegFormer takes none
    assert checked.config and checked.config.model.encoder == ""


def test_a_size_that_the_model_cannot_take_is_said_at_the_size(
    quick_look: FormEntries, tmp_path: Path
) -> None:
    entries = {**quick_look, "arch": "fpn", "image_size": "50"}
    sentence = check_form(entries, tmp_path).problems["image_size"]
    assert sentence.startswith("Image size 50 does not suit fpn")
    assert "such as 64" in sentence


def test_two_sections_may_be_wrong_at_once(quick_look: FormEntries, tmp_path: Path) -> None:
    """Weights are missing, and without the model's section the size would suit no model."""
    entries = {**quick_look, "arch": "fpn", "image_size": "50", "lr": "x"}
    problems = check_form(
        {**entries, "strategy": "frozen", "weights_from": "run"}, tmp_path
    ).problems
    assert {"weights", "lr"} <= problems.keys()


def test_what_is_hidden_keeps_no_run_from_starting(quick_look: FormEntries, tmp_path: Path) -> None:
    entries = {**quick_look, "arch": "fcn_resnet50", "stem": "small", "root": "/nowhere"}
    checked = check_form(entries, tmp_path)
    assert checked.config and checked.config.model.stem == "paper"
    assert not checked.problems


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("lr", "0", "Learning rate must be greater than 0, but 0 was given."),
        ("lr", "-1", "Learning rate must be greater than 0, but -1 was given."),
        ("lr", "nan", "Learning rate must be a finite number, but nan was given."),
        ("lr", "fast", "Learning rate must be a number, but 'fast' was given."),
        ("lr", "", "Learning rate must be a number, but '' was given."),
        ("epochs", "2.5", "Epochs must be a whole number, but 2.5 was given."),
        ("batch_size", "0", "Batch size must be at least 1, but 0 was given."),
        ("batch_size", "999", "Batch size 999 is larger than the training set (160 images)"),
        ("image_size", "16", "Image size must be 32 to 2048 pixels per side, but 16 was given."),
        ("image_size", "big", "Image size must be N or HxW in pixels"),
    ],
)
def test_nonsense_is_said_beside_its_field(
    quick_look: FormEntries, tmp_path: Path, field: str, typed: str, sentence: str
) -> None:
    checked = check_form({**quick_look, field: typed}, tmp_path)
    assert list(checked.problems) == [field]
    assert checked.problems[field].startswith(sentence)


def test_all_problems_are_told_at_once_in_the_order_of_the_form(
    quick_look: FormEntries, tmp_path: Path
) -> None:
    entries = {
        **quick_look,
        "dataset": "oxford_pets",
        "root": str(tmp_path),
        "seed": "x",
        "lr": "0",
    }
    assert list(check_form(entries, tmp_path).problems) == ["root", "lr", "seed"]


LINKS = "links in a circle"
PATHS = [
    "~nobody-of-this-name/x",
    "a\0b",
    "x" * 300,
    "/" + "a/" * 2500,
    "a/" * 1500,
    "\udcff",
    "\ud800",
    LINKS,
]


@pytest.mark.parametrize("dataset", ["oxford_pets", "cityscapes", "folder"])
@pytest.mark.parametrize("path", PATHS, ids=lambda path: ascii(path)[:20])
def test_a_dataset_folder_that_cannot_be_one_is_a_sentence(
    quick_look: FormEntries, tmp_path: Path, dataset: str, path: str
) -> None:
    path = link_in_a_circle(tmp_path) if path == LINKS else path
    checked = check_form({**quick_look, "dataset": dataset, "root": path}, tmp_path)
    assert list(checked.problems) == ["root"]
    checked.problems["root"].encode()
    assert len(checked.problems["root"]) < 400
    if checked.config:  # the page prints it
        command_line(checked.config, tmp_path)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ascii(path)[:20])
def test_a_weights_file_that_cannot_be_one_is_a_sentence(
    quick_look: FormEntries, tmp_path: Path, path: str
) -> None:
    path = link_in_a_circle(tmp_path) if path == LINKS else path
    entries = {**quick_look, "strategy": "frozen", "weights_from": "file", "weights_file": path}
    checked = check_form(entries, tmp_path)
    assert list(checked.problems) == ["weights"]
    checked.problems["weights"].encode()
    if checked.config:
        command_line(checked.config, tmp_path)


@pytest.mark.parametrize("dataset", ["oxford_pets", "cityscapes", "folder"])
def test_a_folder_that_may_not_be_read_is_a_sentence(
    quick_look: FormEntries, tmp_path: Path, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's refusal is played: tests may run as root, whom nothing is refused."""

    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("os.stat", refuse)
    entries = {**quick_look, "dataset": dataset, "root": "/secret"}
    problems = check_form(entries, tmp_path).problems
    assert problems["root"].startswith("Dataset folder '/secret' cannot be read: permission denied")


def link_in_a_circle(folder: Path) -> str:
    """The path of a link to a link to itself."""
    (folder / "a").symlink_to(folder / "b")
    (folder / "b").symlink_to(folder / "a")
    return str(folder / "a")


def test_a_choice_just_made_is_no_error_yet(quick_look: FormEntries, tmp_path: Path) -> None:
    entries = {**quick_look, "strategy": "pretrained", "weights_from": "run", "lr": "x"}
    checked = check_form(entries, tmp_path)
    assert checked.problems["weights"] == (
        "Strategy pretrained needs weights: ImageNet, an earlier run or a file."
    )
    assert checked.to_give == {"weights"}
    checked = check_form({**quick_look, "stem": "small", "strategy": "frozen"}, tmp_path)
    assert checked.problems["weights"].startswith("ImageNet weights exist for stem paper only")
    assert checked.to_give == {"weights"}
    checked = check_form({**quick_look, "dataset": "folder"}, tmp_path)
    assert checked.to_give == {"root"} == checked.problems.keys()
    given = {**quick_look, "dataset": "folder", "root": str(tmp_path), "strategy": "frozen"}
    checked = check_form({**given, "weights_from": "file", "weights_file": "no.pt"}, tmp_path)
    assert checked.to_give == set() and checked.problems.keys() == {"root", "weights"}


def test_what_a_setting_does_is_said_only_beside_settings_that_can_stand(
    quick_look: FormEntries, tmp_path: Path
) -> None:
    rare = {**quick_look, "val_every": "99"}
    assert "Larger than the 12 epochs" in check_form(rare, tmp_path).notes["val_every"]
    assert check_form({**rare, "epochs": "1e9"}, tmp_path).notes == {}


def test_zero_has_a_word_in_the_form_and_is_zero_in_the_config(
    quick_look: FormEntries, tmp_path: Path
) -> None:
    words = {
        name: entry
        for name, entry in quick_look.items()
        if entry in ("all", "none", "never") and name != "class_weights"
    } | {"aux_weight": quick_look["aux_weight"], "feature_cache": "off"}
    assert {"train_limit", "val_limit", "early_stop", "ema", "grad_clip"} <= words.keys()
    entries = {**quick_look, "arch": "fcn_resnet50", "strategy": "frozen", "weights_file": "a.pt"}
    values = to_values({**entries, "weights_from": "file", "feature_cache": "Off "})
    shown = words.keys() & values.keys()
    assert {"warmup_epochs", "aux_weight", "feature_cache"} <= shown
    assert [values[name] for name in shown] == [0] * len(shown)
    zeros = to_values({**quick_look, "train_limit": "0"})
    assert RunConfig.from_flat(zeros) == RunConfig.from_flat(to_values(quick_look))


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("epochs", "1e9", "Epochs must be at most 100000, but 1e9 was given."),
        ("seed", "3e9", "Seed must be less than 2^31, but 3e9 was given."),
        ("lr", "2.5e-400", "Learning rate must be greater than 0, but 0 was given."),
        ("warmup_epochs", "1e7", "Warm-up epochs 1e7 is longer than the whole run"),
        ("train_limit", "1e300", "Training images must be a smaller number, but 1e300 was given."),
    ],
)
def test_numbers_are_repeated_as_a_person_types_them(
    quick_look: FormEntries, tmp_path: Path, field: str, typed: str, sentence: str
) -> None:
    assert check_form({**quick_look, field: typed}, tmp_path).problems[field].startswith(sentence)


def test_masks_whose_classes_do_not_follow_are_told_before_the_start(
    quick_look: FormEntries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    for number in range(10):
        Image.new("RGB", (40, 40)).save(tmp_path / "images" / f"{number}.png")
        mask = Image.new("L", (40, 40))
        mask.paste(200, (0, 0, 20, 20))
        mask.save(tmp_path / "masks" / f"{number}.png")
    monkeypatch.setenv("SEGLAB_CACHE", str(tmp_path / "cache"))
    entries = {**quick_look, "dataset": "folder", "root": str(tmp_path), "batch_size": "2"}
    checked = check_form(entries, tmp_path / "runs")
    assert list(checked.problems) == ["root"] and not checked.to_give
    assert "classes.json" in checked.problems["root"]


def test_a_proposed_classes_json_comes_with_its_problem(
    quick_look: FormEntries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = UserError("The masks hold 0 and 255.", field="root")
    error.classes_json = '{"classes": []}'  # type: ignore[attr-defined]

    def refuse(_: object) -> None:
        raise error

    monkeypatch.setattr("segengine.launchers.preflight.dataset_classes", refuse)
    assert check_form(quick_look, tmp_path).classes_json == '{"classes": []}'
    assert check_form({**quick_look, "lr": "x"}, tmp_path).classes_json == '{"classes": []}'


def test_imagenet_weights_that_cannot_be_had_are_told_before_the_start(
    quick_look: FormEntries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = {**quick_look, "stem": "paper", "strategy": "frozen", "weights_from": "imagenet"}
    monkeypatch.setattr(Published, "reachable", lambda _: False)
    sentence = check_form(entries, tmp_path).problems["weights"]
    assert sentence.startswith("ImageNet weights are not on this machine, and huggingface.co does")
    monkeypatch.setattr(Published, "reachable", lambda _: True)
    checked = check_form(entries, tmp_path)
    assert not checked.problems
    assert checked.notes["weights"].endswith("will be downloaded once, about 13 MB.")


def test_no_sentence_of_the_form_speaks_of_a_terminal(
    quick_look: FormEntries, tmp_path: Path
) -> None:
    from_run = {**quick_look, "strategy": "frozen", "weights_from": "run", "weights_run": ""}
    from_file = {**from_run, "weights_from": "file"}
    forms = [
        from_run,
        {**from_run, "weights_run": "nonsense"},
        {**from_run, "weights_run": "20261121-142501-segformer_b0-scratch-3fa9"},
        {**from_file, "weights_file": str(tmp_path)},
        {**from_file, "weights_file": "no.pt"},
        {**from_run, "arch": "unet", "weights_from": "imagenet"},
        {**from_run, "stem": "small", "weights_from": "imagenet"},
        {**from_run, "arch": "fpn", "encoder": "dpn92", "weights_from": "imagenet"},
        {**quick_look, "dataset": "oxford_pets", "root": "/nowhere"},
        {**quick_look, "dataset": "folder", "root": "/nowhere"},
        {**quick_look, "dataset": "cityscapes", "root": "/nowhere"},
    ]
    for entries in forms:
        (sentence,) = check_form(entries, tmp_path / "runs").problems.values()
        for word in ("run:", "python -m", " --", "imagenet", "_b0 'w"):
            assert word not in sentence, sentence
    (tmp_path / "file").touch()
    unwritable = check_form(quick_look, tmp_path / "file").problems["runs_dir"]
    assert "--" not in unwritable and "SEGLAB_RUNS" in unwritable


def test_a_contradiction_in_one_section_hides_no_problem_of_another(
    quick_look: FormEntries, tmp_path: Path
) -> None:
    entries = {**quick_look, "strategy": "frozen", "weights_from": "run", "batch_size": "4096"}
    problems = check_form(entries, tmp_path).problems
    assert list(problems) == ["weights", "batch_size"]
    assert "larger than the training set (160 images)" in problems["batch_size"]


def test_the_hint_says_how_much_there_is_to_learn_from(
    quick_look: FormEntries, tmp_path: Path
) -> None:
    entries = {**quick_look, "batch_size": "16", "train_limit": "33"}
    hint = check_form(entries, tmp_path).hint
    assert hint.startswith("33 training and 40 validation images, 80 test images scored once, ")
    assert hint.endswith(" 2 steps per epoch")


def test_the_command_line_quotes_paths_and_names_another_runs_folder(tmp_path: Path) -> None:
    runs_dir = tmp_path / "my runs"
    line = command_line(RunConfig.from_flat({"root": "/my pets"}), runs_dir)
    assert line.endswith(f"-m segengine launch --root '/my pets' --runs-dir '{runs_dir}'")
    assert "--runs-dir" not in command_line(RunConfig(), PROJECT / "runs")


def test_a_clone_has_the_settings_of_its_run(tmp_path: Path) -> None:
    config = RunConfig.from_flat({"lr": 3e-4, "epochs": 5, "augment": ("hflip",)})
    run = RunDir.create(tmp_path, config)
    entries = from_run(run.config())
    assert RunConfig.from_flat(to_values(entries)) == config
    assert entries["root"] == "data"


def test_changes_since_the_preset_are_named(quick_look: FormEntries) -> None:
    assert changed_titles(quick_look, quick_look) == []
    changed = {**quick_look, "lr": "1e-3", "epochs": "11"}  # 1e-3 is 0.001
    assert changed_titles(changed, quick_look) == ["Epochs"]
    brought = {**quick_look, "arch": "smp_unet", "early_stop": "3"}  # nobody chose what this shows
    assert changed_titles(brought, quick_look) == ["Model", "Stem", "Early stopping (epochs)"]


def test_a_classes_json_is_read_a_line_per_class() -> None:
    content = {"classes": [{"name": "a", "value": 0}, {"name": "b", "value": 7}], "void": [255]}
    text = one_line_per_class(json.dumps(content, indent=2))
    assert json.loads(text) == content
    assert text.splitlines()[1:3] == ['  {"name": "a", "value": 0},', '  {"name": "b", "value": 7}']
    assert one_line_per_class("not JSON") == "not JSON"
