"""The checks that need torch or the network, made before a run folder exists."""

from __future__ import annotations

from pathlib import Path

from segengine.config import InvalidConfig, RunConfig
from segengine.datasets import open_dataset, prepare_dataset
from segengine.datasets.base import Progress
from segengine.device import pick_device
from segengine.preflight import preflight
from segengine.weights import check_weights


def require_ready(config: RunConfig, runs_dir: Path, progress: Progress) -> None:
    """Do all that can fail before training: look, get the data and the weights, and check both.

    Raises:
        UserError: the run would fail; the sentence says why.
    """
    problems = preflight(config, runs_dir)
    if problems:
        raise InvalidConfig(problems)
    pick_device(config.train.device)
    prepare_dataset(config.data, progress)
    if config.model.strategy != "scratch":
        check_weights(config.model, len(open_dataset(config.data, "val").classes), runs_dir)
