"""The Launch page without a browser: what it draws for a form that holds this or that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.launch.fields import FormEntries
from dashboard.launch.memory import _cookie, draft_of, encode
from segengine.config import DataConfig, RunConfig
from segengine.datasets import ClassInfo
from segengine.datasets.oxford_pets import CLASSES as CLASSES_OF_PETS
from segengine.errors import UserError
from segengine.run.rundir import RunDir

PAGE = Path(__file__).resolve().parents[3] / "dashboard" / "launch" / "page.py"


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page over an empty runs folder, not yet drawn."""
    monkeypatch.setenv("SEGLAB_RUNS", str(tmp_path / "runs"))
    return AppTest.from_file(str(PAGE), default_timeout=20)


def text_of(page: AppTest) -> str:
    """All text on the page."""
    assert not page.exception
    return "\n".join(element.value for element in [*page.markdown, *page.caption, *page.warning])


def test_a_new_person_finds_quick_look_ready_to_start(page: AppTest) -> None:
    page.run()
    assert "SegFormer-B0 on synthetic pets" in text_of(page)
    assert "160 training and 40 validation images" in text_of(page)
    assert not page.button(key="launch_start").disabled
    assert "launch --dataset sample_pets --stem small" in page.code[0].value


def test_a_broken_field_is_said_and_start_is_locked(page: AppTest) -> None:
    page.run()
    page.text_input(key="launch_lr").set_value("nan")
    page.text_input(key="launch_epochs").set_value("0").run()
    assert "Learning rate must be a finite number" in text_of(page)
    assert "2 problems to solve: Learning rate, Epochs." in text_of(page)
    assert page.button(key="launch_start").disabled
    assert not page.code  # no command line for what cannot be a config


def test_what_a_person_types_is_shown_as_typed(page: AppTest) -> None:
    page.run()
    page.text_input(key="launch_seed").set_value("**2** :red[x] <b>").run()
    assert "\\*\\*2\\*\\*" in text_of(page)
    assert "\\<b\\>" in text_of(page)


def test_weights_are_asked_for_only_where_something_is_loaded(page: AppTest) -> None:
    page.run()
    drawn = [control.key for control in page.button_group]
    assert "launch_strategy" in drawn and "launch_weights_from" not in drawn
    page.session_state["launch_strategy"] = "frozen"
    page.session_state["launch_weights_from"] = "run"
    page.run()
    assert "Strategy frozen needs weights" in text_of(page)
    assert page.selectbox(key="launch_weights_run").options == []


def test_an_encoder_is_asked_for_only_where_the_model_takes_one(page: AppTest) -> None:
    page.run()
    assert "launch_encoder" not in [box.key for box in page.selectbox]
    page.selectbox(key="launch_arch").set_value("deeplabv3plus").run()
    box = page.selectbox(key="launch_encoder")
    assert box.value == "resnet34"
    assert box.options[:2] == ["resnet34 · 21.3 M", "resnet50 · 23.5 M"]
    assert "--arch deeplabv3plus --encoder resnet34" in page.code[0].value


def test_strengths_come_and_go_with_their_augmentation(page: AppTest) -> None:
    page.run()
    page.multiselect(key="launch_augment").set_value(["rotate", "blur"]).run()
    page.text_input(key="launch_rotate_degrees").set_value("200").run()
    assert "must be at most 180, but 200 was given" in text_of(page)
    assert page.text_input(key="launch_blur_sigma").value == "1"
    page.multiselect(key="launch_augment").set_value(["blur"]).run()
    assert "rotation" not in text_of(page)
    assert not page.button(key="launch_start").disabled


def test_a_problem_out_of_sight_says_where_it_is(page: AppTest) -> None:
    page.run()
    page.text_input(key="launch_warmup_epochs").set_value("99").run()
    assert "epochs 99 is longer than the whole run" in text_of(page)
    assert "1 problem to solve: Warm-up epochs (under More settings)." in text_of(page)


def test_the_first_of_two_stages_is_a_preset(page: AppTest) -> None:
    page.session_state["launch_preset"] = None
    page.run()
    page.button_group(key="launch_preset").set_value("streets").run()
    assert "19 classes" in text_of(page)
    assert "192 training and 48 validation images" in text_of(page)
    assert "--dataset sample_streets --image-size 64x128" in page.code[0].value
    assert not page.button(key="launch_start").disabled


def test_a_clone_of_a_run_of_another_time_is_a_sentence(page: AppTest, tmp_path: Path) -> None:
    run = RunDir.create(tmp_path / "runs", RunConfig())
    run.config_file.write_text('{"data": {"dataset": "gone"}}')
    page.query_params["clone"] = run.id
    page.run()
    assert "The form could not be filled from that run." in text_of(page)
    assert "SegFormer-B0 on synthetic pets" in text_of(page)


def test_a_start_that_fails_says_why_and_keeps_the_form(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    presses: list[RunConfig] = []

    def full_disk(config: RunConfig, runs_dir: Path) -> RunDir:
        presses.append(config)
        raise UserError("The disk is full: free some space.")

    monkeypatch.setattr("dashboard.launch.start_once.start_run", full_disk)
    page.run()
    page.text_input(key="launch_seed").set_value("7").run()
    for number in (1, 2):  # a failed start uses up no right to start
        page.button(key="launch_start").click().run()
        assert page.error[0].value.startswith("The disk is full")
        assert not page.exception
        assert len(presses) == number
    assert page.text_input(key="launch_seed").value == "7"
    assert not page.button(key="launch_start").disabled


CLASSES = '{"classes": [{"name": "background", "value": 0}, {"name": "cell", "value": 255}]}'


def test_a_proposed_classes_json_is_written_by_a_button_and_never_over_another(
    page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pets" / "classes.json"
    file.parent.mkdir()

    def classes(config: DataConfig) -> tuple[ClassInfo, ...]:
        if not file.exists():
            error = UserError("The masks hold 0 and 255.", field="root")
            error.classes_json = CLASSES  # type: ignore[attr-defined]
            raise error
        return CLASSES_OF_PETS

    monkeypatch.setattr("segengine.launchers.preflight.dataset_classes", classes)
    monkeypatch.setattr("segengine.launchers.preflight.role_sizes", lambda _: {"train": 99})
    page.run()
    page.selectbox(key="launch_dataset").set_value("folder").run()
    page.text_input(key="launch_root").set_value(str(file.parent)).run()
    assert "The masks hold 0 and 255\\." in text_of(page)
    assert json.loads(page.code[0].value) == json.loads(CLASSES)
    (button,) = [button for button in page.button if button.label == "Write classes.json"]
    file.write_text("somebody else's")  # in the meantime
    button.click().run()
    assert file.read_text() == "somebody else's"
    file.unlink()
    page.run()
    (button,) = [button for button in page.button if button.label == "Write classes.json"]
    button.click().run()
    assert file.read_text() == CLASSES
    assert "The masks hold" not in text_of(page)


def test_a_classes_json_that_cannot_be_written_is_a_sentence(
    page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def classes(config: DataConfig) -> None:
        error = UserError("The masks hold 0 and 255.", field="root")
        error.classes_json = CLASSES  # type: ignore[attr-defined]
        raise error

    monkeypatch.setattr("segengine.launchers.preflight.role_sizes", lambda _: {"train": 99})
    monkeypatch.setattr("segengine.launchers.preflight.dataset_classes", classes)
    page.run()
    page.selectbox(key="launch_dataset").set_value("folder").run()
    page.text_input(key="launch_root").set_value(str(tmp_path / "gone")).run()
    (button,) = [button for button in page.button if button.label == "Write classes.json"]
    button.click().run()
    assert "classes\\.json cannot be written" in text_of(page)


def test_a_returning_browser_finds_its_form(
    page: AppTest, monkeypatch: pytest.MonkeyPatch, quick_look: FormEntries
) -> None:
    code = encode(draft_of("course_recipe", "", {**quick_look, "seed": "42", "epochs": "7"}))
    monkeypatch.setattr("dashboard.launch.memory._cookies", lambda: {_cookie(): code})
    page.run()
    assert page.text_input(key="launch_seed").value == "42"
    assert "The published recipe" in text_of(page)
    assert "Changed: " in text_of(page)
