"""The command line: what it prints, its exit codes, and one sentence for what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segengine import launchers
from segengine.config import RunConfig
from segengine.results.status import read_status
from segengine.run.rundir import RunDir
from tests import tiny
from tests.cli.conftest import PROJECT, flags, in_a_process, says_one_sentence

UNKNOWN = "20260101-000000-segformer_b0-scratch-0000"
COMMANDS = (
    *("train", "launch", "list", "show", "stop", "resume"),
    *("evaluate", "predict", "sample-data", "check", "cache"),
    *("sweep", "sweeps", "sweep-stop", "sweep-continue"),
)


# --- Usage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_a_runs_folder(
    call: Callable[..., tuple[int, str, str]], command: str
) -> None:
    code, out, err = call(command, "--help")
    assert (code, err) == (0, "")
    assert "--runs-dir" in out


def test_the_flags_are_explained_by_their_declarations(
    call: Callable[..., tuple[int, str, str]],
) -> None:
    _, out, _ = call("train", "--help")
    text = " ".join(out.replace("│", " ").split())
    for _, name, info in RunConfig.fields():
        assert f"--{name.replace('_', '-')}" in text
        assert info.description.partition(":")[0][:25] in text, name
    assert "scratch|pretrained|frozen" in text


@pytest.mark.parametrize(
    "words",
    [
        ["bogus"],
        [],
        ["train", "--bogus", "1"],
        ["show"],
        ["show", "--lr", "1"],
        ["predict", UNKNOWN, "a.png"],
        ["sample-data", "x", "--train", "many"],
        ["train", "--config"],
    ],
)
def test_wrong_usage_is_2_and_said_on_stderr(words: list[str]) -> None:
    done = in_a_process(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


# --- Bad input: exit code 2, a sentence, and no run folder ---------------------------------------

BAD = [
    (["--lr", "0"], ["lr", "greater than 0", "'0'"]),
    (["--lr", "-1e-3"], ["lr", "greater than 0", "'-1e-3'"]),
    (["--lr", "nan"], ["lr", "finite", "nan"]),
    (["--lr", "fast"], ["lr", "number", "fast"]),
    (["--arch", "segformer"], ["Unknown model 'segformer'", "segformer_b0", "fcn_resnet50"]),
    (["--dataset", "pets"], ["Unknown dataset 'pets'", "oxford_pets", "sample_pets"]),
    (["--strategy", "warm"], ["strategy 'warm'", "scratch, pretrained, frozen"]),
    (["--strategy", "frozen"], ["frozen needs weights", "imagenet", "run:<id>"]),
    (["--weights", "imagenet"], ["weights 'imagenet'", "scratch loads nothing"]),
    (["--arch", "fcn_resnet50", "--stem", "small"], ["stem 'small'", "fcn_resnet50"]),
    (["--encoder", "resnet34"], ["encoder 'resnet34'", "segformer_b0"]),
    (["--image-size", "10"], ["image_size", "32 to 2048", "10"]),
    (["--image-size", "64x"], ["image_size", "HxW", "64x"]),
    (["--batch-size", "0"], ["batch_size", "at least 1", "'0'"]),
    (["--augment", "vflip"], ["augment 'vflip'", "hflip"]),
    (["--config", "/nowhere/config.json"], ["/nowhere/config.json", "cannot be read"]),
]


@pytest.mark.parametrize("command", ["train", "launch"])
@pytest.mark.parametrize(("words", "said"), BAD, ids=lambda value: " ".join(value)[:30])
def test_a_field_that_cannot_stand_starts_nothing(
    call: Callable[..., tuple[int, str, str]],
    runs_dir: Path,
    command: str,
    words: list[str],
    said: list[str],
) -> None:
    code, out, err = call(command, *words)
    assert (code, out) == (2, "")
    says_one_sentence(err, *said)
    assert not runs_dir.exists()


def test_every_wrong_field_gets_its_sentence(call: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = call("train", "--lr", "0", "--epochs", "0", "--image-size", "abc")
    assert code == 2
    assert len(err.splitlines()) == 3
    assert all(line.startswith("Error: ") for line in err.splitlines())


UNREADY = [
    (["--root", "/nowhere"], ["/nowhere", "oxford-iiit-pet", "is missing"]),
    (["--batch-size", "9"], ["batch_size 9", "8 images", "at most 8"]),
    (["--strategy", "frozen", "--weights", "/no/w.pt"], ["'/no/w.pt'", "no such file", "run:<id>"]),
    (["--strategy", "frozen", "--weights", f"run:{UNKNOWN}"], ["weights", "no run", UNKNOWN]),
    (["--strategy", "frozen", "--weights", "run:../../etc"], ["'../../etc'", "no run id"]),
    (["--stem", "small", "--strategy", "frozen", "--weights", "imagenet"], ["stem paper"]),
]


@pytest.mark.parametrize(("words", "said"), UNREADY, ids=lambda value: " ".join(value)[:40])
def test_a_run_that_would_fail_is_not_started(
    call: Callable[..., tuple[int, str, str]],
    runs_dir: Path,
    pets: Path,
    words: list[str],
    said: list[str],
) -> None:
    code, out, err = call("launch", *flags(pets), *words)
    assert (code, out) == (2, "")
    says_one_sentence(err, *said)
    assert not runs_dir.exists()


def test_a_gpu_that_is_not_there_is_said(
    call: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, pets: Path
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    code, _, err = call("launch", *flags(pets), "--device", "cuda")
    assert code == 2
    says_one_sentence(err, "device cuda", "no NVIDIA GPU", "auto or cpu")


def test_train_refuses_a_runs_folder_that_cannot_be_written(tmp_path: Path, pets: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = in_a_process("train", *flags(pets), "--runs-dir", tmp_path / "file")
    assert (done.returncode, done.stdout) == (2, "")
    says_one_sentence(done.stderr, str(tmp_path / "file"), "folder you can write to", "--runs-dir")


# --- Runs that are not there ---------------------------------------------------------------------

ON_A_RUN = (
    *(["show"], ["stop"], ["resume"], ["evaluate"]),
    ["predict", "image.png", "--out", "masks"],
)


@pytest.mark.parametrize("words", ON_A_RUN, ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("run_id", "said"),
    [(UNKNOWN, ["no run", UNKNOWN, "Did you mean"]), ("../x", ["'../x'", "no run id", "list"])],
)
def test_a_run_that_is_not_there_is_said(
    call: Callable[..., tuple[int, str, str]],
    runs_dir: Path,
    words: list[str],
    run_id: str,
    said: list[str],
) -> None:
    RunDir.create(runs_dir, RunConfig()).path.rename(runs_dir / (UNKNOWN[:-1] + "1"))
    code, out, err = call(words[0], run_id, *words[1:])
    assert (code, out) == (2, "")
    says_one_sentence(err, *said)


def test_an_unknown_run_is_answered_before_torch_is_loaded(runs_dir: Path) -> None:
    code = (
        "import json, sys; from segengine.cli.main import main; "
        "codes = [main(words) for words in json.loads(sys.argv[1])]; "
        "print(set(codes), 'torch' in sys.modules)"
    )
    calls = [[words[0], UNKNOWN, *words[1:], "--runs-dir", str(runs_dir)] for words in ON_A_RUN]
    command = [sys.executable, "-c", code, json.dumps(calls)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.stdout.strip() == "{2} False", done.stderr


# --- Whole runs ----------------------------------------------------------------------------------


def test_a_run_is_trained_shown_evaluated_and_used(
    call: Callable[..., tuple[int, str, str]], runs_dir: Path, pets: Path, tmp_path: Path
) -> None:
    done = in_a_process("train", *flags(pets), "--runs-dir", runs_dir)
    assert done.returncode == 0, done.stderr
    (run,) = RunDir.all(runs_dir)
    assert f"Run {run.id}\n" in done.stderr
    assert "epoch 1/1" in done.stderr and "Finished" in done.stderr
    assert "finished" in call("show", run.id)[1]

    code, out, _ = call("evaluate", run.id)
    assert code == 0
    written = json.loads(run.evaluation("oxford_pets").read_text())
    assert f"mIoU {written['miou']:.4f}" in out
    assert "official test list; for this run they chose the epoch" in out
    assert written["images"] == 4
    assert written["miou"] == pytest.approx(read_status(run).best_miou, abs=1e-6)

    Image.new("RGB", (50, 30), "orange").save(tmp_path / "mein Hund.jpg")
    code, out, _ = call("predict", run.id, tmp_path / "mein Hund.jpg", "--out", tmp_path / "out")
    mask = Path(out.strip())
    assert (code, mask.parent) == (0, tmp_path / "out")
    labels = np.asarray(Image.open(mask))
    assert labels.shape == (30, 50) and labels.max() <= 2


def test_a_launched_run_is_named_on_stdout_alone(
    call: Callable[..., tuple[int, str, str]], runs_dir: Path, pets: Path
) -> None:
    """So that a script can take its id and stop it."""
    code, out, err = call("launch", *flags(pets), "--epochs", "100000", "--val-every", "1000")
    run = RunDir.open(runs_dir, out.strip())
    assert (code, launchers.state(run.job())) == (0, "alive")
    assert str(run.output_file) in err
    assert call("stop", run.id)[:2] == (0, f"{run.id}: stopped\n")
    assert read_status(run).state == "stopped"


def test_a_run_that_fails_is_1_with_a_sentence_and_no_traceback(runs_dir: Path, pets: Path) -> None:
    broken = sorted((pets / "oxford-iiit-pet" / "images").glob("trainval*.jpg"))[0]
    broken.write_bytes(broken.read_bytes()[:100])
    run = tiny.new_run(runs_dir, tiny.config(pets))
    done = in_a_process("resume", run.id, "--runs-dir", runs_dir)
    assert done.returncode == 1
    assert f"Failed: {broken} cannot be decoded" in done.stderr
    assert "Traceback" not in done.stderr
    assert read_status(run).state == "failed"
    assert str(broken) in read_status(run).message


# --- Sample data ---------------------------------------------------------------------------------


def test_sample_data_is_drawn_where_one_says(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, out, _ = call("sample-data", tmp_path / "drawn", "--train", "2", "--val", "1")
    assert code == 0
    assert "synthetic" in out
    assert len(list((tmp_path / "drawn" / "oxford-iiit-pet" / "images").glob("*.jpg"))) == 3


def test_a_sample_of_nothing_is_refused(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, _, err = call("sample-data", tmp_path / "drawn", "--train", "0")
    assert code == 2
    says_one_sentence(err, "train=0", "at least 1")
    assert not (tmp_path / "drawn").exists()
