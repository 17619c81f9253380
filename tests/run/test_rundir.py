"""Run folders: made, found by id, listed, and never outside the runs folder."""

from __future__ import annotations

import errno
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.launchers.preflight import check_writable
from segengine.run import rundir
from segengine.run.rundir import RunDir

UNKNOWN = "20260101-000000-segformer_b0-scratch-0000"


def test_a_new_run_holds_its_config_and_the_record_that_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = RunConfig.from_flat(
        {"arch": "fcn_resnet50", "strategy": "frozen", "weights": "imagenet"}
    )
    run = RunDir.create(Path("runs"), config)
    assert run.path.is_absolute() and run.path.parent == tmp_path / "runs"
    assert re.fullmatch(r"\d{8}-\d{6}-fcn_resnet50-frozen-[0-9a-f]{4}", run.id)
    assert sorted(os.listdir(run.path)) == ["config.json", "job.json"]
    assert run.config() == config.with_values(root=f"{tmp_path}/data")
    assert run.job().keys() == {"backend", "submitted"}
    assert RunDir.open(Path("runs"), run.id) == run


def test_all_paths_lie_in_the_run_folder(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path, RunConfig())
    paths = [getattr(run, name) for name, kind in vars(RunDir).items() if type(kind) is property]
    paths = [path for path in paths if isinstance(path, Path)]
    paths += [run.masks(7), run.evaluation("oxford_pets")]
    assert len(paths) == len(set(paths)) > 10
    assert all(path.is_relative_to(run.path) for path in paths)
    assert run.masks(7).relative_to(run.path) == Path("masks/epoch-0007")
    assert run.last_checkpoint.relative_to(run.path) == Path("checkpoints/last.pt")


@pytest.mark.parametrize(
    "run_id",
    [
        *("", ".", "..", "/", "/etc", "../other/" + UNKNOWN, UNKNOWN + "/..", "a/b", "a\\b"),
        *(UNKNOWN + "\n", UNKNOWN + "\0", "~", "*", UNKNOWN[:-1], UNKNOWN.upper(), "é" * 300),
        "20260101-000000-../../etc-scratch-0000",
    ],
)
def test_an_id_with_path_characters_is_never_followed(tmp_path: Path, run_id: str) -> None:
    (tmp_path / "other" / UNKNOWN).mkdir(parents=True)
    (tmp_path / "other" / UNKNOWN / "config.json").write_text(RunConfig().to_json())
    with pytest.raises(UserError, match=r"is no run id: ids look like 2026.*list") as caught:
        RunDir.open(tmp_path / "runs", run_id)
    assert caught.value.field == "run"
    assert len(str(caught.value)) < 250


def test_an_unknown_id_is_answered_with_the_nearest(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path, RunConfig())
    wrong = run.id[:-1] + ("0" if run.id[-1] != "0" else "1")
    with pytest.raises(UserError, match=f"no run {wrong}.*runs there: 1.*Did you mean {run.id}"):
        RunDir.open(tmp_path, wrong)


def test_an_unknown_id_in_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"no run {UNKNOWN} in .*nowhere"):
        RunDir.open(tmp_path / "nowhere", UNKNOWN)


def test_runs_are_listed_newest_first_and_only_runs(tmp_path: Path) -> None:
    made = RunDir.create(tmp_path, RunConfig())
    stamps = ["20200101-000000", "20260101-235959", "20260102-000000"]
    for stamp in stamps:
        shutil.copytree(made.path, tmp_path / f"{stamp}-segformer_b0-scratch-00ff")
    shutil.rmtree(made.path)
    (tmp_path / "20270101-000000-segformer_b0-scratch-00ff").mkdir()  # no config yet
    (tmp_path / "20270101-000000-segformer_b0-scratch-00fe").write_text("a file")
    (tmp_path / ".seglab").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    assert [run.id[:15] for run in RunDir.all(tmp_path)] == stamps[::-1]
    assert RunDir.all(tmp_path / "nowhere") == []


def test_many_runs_made_at_once_get_a_folder_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the random part of the id falls on one that is taken."""
    monkeypatch.setattr(rundir.time, "strftime", lambda _: "20260101-000000")
    suffixes = iter(["00aa"] * 5 + [f"{n:04x}" for n in range(100)])
    monkeypatch.setattr(rundir.secrets, "token_hex", lambda _: next(suffixes))
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: RunDir.create(tmp_path, RunConfig()), range(24)))
    assert len({run.path for run in runs}) == 24
    assert all(run.config_file.is_file() for run in runs)


def test_the_same_folder_is_meant_with_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    run = RunDir.create(Path("~/my runs"), RunConfig())
    assert run.path.parent == tmp_path / "my runs"
    assert RunDir.all(Path("~/my runs")) == [run]
    assert RunDir.open(Path("~/my runs"), run.id) == run


def unusable_folders(tmp_path: Path) -> dict[str, Path]:
    """Places where no runs can be kept, for root too."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "dangling").symlink_to(tmp_path / "unmounted" / "disk" / "runs")
    return {
        "a file": tmp_path / "file",
        "inside a file": tmp_path / "file" / "runs",
        "a link to a disk that is not mounted": tmp_path / "dangling",
        "the kernel's": Path("/proc/runs"),
        "a name of 300 characters": tmp_path / ("a" * 300),
        "an unknown home": Path("~nobody-of-that-name/runs"),
    }


KINDS = [
    "a file",
    "inside a file",
    "a link to a disk that is not mounted",
    "the kernel's",
    "a name of 300 characters",
    "an unknown home",
]
SHOWS_WHEN_WRITTEN = ("the kernel's", "a name of 300 characters")


@pytest.mark.parametrize("kind", KINDS)
def test_a_runs_folder_that_cannot_be_written_is_refused(tmp_path: Path, kind: str) -> None:
    folder = unusable_folders(tmp_path)[kind]
    with pytest.raises(UserError) as caught:
        RunDir.create(folder, RunConfig())
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["dangling", "file"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in SHOWS_WHEN_WRITTEN])
def test_a_form_can_ask_beforehand_whether_runs_can_be_kept(tmp_path: Path, kind: str) -> None:
    folder = unusable_folders(tmp_path)[kind]
    with pytest.raises(UserError, match="--runs-dir") as caught:
        check_writable(folder)
    assert caught.value.field == "runs_dir"
    assert str(folder) in str(caught.value)


def test_a_runs_folder_that_is_not_there_yet_can_be_used(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "runs")
    assert os.listdir(tmp_path) == []


def test_listing_what_is_no_folder_is_an_error(tmp_path: Path) -> None:
    folders = unusable_folders(tmp_path)
    with pytest.raises(UserError, match=f"{folders['a file']}: not a directory"):
        RunDir.all(folders["a file"])
    with pytest.raises(UserError, match="home of an unknown user"):
        RunDir.all(folders["an unknown home"])


def test_a_damaged_config_is_an_error_with_its_file(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path, RunConfig())
    run.config_file.write_text("{")
    with pytest.raises(UserError, match=f"{run.config_file} cannot be read"):
        run.config()


def test_a_folder_that_cannot_be_looked_into_is_still_a_run(tmp_path: Path) -> None:
    """Another person's, or on a disk that fails: it is shown, and says why it cannot be read."""
    runs = {name: RunDir.create(tmp_path, RunConfig()) for name in ("folder", "link", "pipe")}
    for run in runs.values():
        run.config_file.unlink()
    runs["folder"].config_file.mkdir()
    runs["link"].config_file.symlink_to(tmp_path / "gone")
    os.mkfifo(runs["pipe"].config_file)
    assert {run.id for run in RunDir.all(tmp_path)} == {run.id for run in runs.values()}
    for run in runs.values():
        with pytest.raises(UserError, match=f"{run.config_file} cannot be read"):
            RunDir.open(tmp_path, run.id).config()


def test_a_disk_that_is_full_leaves_no_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="The disk is full"):
        RunDir.create(tmp_path, RunConfig())
    assert os.listdir(tmp_path) == []


def test_a_run_that_was_announced_gets_its_id(tmp_path: Path) -> None:
    run_id = RunDir.new_id(RunConfig())
    run = RunDir.create(tmp_path, RunConfig(), run_id)
    assert run.id == run_id and RunDir.open(tmp_path, run_id) == run
    with pytest.raises(UserError, match=f"There is a run {run_id} already"):
        RunDir.create(tmp_path, RunConfig(), run_id)
    assert run.config() == RunConfig().resolved()


def test_an_announced_run_whose_making_was_broken_off_is_made_whole(tmp_path: Path) -> None:
    run_id = RunDir.new_id(RunConfig())
    (tmp_path / run_id).mkdir()
    (tmp_path / run_id / "job.json").write_text("{")
    assert RunDir.create(tmp_path, RunConfig(), run_id).job()["backend"] == "local"
    assert [run.id for run in RunDir.all(tmp_path)] == [run_id]
