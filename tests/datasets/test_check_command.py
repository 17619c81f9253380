"""The command `check`: text, JSON, exit codes and wrong flags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segengine.cli import main as cli
from segengine.datasets.check import Problem
from tests import tiny
from tests.datasets.own_folder import write_pairs
from tests.datasets.strict_json import strict_json
from tests.tiny import mask_file


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """7 training and 3 validation pets, to be damaged."""
    return tiny.write_pets(tmp_path / "data")


def command(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """(exit code, stdout, stderr)."""
    code = cli.main(["check", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_command_prints_text_and_its_exit_code_says_whether_all_is_well(
    pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = command(capsys, "--root", pets)
    assert (code, err) == (0, "") and "No problems found." in out and "40x52" in out
    mask_file(pets, "trainval_3").unlink()
    code, out, err = command(capsys, "--root", pets)
    assert (code, err) == (1, "") and "1 problem:" in out and "trainval_3.png" in out


def test_the_command_prints_strict_json_on_request(
    pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(np.full((40, 52), 9, np.uint8)).save(mask_file(pets, "trainval_1"))
    code, out, err = command(capsys, "--json", "--root", pets, "--workers", 1)
    assert (code, err) == (1, "")
    result = strict_json(out)
    assert [info["name"] for info in result["classes"]] == ["pet", "background", "border"]
    (problem,) = result["problems"]
    assert Problem(**problem).kind == "label"
    assert [split["images"] for split in result["splits"]] == [7, 3]


def test_wrong_flags_are_refused_before_anything_is_read(
    pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, sentence in (
        (["--dataset", "pets"], "Unknown dataset 'pets'"),
        (["--val-share", "1.5"], "val_share must be less than 1"),
        (["--workers", "0"], "workers must be at least 1"),
    ):
        code, out, err = command(capsys, "--root", pets, *words)
        assert (code, out) == (2, "") and sentence in err and err.count("\n") == 1


def test_the_command_takes_a_random_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pairs(tmp_path / "pool", 2, [0, 1])
    words = ["--dataset", "folder", "--root", tmp_path / "pool", "--val-share", "0.5", "--json"]
    code, out, _ = command(capsys, *words)
    assert code == 0 and [split["split"] for split in strict_json(out)["splits"]] == [
        "train",
        "val",
    ]
