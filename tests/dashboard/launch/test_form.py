"""The launch form, without a browser: what it shows, what it says, and what it starts."""

from __future__ import annotations

import re
import shlex
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from dashboard.launch import encoder_runs, form, start_once
from dashboard.launch.form import Entries, check, specs, to_entries
from segengine import launchers
from segengine.config import DataConfig, RunConfig, encoders
from segengine.config.presets import DEFAULT, PRESETS
from segengine.run.rundir import RunDir
from tests.made_runs import make_run

CONFIGS: list[dict[str, Any]] = [
    {},
    {"dataset": "sample_pets", "image_size": "32x64", "augment": ("hflip",), "train_limit": 40},
    {"arch": "fcn_resnet50", "root": "/data/my pets", "download": True, "lr": 3e-5, "seed": 7},
    {"stem": "small", "strategy": "pretrained", "weights": "run:20261121-142501-a-scratch-3fa9"},
    {"strategy": "frozen", "weights": "imagenet", "amsgrad": False, "weight_decay": 0.0},
    {"strategy": "pretrained", "weights": "/my weights/b0.pt", "scheduler": "constant"},
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


@pytest.fixture
def quick_look() -> Entries:
    """The form as a new person finds it."""
    return to_entries(PRESETS[DEFAULT].config())


@pytest.mark.parametrize("values", CONFIGS)
def test_a_config_survives_form_command_line_and_json(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from segengine.cli import main as cli

    given: list[RunConfig] = []
    monkeypatch.setattr(cli, "_launch", lambda config, runs_dir: given.append(config) or 0)
    config = RunConfig.from_flat(values)
    from_form = RunConfig.from_flat(form.to_values(to_entries(config)))
    words = shlex.split(form.command_line(from_form, tmp_path))
    assert cli.main(words[words.index("launch") :]) == 0
    assert given == [from_form] == [config]
    assert RunConfig.model_validate_json(given[0].to_json()) == config


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_valid_config(name: str) -> None:
    config = PRESETS[name].config()
    assert set(PRESETS[name].values) <= set(config.flat())
    assert PRESETS[name].description.endswith(".")


def test_the_course_recipe_is_the_published_one() -> None:
    config = PRESETS["course_recipe"].config()
    assert config == RunConfig.from_flat({"val_every": 2})
    assert (config.train.epochs, config.train.batch_size, config.data.image_size) == (30, 64, "64")


def test_every_field_of_run_config_is_in_the_form() -> None:
    assert [spec.name for spec in specs()] == list(RunConfig().flat())
    assert all(spec.title and spec.help for spec in specs())


def test_a_new_field_appears_by_being_declared(quick_look: Entries, tmp_path: Path) -> None:
    class MoreData(DataConfig):
        blur: float = Field(0.5, ge=0, le=4, title="Blur", description="Sigma in pixels.")

    class More(RunConfig):
        data: MoreData = MoreData()

    spec = next(spec for spec in specs(More) if spec.name == "blur")
    assert (spec.kind, spec.title, spec.help) == (
        "number",
        "Blur",
        "Sigma in pixels. At least 0, at most 4.",
    )
    assert "blur" in form.shown(quick_look, More)
    checked = check({**quick_look, "blur": "5"}, tmp_path, More)
    assert checked.problems == {"blur": "Blur must be at most 4, but 5 was given."}


def test_choices_carry_the_labels_of_what_is_registered() -> None:
    by_name = {spec.name: spec for spec in specs()}
    assert by_name["arch"].options["fcn_resnet50"] == "FCN-ResNet50"
    assert "synthetic sample" in by_name["dataset"].options["sample_pets"]
    assert list(by_name["strategy"].options) == ["scratch", "pretrained", "frozen"]
    assert by_name["optimizer"].options["sgd"] == "SGD with momentum"


def test_the_common_encoders_stand_before_all_others() -> None:
    (spec,) = (spec for spec in specs() if spec.name == "encoder")
    names = list(spec.options)
    assert spec.kind == "choice"
    assert names[:4] == ["resnet34", "resnet50", "efficientnet-b0", "mit_b0"]
    assert sorted(names) == sorted(encoders.ALL) and len(set(names)) == len(names)


def test_encoders_that_do_not_suit_the_model_are_not_offered(
    quick_look: Entries, tmp_path: Path
) -> None:
    """What is chosen already stays, with the sentence that says why it cannot be."""
    (spec,) = (spec for spec in specs() if spec.name == "encoder")
    entries = {**quick_look, "arch": "unetplusplus"}
    assert not {"mit_b0", "mit_b5"} & set(form.options_of(spec, entries))
    assert {"mit_b0", "mit_b5"} <= set(form.options_of(spec, {**entries, "arch": "fpn"}))
    chosen = {**entries, "encoder": "mit_b0"}
    assert "mit_b0" in form.options_of(spec, chosen)
    sentence = check(chosen, tmp_path).problems["encoder"]
    assert sentence.startswith("Encoder mit_b0 does not suit unetplusplus")


# Beside the defaults on sample pets: what a person chooses, fields that come, fields that go.
BROUGHT: list[tuple[Entries, set[str], set[str]]] = [
    ({"stem": "small"}, set(), {"drop_path"}),
    ({"arch": "fcn_resnet50"}, {"aux_weight"}, {"stem", "drop_path"}),
    ({"arch": "unet"}, {"upsampling", "base_width"}, {"stem", "drop_path"}),
    ({"arch": "smp_unet"}, {"encoder"}, {"stem", "drop_path"}),
    ({"dataset": "oxford_pets"}, {"root", "download"}, set()),
    ({"dataset": "cityscapes"}, {"root"}, set()),
    ({"dataset": "folder"}, {"root", "val_share", "split_seed"}, set()),
    ({"augment": ["hflip", "blur"]}, {"flip_chance", "blur_sigma"}, set()),
    ({"augment": ["crop", "rotate"]}, {"crop_scale", "rotate_degrees"}, set()),
    ({"augment": ["color"]}, {"color_strength"}, set()),
    ({"strategy": "pretrained"}, {"weights"}, set()),
    ({"strategy": "frozen"}, {"weights", "feature_cache"}, {"encoder_lr_factor"}),
    (
        {"strategy": "frozen", "augment": ["hflip"]},
        {"weights", "flip_chance"},
        {"encoder_lr_factor"},
    ),
    ({"optimizer": "sgd"}, {"momentum"}, {"amsgrad"}),
    ({"optimizer": "adam"}, set(), set()),
    ({"scheduler": "step"}, {"step_epochs"}, set()),
    ({"scheduler": "polynomial"}, {"power"}, {"gamma"}),
    ({"scheduler": "cosine"}, set(), {"gamma"}),
    ({"loss": "focal"}, {"focal_gamma"}, set()),
    ({"loss": "lovasz"}, set(), {"class_weights"}),
    ({"early_stop": "3"}, {"early_stop_metric"}, set()),
    ({"early_stop": "many"}, {"early_stop_metric"}, set()),
    ({"device": "cpu"}, set(), {"compile"}),
]


@pytest.mark.parametrize(("chosen", "more", "less"), BROUGHT, ids=lambda value: str(value)[:50])
def test_a_field_is_shown_where_it_has_a_meaning(
    chosen: Entries, more: set[str], less: set[str]
) -> None:
    base = to_entries(RunConfig.from_flat({"dataset": "sample_pets"}))
    before, now = form.shown(base), form.shown({**base, **chosen})
    assert (now - before, before - now) == (more, less)


def test_a_folder_with_splits_of_its_own_is_not_split_again(
    quick_look: Entries, tmp_path: Path
) -> None:
    (tmp_path / "train").mkdir()
    entries = {**quick_look, "dataset": "folder", "root": str(tmp_path), "val_share": "0.5"}
    assert not {"val_share", "split_seed"} & form.shown(entries)
    assert "val_share" not in form.to_values(entries)  # else the run would refuse it
    for root in (str(tmp_path / "train"), "~nobody-of-that-name/x", ""):
        assert "val_share" in form.shown({**entries, "root": root})


def test_every_field_is_shown_at_some_choice() -> None:
    base = to_entries(RunConfig.from_flat({"dataset": "sample_pets"}))
    assert form.shown(base).union(*(more for _, more, _ in BROUGHT)) == set(RunConfig().flat())


def test_what_goes_with_a_choice_stands_with_it_in_the_form(quick_look: Entries) -> None:
    """Nobody looks under "More settings" for what a choice in sight has just brought."""
    by_name = {spec.name: spec for spec in specs()}
    together = ("blur_sigma", "val_share", "encoder", "momentum", "power", "focal_gamma")
    assert all(form.in_sight(by_name[name], quick_look) for name in together)
    factor = by_name["encoder_lr_factor"]
    assert not form.in_sight(factor, quick_look)
    assert form.in_sight(factor, {**quick_look, "strategy": "pretrained"})


def test_the_help_of_the_folder_says_what_must_lie_in_it(quick_look: Entries) -> None:
    (root,) = (spec for spec in specs() if spec.name == "root")
    for name, words in (("cityscapes", "gtFine/"), ("folder", "masks/"), ("oxford_pets", "iiit")):
        assert words in form.help_of(root, {**quick_look, "dataset": name})
    assert form.help_of(root, {**quick_look, "dataset": "sample_pets"}) == root.help


def test_streets_in_square_images_are_remarked_on(quick_look: Entries, tmp_path: Path) -> None:
    entries = {**quick_look, "dataset": "sample_streets", "image_size": "96"}
    checked = check(entries, tmp_path)
    assert "96x192 keeps their shape" in checked.notes["image_size"]
    assert "image_size" not in checked.problems
    assert not check({**entries, "image_size": "96x192"}, tmp_path).notes
    assert not check({**quick_look, "image_size": "96"}, tmp_path).notes


def test_a_model_that_takes_an_encoder_starts_with_the_default_one(
    quick_look: Entries, tmp_path: Path
) -> None:
    assert quick_look["encoder"] == "resnet34"
    checked = check({**quick_look, "arch": "smp_unet"}, tmp_path)
    assert checked.config and checked.config.model.encoder == "resnet34"
    checked = check(quick_look, tmp_path)  # SegFormer takes none
    assert checked.config and checked.config.model.encoder == ""


def test_a_size_that_the_model_cannot_take_is_said_at_the_size(
    quick_look: Entries, tmp_path: Path
) -> None:
    entries = {**quick_look, "arch": "fpn", "image_size": "50"}
    sentence = check(entries, tmp_path).problems["image_size"]
    assert sentence.startswith("Image size 50 does not suit fpn")
    assert "such as 64" in sentence


def test_two_sections_may_be_wrong_at_once(quick_look: Entries, tmp_path: Path) -> None:
    """Weights are missing, and without the model's section the size would suit no model."""
    entries = {**quick_look, "arch": "fpn", "image_size": "50", "lr": "x"}
    problems = check({**entries, "strategy": "frozen", "weights_from": "run"}, tmp_path).problems
    assert {"weights", "lr"} <= problems.keys()


def test_what_is_hidden_keeps_no_run_from_starting(quick_look: Entries, tmp_path: Path) -> None:
    entries = {**quick_look, "arch": "fcn_resnet50", "stem": "small", "root": "/nowhere"}
    checked = check(entries, tmp_path)
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
        ("batch_size", "999", "Batch size 999 is larger than the training set (200 images)"),
        ("image_size", "16", "Image size must be 32 to 2048 pixels a side, but 16 was given."),
        ("image_size", "big", "Image size must be N or HxW in pixels"),
    ],
)
def test_nonsense_is_said_beside_its_field(
    quick_look: Entries, tmp_path: Path, field: str, typed: str, sentence: str
) -> None:
    checked = check({**quick_look, field: typed}, tmp_path)
    assert list(checked.problems) == [field]
    assert checked.problems[field].startswith(sentence)


def test_all_problems_are_told_at_once_in_the_order_of_the_form(
    quick_look: Entries, tmp_path: Path
) -> None:
    entries = {
        **quick_look,
        "dataset": "oxford_pets",
        "root": str(tmp_path),
        "seed": "x",
        "lr": "0",
    }
    assert list(check(entries, tmp_path).problems) == ["root", "lr", "seed"]


@pytest.mark.parametrize("path", ["~nobody-of-this-name/x", "a\0b"])
def test_a_path_that_cannot_be_one_is_a_sentence(
    quick_look: Entries, tmp_path: Path, path: str
) -> None:
    entries = {**quick_look, "dataset": "oxford_pets", "root": path}
    assert list(check(entries, tmp_path).problems) == ["root"]
    entries = {**quick_look, "strategy": "frozen", "weights_from": "file", "weights_file": path}
    assert list(check(entries, tmp_path).problems) == ["weights"]


def test_pretrained_without_a_source_is_refused(quick_look: Entries, tmp_path: Path) -> None:
    entries = {**quick_look, "strategy": "pretrained", "weights_from": "run"}
    assert "needs weights" in check(entries, tmp_path).problems["weights"]


def test_a_contradiction_in_one_section_hides_no_problem_of_another(
    quick_look: Entries, tmp_path: Path
) -> None:
    entries = {**quick_look, "strategy": "frozen", "weights_from": "run", "batch_size": "4096"}
    problems = check(entries, tmp_path).problems
    assert list(problems) == ["weights", "batch_size"]
    assert "larger than the training set (200 images)" in problems["batch_size"]


def test_the_hint_says_how_much_there_is_to_learn_from(quick_look: Entries, tmp_path: Path) -> None:
    entries = {**quick_look, "batch_size": "16", "train_limit": "33"}
    hint = check(entries, tmp_path).hint
    assert hint == "33 training and 80 validation images, 2 steps an epoch"


def test_the_command_line_quotes_paths_and_names_another_runs_folder(tmp_path: Path) -> None:
    runs_dir = tmp_path / "my runs"
    line = form.command_line(RunConfig.from_flat({"root": "/my pets"}), runs_dir)
    assert line.endswith(f"-m segengine launch --root '/my pets' --runs-dir '{runs_dir}'")
    assert "--runs-dir" not in form.command_line(RunConfig(), form.PROJECT / "runs")


def test_a_clone_has_the_settings_of_its_run(tmp_path: Path) -> None:
    config = RunConfig.from_flat({"lr": 3e-4, "epochs": 5, "augment": ("hflip",)})
    run = RunDir.create(tmp_path, config)
    entries = form.from_run(run.config())
    assert RunConfig.from_flat(form.to_values(entries)) == config
    assert entries["root"] == "data"


def test_changes_since_the_preset_are_named(quick_look: Entries) -> None:
    assert form.changed_titles(quick_look, quick_look) == []
    changed = {**quick_look, "lr": "1e-3", "epochs": "11"}  # 1e-3 is 0.001
    assert form.changed_titles(changed, quick_look) == ["Epochs"]
    brought = {**quick_look, "arch": "smp_unet", "early_stop": "3"}  # nobody chose what this shows
    assert form.changed_titles(brought, quick_look) == ["Model", "Stem", "Early stop"]


def finished(runs_dir: Path, seed: int, **values: Any) -> RunDir:
    """A run that has a checkpoint."""
    run = make_run(runs_dir, seed=seed, **values)
    run.best_checkpoint.parent.mkdir(parents=True)
    run.best_checkpoint.touch()
    return run


def test_earlier_runs_of_the_same_encoder_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGLAB_RUNS", str(tmp_path))
    make_run(tmp_path, seed=3)  # not validated yet
    same = finished(tmp_path, 0)
    finished(tmp_path, 1, stem="small")
    finished(tmp_path, 2, arch="fcn_resnet50")
    found = encoder_runs.encoder_sources({"arch": "segformer_b0", "stem": "paper"})
    assert list(found) == [same.id]
    end = same.id.rpartition("-")[2]
    label = rf"mIoU 0\.\d{{3}} · segformer_b0 scratch {end} · Oxford-IIIT Pet"
    assert re.fullmatch(label, found[same.id])


def test_runs_of_another_architecture_over_the_same_encoder_are_offered_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick_look: Entries
) -> None:
    monkeypatch.setenv("SEGLAB_RUNS", str(tmp_path))
    fpn = finished(tmp_path, 0, arch="fpn", encoder="resnet50")
    finished(tmp_path, 1, arch="fpn")
    entries = {**quick_look, "arch": "smp_unet", "encoder": "resnet50", "stem": "small"}
    found = encoder_runs.encoder_sources(form.to_values(entries))
    assert list(found) == [fpn.id]
    assert " · fpn scratch " in found[fpn.id]


def test_an_unfinished_form_offers_no_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGLAB_RUNS", str(tmp_path))
    finished(tmp_path, 0)
    assert encoder_runs.encoder_sources({"arch": "unet", "base_width": "wide"}) == {}


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of runs that were handed to a launcher (none is started)."""
    found: list[str] = []
    monkeypatch.setattr(launchers, "submit", lambda run, backend: found.append(run.id))
    return found


def test_a_ticket_starts_one_run_however_often_it_is_pressed(
    tmp_path: Path, submitted: list[str]
) -> None:
    config, one = PRESETS[DEFAULT].config(), start_once.Ticket()
    presses = [threading.Thread(target=one.start, args=(config, tmp_path)) for _ in range(8)]
    for press in presses:
        press.start()
    for press in presses:
        press.join()
    assert submitted == [one.run_id]
    assert [run.id for run in RunDir.all(tmp_path)] == [one.run_id]


def test_a_failed_start_is_a_sentence_and_no_run(tmp_path: Path, submitted: list[str]) -> None:
    config, one = RunConfig.from_flat({"root": str(tmp_path)}), start_once.Ticket()
    one.start(config, tmp_path / "runs")
    assert "No Oxford-IIIT Pet" in one.problem
    assert not one.run_id and not submitted and not (tmp_path / "runs").exists()
