"""Checkpoints: all that a run needs to go on, in one file that is written whole or not at all.

Contents: format, arch, config and its fingerprint, classes (name, color), model and ema (state
dicts), optimizer, scaler, rng, position, lineage. Files are always read with `weights_only=True`:
nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segengine.errors import UserError
from segengine.files import atomic_write, cannot_write, sha256_of
from segengine.run.rundir import RunDir
from segengine.run.weights_source import check_container

FORMAT = "seglab-1"
State = dict[str, Any]  # a checkpoint's contents


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
    """A checkpoint of SegLab, on the CPU.

    Raises:
        UserError: it is missing, truncated, or not a checkpoint of SegLab.
    """
    state = load_tensors(path)
    if state.get("format") != FORMAT:
        raise UserError(f"{path} is no SegLab checkpoint: choose a run's best.pt or last.pt.")
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


def load_tensors(path: Path) -> dict[str, Any]:
    """The contents of a PyTorch or safetensors file, on the CPU. Nothing is unpickled.

    Raises:
        UserError: the file is neither, is damaged, or would need unpickling.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing.", field="weights")
    check_container(path)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError:
        raise UserError(
            f"{path} holds Python objects, not only tensors; SegLab never runs code from a file. "
            "Save its state_dict() and give that.",
            field="weights",
        ) from None
    except Exception as error:  # for a damaged file both libraries raise many kinds
        raise UserError(
            f"{path} cannot be read as weights ({type(error).__name__}): it is damaged or "
            "something else.",
            field="weights",
        ) from None
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}, no weights.", field="weights")
    return content


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


def best_weights(state: State) -> dict[str, Tensor]:
    """The weights to predict with: the moving average where one was kept."""
    weights: dict[str, Tensor] = state.get("ema") or state["model"]
    return weights
