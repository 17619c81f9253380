"""Reads files of tensors: PyTorch's, old and new, and safetensors. No code of a file ever runs."""

from __future__ import annotations

import itertools
import pickle
import pickletools
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import torch

from segengine.errors import UserError
from segengine.run.weights_container import check_container, is_legacy

MAX_STEPS = 1_000_000  # of a pickle; a checkpoint takes about 25 for each tensor
_LEGACY_PICKLES = 5  # magic number, version, machine, content, names of the storages
_MAKES_ROOM = "bytearray"  # the one allowed name that takes memory without its being in the file


def load_tensors(path: Path) -> dict[str, Any]:
    """The contents of a PyTorch or safetensors file, on the CPU. Nothing is unpickled freely.

    Raises:
        UserError: the file is neither, is damaged, would need unpickling, or would fill the memory.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing.", field="weights")
    check_container(path)
    try:
        content = _load(path)
    except UserError:
        raise
    except pickle.UnpicklingError as error:
        raise _no_tensors(path, error) from None
    except Exception as error:  # for a damaged file both libraries raise many kinds
        raise _damaged(path, error) from None
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}, no weights.", field="weights")
    return content


def _load(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return dict(load_file(path))
    _check_pickles(path)
    # Files from before PyTorch 1.6 cannot be mapped.
    mapped = not is_legacy(path)
    return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)


def _check_pickles(path: Path) -> None:
    """Refuse a file whose description of its content would itself take long or fill the memory."""
    with _pickles(path) as streams:
        for stream in streams:
            steps = enumerate(pickletools.genops(stream))
            for step, (_, value, _) in steps:
                if step >= MAX_STEPS or (isinstance(value, str) and _MAKES_ROOM in value):
                    raise UserError(
                        f"{path} holds more Python objects than weights have; SegLab does not "
                        "unpack it. Save the model's state_dict() and give that.",
                        field="weights",
                    )


@contextmanager
def _pickles(path: Path) -> Iterator[Iterator[IO[bytes]]]:
    """The pickles in a file, to be read one after the other."""
    if is_legacy(path):
        with open(path, "rb") as file:
            yield itertools.repeat(file, _LEGACY_PICKLES)
    else:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith("data.pkl")]
            yield (archive.open(name) for name in names)


def _no_tensors(path: Path, error: pickle.UnpicklingError) -> UserError:
    if "legacy .tar" in str(error):
        return _damaged(path, error)
    return UserError(
        f"{path} holds Python objects, not only tensors; SegLab never runs code from a file. "
        "Save its state_dict() and give that.",
        field="weights",
    )


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path} cannot be read as weights ({type(error).__name__}): it is damaged or something "
        "else.",
        field="weights",
    )
