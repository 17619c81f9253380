"""One image as the Masks page shows it: where its pictures are, and how well each model does."""

from __future__ import annotations

import os
from typing import TypedDict
from urllib.parse import urlencode

import numpy as np

from dashboard.masks.models import Models
from dashboard.masks.pictures import whole_level
from dashboard.masks.truth import Truth, open_truth
from segengine.errors import UserError
from segengine.results.masks.scoring import ImageScore, boundary_reach, confusion, saved_scores
from segengine.results.masks.sets import MaskSet
from segengine.results.scored_on import at_size

Size = tuple[int, int]


class Labels(TypedDict):
    """Labels of a size in pixels, and their address."""

    url: str
    width: int
    height: int


class Photo(Labels):
    """A photograph; `level` is that of the whole one (see `pictures.photo_tile`)."""

    level: int


class Prediction(TypedDict):
    """What a model has of the image.

    Attributes:
        note: which weights made it.
        sized: "at 64x64": at which size it was made, where the log says.
        labels: None where there are none; `message` then says why.
        fitted: the truth at the prediction's size; None where the dataset is gone.
        band: half the width of the boundary strips at that size, in pixels; 0 without truth.
        miou: on this image, 0 to 1; None where it cannot be known.
        iou: per class; None for one that is neither in the truth nor predicted.
    """

    note: str
    sized: str
    labels: Labels | None
    fitted: Labels | None
    band: int
    miou: float | None
    iou: list[float | None]
    message: str


class Scene(TypedDict):
    """One image; `problem` says why photograph and truth are missing."""

    name: str
    kind: str
    photo: Photo | None
    truth: Labels | None
    void: bool
    models: list[Prediction]
    problem: str


def scene_of(models: Models, name: str) -> Scene:
    """What there is of an image. What cannot be read is said in its place."""
    truth: Truth | None = None
    mask: np.ndarray | None = None
    problem = ""
    try:
        truth = open_truth(models.configs, name)
        mask = truth.mask()
    except UserError as error:
        problem = str(error)
    scene: Scene = {
        "name": name,
        "kind": truth.kind() if truth else "",
        "photo": None,
        "truth": None,
        "void": False,
        "models": [_prediction(models, masks, name, truth, mask) for masks in models.sets],
        "problem": problem,
    }
    if truth is not None and mask is not None:
        size = (mask.shape[0], mask.shape[1])
        of_truth = {**_about(models.sets[0], name), "v": truth.stamp}
        photo = _labels("photo", of_truth, size)
        scene["photo"] = {**photo, "level": whole_level(*size)}
        scene["truth"] = _labels("truth", of_truth, size)
        scene["void"] = bool((mask == models.ignore_index).any())
    return scene


def _prediction(
    models: Models, masks: MaskSet, name: str, truth: Truth | None, mask: np.ndarray | None
) -> Prediction:
    found: Prediction = {
        "note": masks.caption,
        "sized": at_size(masks.size) if masks.size else "",
        "labels": None,
        "fitted": None,
        "band": 0,
        "miou": None,
        "iou": [],
        "message": "",
    }
    try:
        labels = masks.mask(name)
        size = (labels.shape[0], labels.shape[1])
        about = {**_about(masks, name), "v": stamp_of(masks, name)}
        if truth is not None and mask is not None:
            counts, _ = confusion(labels, mask, len(models.classes), models.ignore_index)
            scored: ImageScore | None = ImageScore.of(counts)
            fitted = {**_about(models.sets[0], name), "size": f"{size[0]}x{size[1]}"}
            found["fitted"] = _labels("truth", {**fitted, "v": truth.stamp}, size)
            found["band"] = boundary_reach(size, truth.dataset)
        else:
            known = saved_scores(masks.run.per_image_file) if masks.best else {}
            scored = known.get(name)
        found["labels"] = _labels("labels", about, size)
    except UserError as error:
        found["message"] = str(error)
        return found
    if scored:
        found["miou"], found["iou"] = scored.miou, list(scored.iou)
    return found


def stamp_of(masks: MaskSet, name: str) -> str:
    """Another text whenever the predicted mask of an image has changed."""
    try:
        found = os.stat(masks.folder / f"{name}.png")
    except OSError:
        return "0"
    return f"{found.st_mtime_ns:x}.{found.st_size:x}"


def _about(masks: MaskSet, name: str) -> dict[str, str]:
    return {"models": f"{masks.run.id}@{masks.key}", "image": name}


def _labels(route: str, about: dict[str, str], size: Size) -> Labels:
    return {"url": f"/api/masks/{route}?{urlencode(about)}", "width": size[1], "height": size[0]}
