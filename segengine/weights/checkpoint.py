"""Checkpoints: all that a run needs to go on, in one file that is written whole or not at all.

Contents: format, arch, config and its fingerprint, classes (name, color), model and ema (state
dicts), optimizer, scaler, rng, position, lineage. Files are always read with `weights_only=True`:
nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from segengine.errors import UserError
from segengine.files import atomic_write, cannot_write, sha256_of
from segengine.run.rundir import RunDir
from segengine.run.weights_container import check_container
from segengine.weights.integrity import LoggedCheckpoints, records_are_whole
from segengine.weights.tensor_file import load_tensors

FORMAT = "seglab-1"
State = dict[str, Any]  # a checkpoint's contents
_TRAINING = ("optimizer", "scaler", "rng")
Weights = Literal["best", "last"]  # of the best validation, or of the last epoch


def save_checkpoint(path: Path, state: State) -> str:
    """Write a checkpoint atomically and return its sha256.

    Raises:
        UserError: the disk is full or cannot be written; an older checkpoint stays as it was.
    """
    try:
        with atomic_write(path) as file:
            torch.save({"format": FORMAT, **state}, file)
    except RuntimeError as error:
        # torch's zip writer turns a failed write into a RuntimeError.
        if isinstance(error.__context__, OSError):
            raise cannot_write(path, error.__context__) from error
        raise
    return sha256_of(path)


def link_checkpoint(source: Path, target: Path) -> None:
    """Give a checkpoint a second name: a hard link, or a copy where the disk has none.

    Raises:
        UserError: the target cannot be written; it stays as it was.
    """
    new = target.with_name(f".{target.name}.new")
    new.unlink(missing_ok=True)
    try:
        try:
            os.link(source, new)
        except OSError:
            shutil.copyfile(source, new)
        os.replace(new, target)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            new.unlink()


def load_checkpoint(path: Path) -> State:
    """A checkpoint of SegLab, on the CPU, if it is still what the run's log says it is.

    Raises:
        UserError: it is missing, damaged, or not a checkpoint of SegLab.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing.")
    check_container(path)
    logged = LoggedCheckpoints.beside(path)
    is_known = logged.knows(path)
    if not is_known and not records_are_whole(path):
        raise logged.damage(path)
    state = load_tensors(path)
    if state.get("format") != FORMAT:
        raise UserError(f"{path} is no SegLab checkpoint: choose a run's best.pt or last.pt.")
    if not is_known and not logged.is_newer(state):
        raise logged.damage(path)
    return state


def load_best(run: RunDir) -> State:
    """The checkpoint of the best validation.

    Raises:
        UserError: there is none yet, or it is damaged.
    """
    if not run.best_checkpoint.exists():
        raise UserError(
            f"Run {run.id} has no weights yet: it saves them at its first validation.",
            field="run",
        )
    return load_checkpoint(run.best_checkpoint)


def load_last(run: RunDir) -> State:
    """The newest checkpoint, of a run that has trained a whole epoch at least.

    Raises:
        UserError: there is none yet, or it is damaged.
    """
    state = load_checkpoint(run.last_checkpoint) if run.last_checkpoint.exists() else None
    if state is None or state["position"]["epoch"] < 2:
        raise UserError(f"Run {run.id} has no last weights yet: no epoch is over.", field="run")
    if state["position"]["batch"]:
        raise UserError(
            f"Run {run.id} has stopped within epoch {state['position']['epoch']}: its last weights "
            "are of no whole epoch. Resume it, or score the best weights.",
            field="run",
        )
    return state


def rng_state() -> dict[str, Any]:
    """The state of torch's random number generators, on the CPU and on every GPU."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def set_rng_state(state: dict[str, Any]) -> None:
    """Continue the random numbers of `rng_state`; GPUs' only where there are as many as then."""
    cpu: Tensor = state["cpu"]
    torch.set_rng_state(cpu.clone())
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])


def weights_only(state: State) -> State:
    """A checkpoint without what only training needs: optimizer, loss scaling, random numbers."""
    return {name: value for name, value in state.items() if name not in _TRAINING}


def can_train(state: State) -> bool:
    """Whether a checkpoint was not made of weights only."""
    return any(name in state for name in _TRAINING)


def best_weights(state: State) -> dict[str, Tensor]:
    """The weights to predict with: the moving average where one was kept."""
    weights: dict[str, Tensor] = state.get("ema") or state["model"]
    return weights
