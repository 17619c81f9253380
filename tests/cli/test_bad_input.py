"""Bad input on the command line: one clear sentence, exit code 2, and no run folder."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import OxfordIIITPet

from segengine.cli.main import main
from segengine.run.rundir import RunDir
from tests import tiny

pytestmark = pytest.mark.usefixtures("signal_handlers")  # `train` takes those of its process

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_pets(tmp_path_factory.mktemp("pets"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint file that holds no encoder of ours."""
    path = tmp_path_factory.mktemp("weights") / "other.pt"
    torch.save({"layer.weight": torch.zeros(3)}, path)
    return path


def refused(capsys: Captured, *words: object) -> list[str]:
    """The sentences with which a command line is refused (exit code 2)."""
    assert main([str(word) for word in words]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    lines = output.err.strip().splitlines()
    assert lines and all(line.startswith("Error: ") and line[-1] in ".?" for line in lines)
    return [line.removeprefix("Error: ") for line in lines]


def contains(sentence: str, words: str) -> bool:
    """Whether all `words`, separated by " | ", are in the sentence."""
    return all(word in sentence for word in words.split(" | "))


NO_FLAGS = [
    ("--dataset", "oxfort_pets", "dataset 'oxfort_pets' | did you mean oxford_pets | sample_pets"),
    ("--arch", "unet9000", "Unknown model 'unet9000' | fcn_resnet50 | segformer_b0"),
    ("--strategy", "magic", "strategy 'magic' | scratch, pretrained, frozen"),
    ("--loss", "l3", "Unknown loss 'l3' | cross_entropy"),
    ("--strategy", "frozen", "strategy frozen needs weights | imagenet, run:<id> or a file"),
    ("--strategy", "pretrained", "strategy pretrained needs weights"),
    ("--weights", "imagenet", "weights 'imagenet' | scratch loads nothing | leave it out"),
    ("--encoder", "resnet34", "encoder 'resnet34' | segformer_b0 has no such choice"),
    ("--lr", "0", "lr must be greater than 0 | '0' was given"),
    ("--lr", "-0.001", "lr must be greater than 0 | -0.001"),
    ("--lr", "nan", "lr must be a finite number | nan"),
    ("--lr", "inf", "lr must be a finite number | inf"),
    ("--lr", "fast", "lr must be a number | 'fast'"),
    ("--lr", "11", "lr must be at most 10 | '11'"),
    ("--gamma", "1.5", "gamma must be at most 1 | 1.5"),
    ("--image-size", "31", "image_size must be 32 to 2048 | 31"),
    ("--image-size", "64x9999", "image_size must be 32 to 2048 | 64x9999"),
    ("--image-size", "big", "image_size must be N or HxW | 64 or 128x256 | 'big'"),
    ("--image-size", "0", "image_size must be 32 to 2048 | 0"),
    ("--batch-size", "0", "batch_size must be at least 1 | '0'"),
    ("--batch-size", "-4", "batch_size must be at least 1 | '-4'"),
    ("--batch-size", "2.5", "batch_size must be a whole number | 2.5"),
    ("--batch-size", "8", "batch_size 8 is larger than the training set (7 images) | at most 7"),
    ("--epochs", "0", "epochs must be at least 1 | '0'"),
    ("--epochs", "many", "epochs must be a whole number | 'many'"),
    ("--val-every", "0", "val_every must be at least 1"),
    ("--seed", "-1", "seed must be at least 0 | '-1'"),
    ("--train-limit", "-1", "train_limit must be at least 0"),
    ("--workers", "0", "workers must be at least 1"),
    ("--device", "tpu", "device 'tpu' | auto, cpu, cuda"),
    ("--augment", "vflip", "augment 'vflip' | hflip"),
    ("--root", "", "root must not be empty"),
    ("--root", "~nobody-here/data", "~nobody-here/data | unknown user"),
]


@pytest.mark.parametrize("command", ["train", "launch"])
@pytest.mark.parametrize(("flag", "value", "words"), NO_FLAGS)
def test_a_value_that_cannot_stand_is_refused_before_a_run_folder_is_made(
    capsys: Captured, pets: Path, tmp_path: Path, command: str, flag: str, value: str, words: str
) -> None:
    runs = tmp_path / "runs"
    given = tiny.flags(pets, flag, value, "--runs-dir", str(runs))
    sentences = refused(capsys, command, *given)
    assert any(contains(sentence, words) for sentence in sentences), sentences
    assert len(sentences) == 1
    assert not runs.exists()


def test_every_problem_has_its_own_sentence(capsys: Captured, pets: Path, tmp_path: Path) -> None:
    flags = tiny.flags(pets, "--lr", "0", "--epochs", "0", "--image-size", "7")
    sentences = refused(capsys, "train", *flags, "--runs-dir", tmp_path / "runs")
    assert {sentence.split()[0] for sentence in sentences} == {"lr", "epochs", "image_size"}


def test_cuda_is_refused_where_there_is_none(
    capsys: Captured, pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no nvidia-smi here
    flags = tiny.flags(pets, "--device", "cuda", "--runs-dir", str(tmp_path / "runs"))
    (sentence,) = refused(capsys, "train", *flags)
    assert contains(sentence, "device cuda was given | no NVIDIA GPU | choose auto or cpu")
    # A GPU that PyTorch cannot use is no GPU either.
    (tmp_path / "nvidia-smi").touch(0o755)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (sentence,) = refused(capsys, "train", *flags)
    assert contains(sentence, "device cuda was given | PyTorch | choose auto or cpu")
    assert not (tmp_path / "runs").exists()


def broken_data(root: Path, damage: str) -> Path:
    """A dataset folder with something missing."""
    if damage == "no folder":
        return root / "nowhere"
    if damage == "empty folder":
        (root / "oxford-iiit-pet").mkdir(parents=True)
        return root
    tiny.write_pets(root)
    folder = root / "oxford-iiit-pet" / "annotations"
    if damage == "empty list":
        (folder / "trainval.txt").write_text("")
    else:
        for index in (1, 4, 5):
            (folder / "trimaps" / f"trainval_{index}.png").unlink()
    return root


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("no folder", "No Oxford-IIIT Pet in | trainval.txt is missing | Give the folder"),
        ("empty folder", "No Oxford-IIIT Pet in | trainval.txt is missing | download"),
        ("empty list", "trainval.txt lists no images | empty"),
        ("missing masks", "3 masks are missing | trainval_1.png and 2 more"),
    ],
)
def test_a_dataset_that_is_not_whole_is_refused(
    capsys: Captured, tmp_path: Path, damage: str, words: str
) -> None:
    root = broken_data(tmp_path / "data", damage)
    flags = tiny.flags(root, "--runs-dir", str(tmp_path / "runs"))
    (sentence,) = refused(capsys, "train", *flags)
    assert contains(sentence, words), sentence
    assert str(root) in sentence
    assert not (tmp_path / "runs").exists()


def test_a_download_without_a_network_is_refused(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = (("http://127.0.0.1:9/images.tar.gz", "00"),)
    monkeypatch.setattr(OxfordIIITPet, "_RESOURCES", resources)
    flags = tiny.flags(tmp_path / "data", "--download", "--runs-dir", str(tmp_path / "runs"))
    (sentence,) = refused(capsys, "train", *flags)
    assert contains(sentence, "could not be downloaded | images.tar.gz | unpack both into")
    assert not (tmp_path / "runs").exists()


def write_weights(path: Path, kind: str, weights: Path) -> Path:
    if kind == "truncated":
        path.write_bytes(weights.read_bytes()[:300])
    elif kind == "text":
        path.write_text("learning rate")
    elif kind == "other":
        path.write_bytes(weights.read_bytes())
    return path


MISFIT = "do not fit the encoder of segformer_b0 | holds layer (1 tensor) | the same model"


@pytest.mark.parametrize(
    ("command", "kind", "words"),
    [
        *(
            (command, kind, words)
            for command in ("train", "launch")
            for kind, words in (
                ("none", "there is no such file | imagenet, run:<id>"),
                ("truncated", "is not a whole PyTorch checkpoint | truncated"),
                ("text", "is not a whole PyTorch checkpoint | something else"),
            )
        ),
        ("train", "other", MISFIT),
    ],
)
def test_a_weights_file_that_does_not_fit_is_refused(
    capsys: Captured, pets: Path, weights: Path, tmp_path: Path, command: str, kind: str, words: str
) -> None:
    path = write_weights(tmp_path / "weights.pt", kind, weights)
    flags = tiny.flags(pets, "--strategy", "frozen", "--weights", str(path))
    (sentence,) = refused(capsys, command, *flags, "--runs-dir", tmp_path / "runs")
    assert contains(sentence, words) and str(path) in sentence, sentence
    assert not (tmp_path / "runs").exists()


def test_a_launched_run_that_cannot_train_says_so_before_launch_returns(
    capsys: Captured, pets: Path, weights: Path, tmp_path: Path
) -> None:
    """What needs torch is found by the run's own process: the run has failed, and says why."""
    flags = tiny.flags(pets, "--strategy", "frozen", "--weights", str(weights))
    assert main(["launch", *flags, "--runs-dir", str(tmp_path / "runs")]) == 1
    output = capsys.readouterr()
    run = RunDir.open(tmp_path / "runs", output.out.strip())
    (failed,) = tiny.events(run, "run_failed")
    assert contains(failed["error"], MISFIT) and failed["error"] in output.err


def test_weights_of_a_run_that_is_not_there_are_refused(
    capsys: Captured, pets: Path, tmp_path: Path
) -> None:
    flags = tiny.flags(pets, "--strategy", "frozen", "--runs-dir", str(tmp_path))
    for name, words in {
        "20261121-142501-segformer_b0-scratch-3fa9": "There is no run 20261121-142501",
        "../../etc/passwd": "is no run id",
        "": "'' is no run id",
    }.items():
        (sentence,) = refused(capsys, "train", *flags, "--weights", f"run:{name}")
        assert contains(sentence, f"weights run:{name} | {words}"), sentence


HOSTILE = ["../x", "/etc/passwd", "..", "", "a b", "20261121-142501-segformer_b0-scratch-3fa9/.."]


@pytest.mark.parametrize("command", ["show", "stop", "resume", "evaluate"])
def test_an_unknown_run_and_an_id_with_path_characters_are_refused(
    capsys: Captured, pets: Path, tmp_path: Path, command: str
) -> None:
    run = tiny.new_run(tmp_path, tiny.config(pets))
    unknown = run.id[:-1] + ("0" if run.id[-1] != "0" else "1")
    (sentence,) = refused(capsys, command, unknown, "--runs-dir", tmp_path)
    assert contains(sentence, f"There is no run {unknown} | Did you mean {run.id}?"), sentence
    for hostile in HOSTILE:
        (sentence,) = refused(capsys, command, hostile, "--runs-dir", tmp_path)
        assert contains(sentence, f"'{hostile}' is no run id | list"), sentence


def test_predict_refuses_what_it_cannot_do(capsys: Captured, pets: Path, tmp_path: Path) -> None:
    run = tiny.new_run(tmp_path, tiny.config(pets))
    out = ("--out", tmp_path / "out", "--runs-dir", tmp_path)
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / "cat.png")
    (sentence,) = refused(capsys, "predict", run.id, tmp_path / "cat.png", *out)
    assert contains(sentence, f"Run {run.id} has no weights yet | first validation")
    (sentence,) = refused(capsys, "predict", run.id, tmp_path / "none.png", *out)
    assert contains(sentence, "none.png cannot be decoded")
    (sentence,) = refused(capsys, "predict", "../x", tmp_path / "cat.png", *out)
    assert "is no run id" in sentence
    assert not (tmp_path / "out").exists()


def test_runs_that_cannot_be_saved_are_refused(
    capsys: Captured, pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    flags = tiny.flags(pets, "--runs-dir", str(tmp_path / "file" / "runs"))
    for command in ("train", "launch"):
        (sentence,) = refused(capsys, command, *flags)
        assert contains(sentence, "Runs cannot be saved in | not a folder you can write to")
        assert "--runs-dir" in sentence
    # Where rights say yes but the system says no all the same:
    plain = Path.mkdir

    def read_only(path: Path, *args: Any, **more: Any) -> None:
        if str(path).startswith(str(tmp_path / "runs")):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        plain(path, *args, **more)

    monkeypatch.setattr(Path, "mkdir", read_only)
    (sentence,) = refused(capsys, "train", *tiny.flags(pets, "--runs-dir", str(tmp_path / "runs")))
    assert contains(sentence, "cannot be written: Read-only file system | Choose a folder")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("[]", "must be an object with the sections | []"),
        ('{"data": {"rooot": "x"}}', "Unknown field 'rooot' | did you mean root"),
        ('{"extra": {}}', "Unknown field 'extra'"),
        ('{"optim": {"lr": NaN}}', "lr must be a finite number"),
        ('{"train": {"epochs": 2.5}}', "epochs must be a whole number"),
    ],
)
def test_a_config_file_that_cannot_stand_is_refused(
    capsys: Captured, tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    given = ("--config", path, "--runs-dir", tmp_path / "runs")
    (sentence,) = refused(capsys, "train", *given)
    assert contains(sentence, words), sentence
    if "cannot be read" in words:
        assert str(path) in sentence
    assert not (tmp_path / "runs").exists()


def test_a_flag_nobody_knows_is_wrong_usage(capsys: Captured, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as info:
        main(["train", "--learning-rate", "1", "--runs-dir", str(tmp_path / "runs")])
    assert info.value.code == 2
    assert "--learning-rate" in re.sub(r"\s", "", capsys.readouterr().err)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("image", "trainval_2.jpg cannot be decoded | replace it or remove it"),
        ("label", "trainval_2.png holds the label 9 | allows 1 (pet)"),
        ("size", "52x40 pixels but its mask | trainval_2.png is 20x20 | one size"),
    ],
)
def test_what_is_wrong_inside_a_file_is_one_sentence_with_and_without_a_run(
    capsys: Captured, tmp_path: Path, damage: str, words: str
) -> None:
    """The command line reads all first; a run from the form says it as its last word."""
    root = tiny.write_pets(tmp_path / "data")
    folder = root / "oxford-iiit-pet"
    mask = folder / "annotations" / "trimaps" / "trainval_2.png"
    if damage == "image":
        (folder / "images" / "trainval_2.jpg").write_bytes(b"\xff\xd8 no picture")
    elif damage == "label":
        Image.fromarray(np.full((40, 52), 9, np.uint8)).save(mask)
    else:
        Image.fromarray(np.full((20, 20), 2, np.uint8)).save(mask)
    (sentence,) = refused(capsys, "train", *tiny.flags(root), "--runs-dir", tmp_path / "runs")
    assert contains(sentence, words), sentence
    assert not (tmp_path / "runs").exists()
    run = tiny.train(tmp_path / "runs", tiny.config(root), code=1)
    last = tiny.events(run)[-1]
    assert last["event"] == "run_failed" and contains(last["error"], words), last["error"]
    assert last["error"] in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["list", "--runs-dir", ""],
        ["list", "--runs-dir="],
        ["train", "--epochs", "1", "--runs-dir", ""],
        ["train", "--config", ""],
        ["predict", "20260101-000000-unet-scratch-0000", "a.png", "--out", ""],
    ],
)
def test_an_empty_path_is_not_the_folder_one_is_in(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """As where a shell variable is not set."""
    monkeypatch.chdir(tmp_path)
    (sentence,) = refused(capsys, *words)
    assert "is empty: give a path" in sentence
    assert os.listdir(tmp_path) == []
