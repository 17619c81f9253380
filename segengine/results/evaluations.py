"""What `evaluate` has measured of a run, by this version or an older one."""

from __future__ import annotations

import contextlib
import glob

from pydantic import BaseModel, ValidationError

from segengine.files import open_regular
from segengine.run.rundir import RunDir


class SavedEvaluation(BaseModel):
    """The head of a result.

    Attributes:
        split: train, val, test or all.
        images: number of images that were scored.
        split_images: number of images of the whole split; None in results of older versions.
        trained_on: number of the scored images that the run was trained on; None where not known.
        epoch: of the weights, 1-based.
        miou: 0 to 1.
    """

    dataset: str
    root: str
    split: str
    images: int
    split_images: int | None = None
    trained_on: int | None = None
    epoch: int
    miou: float


def saved_evaluations(run: RunDir) -> list[SavedEvaluation]:
    """The results in the run folder, in order of their files; damaged ones are left out."""
    found = []
    folder = run.evaluation("any").parent.parent
    # Unlike Path.glob, it passes over what may not be looked into.
    for name in sorted(glob.glob("*/*.json", root_dir=folder)):
        path = folder / name
        with contextlib.suppress(OSError, ValidationError), open_regular(path) as file:
            found.append(SavedEvaluation.model_validate_json(file.read()))
    return found
