"""What `evaluate` has measured of a run, by this version or an older one."""

from __future__ import annotations

import contextlib
import glob
from typing import Literal

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
        image_size: height and width that the model saw; none in results of older versions.
        scored_at: "training" for that size, "native" for that of each mask.
        weights: "best" or "last".
        miou: 0 to 1.
        stem: the result's files are named by it, in the folder `name`.
    """

    dataset: str
    root: str
    split: str
    images: int
    split_images: int | None = None
    trained_on: int | None = None
    epoch: int
    image_size: list[int] = []
    scored_at: Literal["training", "native"] = "training"
    weights: Literal["best", "last"] = "best"
    miou: float
    name: str = ""
    stem: str = ""


def saved_evaluations(run: RunDir) -> list[SavedEvaluation]:
    """The results in the run folder, in order of their files; damaged ones are left out."""
    found = []
    folder = run.evaluation("any").parent.parent
    # Unlike Path.glob, it passes over what may not be looked into.
    for name in sorted(glob.glob("*/*.json", root_dir=folder)):
        path = folder / name
        with contextlib.suppress(OSError, ValidationError), open_regular(path) as file:
            result = SavedEvaluation.model_validate_json(file.read())
            place = {"name": path.parent.name, "stem": path.stem}
            found.append(result.model_copy(update=place))
    return found
