"""The small JSON files of a run folder: as declared, or a sentence that says why not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dashboard.shared.run_names import label_of, short_name
from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.run.rundir import RunDir
from segengine.run.stopping import request_stop, seconds_since_stop_request


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir.create(tmp_path, RunConfig())


def test_a_record_that_is_not_there_says_nothing(run: RunDir) -> None:
    run.job_file.unlink()
    assert (run.job(), run.request(), run.notes()) == (None, None, {})


def test_a_launchers_own_fields_stand_beside_ours(run: RunDir) -> None:
    run.write_job("slurm", {"ticket": 4711})
    job = run.job()
    assert job is not None
    assert (job["backend"], dict(job)["ticket"]) == ("slurm", 4711)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[1]", b"null", b"\xff\xfe", b"[" * 100_000, b"7", b'{"name": "\\ud800"}'),
        *(b'{"backend": "local"}', b'{"want": "fly", "time": 1}', b'{"name": 7}'),
        *(b'{"backend": 1, "submitted": 1}', b'{"backend": "local", "submitted": NaN}'),
        *(b'{"backend": "local", "submitted": -1}', b'{"want": "stop", "time": 1e999}'),
    ],
)
def test_a_damaged_record_is_an_error_with_its_file(run: RunDir, content: bytes) -> None:
    for file, read in ((run.job_file, run.job), (run.request_file, run.request)):
        file.write_bytes(content)
        with pytest.raises(UserError, match=f"{file} cannot be read: ") as caught:
            read()
        assert "\n" not in str(caught.value)


def test_what_is_no_file_is_an_error_with_its_name(run: RunDir) -> None:
    run.job_file.unlink()
    run.job_file.mkdir()
    os.mkfifo(run.notes_file)
    run.request_file.symlink_to("/dev/zero")
    for read in (run.job, run.notes, run.request):
        with pytest.raises(UserError, match="cannot be read"):
            read()


@pytest.mark.parametrize("name", ["Baseline", " Läufer 🐈 ", ""])
def test_a_run_is_called_by_its_name(run: RunDir, name: str) -> None:
    run.notes_file.write_text(json.dumps({"name": name}))
    assert label_of(run) == (name.strip() or short_name(run.id))


@pytest.mark.parametrize("text", ['{"name": "\\ud800"}', '{"name": 3}', "{"])
def test_a_run_with_damaged_notes_is_called_by_its_model(run: RunDir, text: str) -> None:
    """A lone surrogate cannot be sent to a browser."""
    run.notes_file.write_text(text)
    assert label_of(run) == short_name(run.id)


def test_a_damaged_request_to_stop_is_made_again(run: RunDir) -> None:
    run.request_file.write_text("{")
    assert seconds_since_stop_request(run) is None
    request_stop(run)
    assert seconds_since_stop_request(run) is not None
