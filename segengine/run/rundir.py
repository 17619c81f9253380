"""RunDir: the one owner of every path of a run."""

from __future__ import annotations

import difflib
import json
import os
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import from_json

from segengine.config import STORED, RunConfig
from segengine.errors import UserError
from segengine.files import cannot_read, cannot_write, open_regular, write_text
from segengine.files.typed_paths import looking_at, typed_path
from segengine.run.records import (
    JOB,
    NOTES,
    REQUEST,
    SWEEP_PLACE,
    Job,
    Notes,
    Request,
    SweepPlace,
    read_record,
)

Handle = dict[str, str | int | float]  # how a launcher's backend finds a process again

_RUNS_DIR = "The runs folder (--runs-dir, or SEGLAB_RUNS for the dashboard)"
_RUN_ID = re.compile(r"\d{8}-\d{6}-[a-z0-9_]+-(scratch|pretrained|frozen)-[0-9a-f]{4}")


@dataclass(frozen=True)
class RunDir:
    """A run folder `runs/<id>/` and the paths in it. Cheap to make: it holds nothing but its path.

    The docstrings of the paths are the cells of the guide's page about the run folder.
    """

    path: Path

    @staticmethod
    def new_id(config: RunConfig) -> str:
        """An id for a run that starts now."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        return f"{stamp}-{config.model.arch}-{config.model.strategy}-{secrets.token_hex(2)}"

    @classmethod
    def create(cls, runs_dir: Path, config: RunConfig, run_id: str = "") -> RunDir:
        """Make a new run folder with its config (with absolute paths) and a job that waits.

        Args:
            run_id: the id by which the run was announced, of `new_id`; a folder of that name
                without a config is one whose making was broken off, and is made whole.

        Raises:
            UserError: `runs_dir` cannot be written, or there is a run of that id already.
        """
        run = cls(absolute(runs_dir) / (run_id or cls.new_id(config)))
        if run_id and run.exists():
            raise UserError(f"There is a run {run_id} already.", field="run")
        try:
            run.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(run.path.parent, error) from error
        try:
            run.path.mkdir(exist_ok=bool(run_id))
        except FileExistsError:  # another run of this second drew the same number
            return cls.create(runs_dir, config)
        except OSError as error:
            raise cannot_write(run.path, error) from error
        try:
            run.write_job("local")  # before the config, by which others see the run: it waits
            write_text(run.config_file, config.resolved().to_json())
        except UserError:
            shutil.rmtree(run.path, ignore_errors=True)
            raise
        return run

    @classmethod
    def open(cls, runs_dir: Path, run_id: str) -> RunDir:
        """The run of that id.

        Raises:
            UserError: the id is unknown or malformed; path characters in it are never followed.
        """
        if not _RUN_ID.fullmatch(run_id):
            raise UserError(
                f"'{run_id[:80]}' is no run id: ids look like "
                "20261121-142501-segformer_b0-scratch-3fa9; see `python -m segengine list`.",
                field="run",
            )
        run = cls(absolute(runs_dir) / run_id)
        with looking_at(str(runs_dir), "runs_dir", _RUNS_DIR):
            exists = run.exists()
        if not exists:
            known = [other.id for other in cls.all(runs_dir)]
            near = difflib.get_close_matches(run_id, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UserError(
                f"There is no run {run_id} in {runs_dir} (runs there: {len(known)}).{hint}",
                field="run",
            )
        return run

    @classmethod
    def all(cls, runs_dir: Path) -> list[RunDir]:
        """Every run of a runs folder, newest first; none where the folder does not exist.

        Raises:
            UserError: it is not a folder, or cannot be read.
        """
        return [run for run in cls.candidates(runs_dir) if run.exists()]

    @classmethod
    def candidates(cls, runs_dir: Path) -> list[RunDir]:
        """Whatever is named as a run, newest first; `exists` tells whether it is one.

        Raises:
            UserError: as `all`.
        """
        folder = absolute(runs_dir)
        try:
            names = [entry.name for entry in os.scandir(folder) if _RUN_ID.fullmatch(entry.name)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UserError(
                f"No runs can be read from {runs_dir}: {(error.strerror or str(error)).lower()}. "
                "Give the folder that holds the runs.",
                field="runs_dir",
            ) from None
        return [cls(folder / name) for name in sorted(names, reverse=True)]

    def exists(self) -> bool:
        """Whether the folder is a run: it has a config, be it one that cannot be read."""
        try:
            os.lstat(self.config_file)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # another person's folder, or a disk that fails: it shall not vanish
            return True
        return True

    @property
    def id(self) -> str:
        """`<yyyymmdd>-<hhmmss>-<arch>-<strategy>-<4 hex>`."""
        return self.path.name

    @property
    def config_file(self) -> Path:
        """The whole RunConfig, with absolute paths."""
        return self.path / "config.json"

    @property
    def events_file(self) -> Path:
        """The event log: one JSON object per line, only ever appended to."""
        return self.path / "events.jsonl"

    @property
    def job_file(self) -> Path:
        """Who runs it: the launcher's backend, and what that needs to find the process again."""
        return self.path / "job.json"

    @property
    def request_file(self) -> Path:
        """A person's request to stop the run; tells a stopped run from a crashed one."""
        return self.path / "request.json"

    @property
    def output_file(self) -> Path:
        """What the process of a launched run printed (stdout and stderr)."""
        return self.path / "output.log"

    @property
    def lock_file(self) -> Path:
        """Locked by the process that trains the run, so that a run has one writer."""
        return self.path / ".lock"

    @property
    def claim_lock_file(self) -> Path:
        """Locked for the moment in which a process is started for the run, or takes it over."""
        return self.path / ".claim.lock"

    @property
    def notes_file(self) -> Path:
        """What a person noted: name, tags, text, star, archived; training never writes it."""
        return self.path / "notes.json"

    @property
    def notes_lock_file(self) -> Path:
        """Locked for the moment in which the notes are changed, so that no change is lost."""
        return self.path / ".notes.lock"

    @property
    def sweep_file(self) -> Path:
        """Of which sweep the run is one, and with which setting; only runs of a sweep have it."""
        return self.path / "sweep.json"

    @property
    def last_checkpoint(self) -> Path:
        """The newest checkpoint, from which `resume` continues: weights, optimizer, position."""
        return self.path / "checkpoints" / "last.pt"

    @property
    def best_checkpoint(self) -> Path:
        """The checkpoint of the best validation, for `evaluate`, `predict` and `run:<id>`."""
        return self.path / "checkpoints" / "best.pt"

    def masks(self, epoch: int) -> Path:
        """Index masks of the film's images, predicted at the validation of an epoch (1-based)."""
        return self.path / "masks" / f"epoch-{epoch:04d}"

    @property
    def predictions(self) -> Path:
        """Index masks `<image>.png` of the whole validation set, predicted by the best weights."""
        return self.path / "predictions"

    @property
    def per_image_file(self) -> Path:
        """Scores of these masks, one row per image."""
        return self.predictions / "per_image.csv"

    @property
    def confusion_file(self) -> Path:
        """Their confusion matrices: (images, classes, classes), pixels, rows are the true class."""
        return self.predictions / "confusion.npy"

    def probabilities(self, image: str) -> Path:
        """Class probabilities of an image, (classes, height, width) in 8 bits, where kept."""
        return self.predictions / f"{image}.npz"

    @property
    def calibration_file(self) -> Path:
        """What they say against the truth, where kept: confidence, calibration, thresholds."""
        return self.predictions / "calibration.json"

    def evaluation(self, dataset: str, split: str = "val") -> Path:
        """What `evaluate` measured; a root or a number of images of its own is in the names."""
        return self.path / "evaluations" / dataset / f"{split}.json"

    def evaluation_table(self, dataset: str, split: str = "val") -> Path:
        """The same scores as a table, one row per class."""
        return self.evaluation(dataset, split).with_suffix(".csv")

    def evaluation_per_image(self, dataset: str, split: str = "val") -> Path:
        """Scores of that split, one row per image."""
        return self.evaluation(dataset, split).with_name(f"{split}_per_image.csv")

    def evaluation_confusion(self, dataset: str, split: str = "val") -> Path:
        """Its confusion matrices, in the order of that table; as those of the predictions."""
        return self.evaluation(dataset, split).with_name(f"{split}_confusion.npy")

    def evaluating(self, key: str) -> Path:
        """An evaluation that was started in the background: of what, and who makes it."""
        return self.path / "evaluations" / f"evaluating-{key}.json"

    def evaluating_status(self, key: str) -> Path:
        """How far that evaluation is, and how it ended."""
        return self.evaluating(key).with_suffix(".status")

    def evaluating_output(self, key: str) -> Path:
        """What the process of that evaluation printed."""
        return self.evaluating(key).with_suffix(".log")

    def config(self) -> RunConfig:
        """The RunConfig that the run was made with.

        Raises:
            UserError: it cannot be read, or not by this version.
        """
        try:
            with open_regular(self.config_file) as file:
                nested = from_json(file.read(), allow_inf_nan=False)
        except OSError as error:
            raise cannot_read(self.config_file, error) from None
        except ValueError as error:
            raise UserError(f"{self.config_file} cannot be read: {error}.") from None
        return RunConfig.parse(nested, STORED)

    def job(self) -> Job | None:
        """Who runs it; None where no job is recorded.

        Raises:
            UserError: the record cannot be read.
        """
        return read_record(self.job_file, JOB)

    def request(self) -> Request | None:
        """What a person asked of the run; None where nobody did.

        Raises:
            UserError: the record cannot be read.
        """
        return read_record(self.request_file, REQUEST)

    def notes(self) -> Notes:
        """What a person noted about the run.

        Raises:
            UserError: the notes cannot be read.
        """
        return read_record(self.notes_file, NOTES) or {}

    def sweep(self) -> SweepPlace | None:
        """Of which sweep the run is one; None where it is of none.

        Raises:
            UserError: that cannot be read.
        """
        return read_record(self.sweep_file, SWEEP_PLACE)

    def write_sweep(self, sweep: str, setting: str) -> None:
        """Record of which sweep the run is one."""
        place = {"sweep": sweep, "setting": setting}
        write_text(self.sweep_file, json.dumps(place, indent=2) + "\n")

    def write_job(self, backend: str, handle: Handle | None = None) -> None:
        """Record who runs it from now on; without a handle the run waits for a process."""
        job = {"backend": backend, "submitted": time.time(), **(handle or {})}
        write_text(self.job_file, json.dumps(job, indent=2) + "\n")


def absolute(runs_dir: Path) -> Path:
    """The runs folder as an absolute path, with "~" expanded.

    Raises:
        UserError: no path can look like that.
    """
    return typed_path(str(runs_dir), "runs_dir", _RUNS_DIR).absolute()
