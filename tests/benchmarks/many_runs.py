"""A folder of thousands of runs: copies of a few, each with an id, a seed and a name of its own."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from segengine.run.rundir import RunDir
from tests.made_runs import make_run

_KINDS: tuple[dict[str, Any], ...] = (
    {},
    {"arch": "unet", "base_width": 8},
    {"arch": "fcn_resnet50", "end": "run_stopped", "epochs_done": 3},
    {"arch": "segformer_b0", "lr": 3e-4, "image_size": 96},
    {"arch": "unet", "dataset": "sample_pets", "end": "run_failed", "epochs_done": 2},
    {"optimizer": "sgd", "strategy": "scratch", "lr": 0.01, "batch_size": 16},
)


def make_many(runs_dir: Path, count: int) -> None:
    """Make `count` ended runs of 12 epochs with made-up logs, as fast as the disk allows."""
    runs_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        kinds = [
            make_run(Path(folder), **{"epochs_done": 12, "epochs": 12, "seed": seed, **kind})
            for seed, kind in enumerate(_KINDS * 4)
        ]
        for number in range(count):
            _copy(kinds[number % len(kinds)], runs_dir, number)


def _copy(kind: RunDir, runs_dir: Path, number: int) -> None:
    """One run, made one minute after the last."""
    made = time.localtime(1_767_225_600 + 60 * number)
    arch, strategy = kind.id.split("-")[2:4]
    name = f"{time.strftime('%Y%m%d-%H%M%S', made)}-{arch}-{strategy}-{number % 65536:04x}"
    run = RunDir(runs_dir / name)
    run.path.mkdir()
    shutil.copyfile(kind.events_file, run.events_file)
    shutil.copyfile(kind.job_file, run.job_file)
    config = json.loads(kind.config_file.read_text())
    config["train"]["seed"] = number
    run.config_file.write_text(json.dumps(config, indent=2))
    if number % 10 == 0:
        notes = {"name": f"Baseline {number:,}", "tags": ["baseline"]}
        run.notes_file.write_text(json.dumps(notes))
    os.makedirs(run.last_checkpoint.parent)
    run.best_checkpoint.write_bytes(b"0" * 2048)
