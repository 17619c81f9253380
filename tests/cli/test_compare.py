"""`compare` in a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from segengine.cli.main import main
from segengine.run.rundir import RunDir
from tests.results.comparison.made import matrices, scored_run

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def runs(tmp_path: Path) -> list[RunDir]:
    good, bad = matrices(40, 0.85, seed=1), matrices(40, 0.75, seed=2)
    return [scored_run(tmp_path, bad), scored_run(tmp_path, good, arch="unet")]


def command(capsys: Captured, runs: list[RunDir], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    folder = str(runs[0].path.parent)
    code = main(["compare", *(run.id for run in runs), "--runs-dir", folder, *words])
    return (code, *capsys.readouterr())


def test_a_comparison_in_words(runs: list[RunDir], capsys: Captured) -> None:
    code, out, err = command(capsys, runs)
    assert (code, err) == (0, "")
    blocks = [block.splitlines()[0] for block in out.split("\n\n")]
    assert blocks[0].startswith("DIFFERENT") and blocks[1].startswith("Leaderboard, over 40 images")
    assert blocks[2:4] == ["Is the difference real?", "Classes"]
    assert f"unet-scratch-{runs[1].id[-4:]} is better than segformer_b0-scratch" in out
    assert out.rstrip().endswith("10,000 resamples, seed 0. Points are hundredths of mIoU.")


def test_json_and_tables(runs: list[RunDir], capsys: Captured) -> None:
    found = json.loads(command(capsys, runs, "--json")[1])
    assert [one["runs"] for one in found["leaderboard"]] == [[runs[1].id], [runs[0].id]]
    assert found["pairs"][0]["interval"][0] > 0
    assert command(capsys, runs, "--table", "latex")[1].startswith("\\begin{table}")


def test_what_cannot_be_compared_is_said(runs: list[RunDir], capsys: Captured) -> None:
    code, out, _ = command(capsys, runs, "--split", "test")
    assert code == 1 and f"python -m segengine evaluate {runs[0].id} --split test makes them" in out
    code, _, err = command(capsys, runs[:1])
    assert code == 2 and "at least 2 runs" in err
    code, _, err = command(capsys, runs, "--table", "html")
    assert code == 2 and "table 'html' was given: choose csv, markdown or latex." in err
    runs[0].notes_file.write_text('{"name": "base \\u001b[31mline"}')
    assert "\x1b" not in command(capsys, runs)[1]
