"""The launch form, without a browser: what it shows, what it says, and what it starts."""

from __future__ import annotations

import re
import shlex
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from dashboard import form, sources, ticket
from dashboard.form import Entries, check, specs, to_entries
from segengine import launchers
from segengine.config import DataConfig, RunConfig
from segengine.presets import DEFAULT, PRESETS
from segengine.rundir import RunDir
from tests.made_runs import make_run

CONFIGS: list[dict[str, Any]] = [
    {},
    {"dataset": "sample_pets", "image_size": "32x64", "augment": ("hflip",), "train_limit": 40},
    {"arch": "fcn_resnet50", "root": "/data/my pets", "download": True, "lr": 3e-5, "seed": 7},
    {"stem": "small", "strategy": "pretrained", "weights": "run:20261121-142501-a-scratch-3fa9"},
    {"strategy": "frozen", "weights": "imagenet", "amsgrad": False, "weight_decay": 0.0},
    {"strategy": "pretrained", "weights": "/my weights/b0.pt", "scheduler": "constant"},
    {"epochs": 3, "batch_size": 8, "val_every": 3, "early_stop": 2, "device": "cpu"},
]


@pytest.fixture
def quick_look() -> Entries:
    """The form as a new person finds it."""
    return to_entries(PRESETS[DEFAULT].config())


@pytest.mark.parametrize("values", CONFIGS)
def test_a_config_survives_form_command_line_and_json(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from segengine import cli

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


def test_only_fields_with_a_meaning_are_shown(quick_look: Entries) -> None:
    hidden = set(RunConfig().flat()) - form.shown(quick_look)
    assert hidden == {"root", "download", "encoder", "weights"}
    other = {**quick_look, "arch": "fcn_resnet50", "dataset": "oxford_pets", "strategy": "frozen"}
    assert set(RunConfig().flat()) - form.shown(other) == {"stem", "encoder"}


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


def test_earlier_runs_of_the_same_encoder_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGLAB_RUNS", str(tmp_path))
    same, other_stem, other_arch, untrained = (
        make_run(tmp_path, seed=seed, **values)
        for seed, values in enumerate([{}, {"stem": "small"}, {"arch": "fcn_resnet50"}, {}])
    )
    for run in (same, other_stem, other_arch):
        run.best_checkpoint.parent.mkdir(parents=True)
        run.best_checkpoint.touch()
    found = sources.encoder_sources({"arch": "segformer_b0", "stem": "paper"})
    assert list(found) == [same.id]
    end = same.id.rpartition("-")[2]
    assert re.fullmatch(rf"mIoU 0\.\d{{3}} · scratch {end} · Oxford-IIIT Pet", found[same.id])
    assert untrained.id not in found


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of runs that were handed to a launcher (none is started)."""
    found: list[str] = []
    monkeypatch.setattr(launchers, "submit", lambda run, backend: found.append(run.id))
    return found


def test_a_ticket_starts_one_run_however_often_it_is_pressed(
    tmp_path: Path, submitted: list[str]
) -> None:
    config, one = PRESETS[DEFAULT].config(), ticket.Ticket()
    presses = [threading.Thread(target=one.start, args=(config, tmp_path)) for _ in range(8)]
    for press in presses:
        press.start()
    for press in presses:
        press.join()
    assert submitted == [one.run_id]
    assert [run.id for run in RunDir.all(tmp_path)] == [one.run_id]


def test_a_failed_start_is_a_sentence_and_no_run(tmp_path: Path, submitted: list[str]) -> None:
    config, one = RunConfig.from_flat({"root": str(tmp_path)}), ticket.Ticket()
    one.start(config, tmp_path / "runs")
    assert "No Oxford-IIIT Pet" in one.problem
    assert not one.run_id and not submitted and not (tmp_path / "runs").exists()
