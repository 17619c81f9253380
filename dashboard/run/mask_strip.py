"""A few predicted validation images beside their truth: the best, the middle and the worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from dashboard.masks.overlays import data_uri, mask_png, shrink_mask
from dashboard.masks.panels import GroundTruth, ShownRun, mious_of, open_ground_truth
from dashboard.shared.formats import format_miou
from segengine.config import DataConfig
from segengine.datasets.base import ClassInfo
from segengine.errors import UserError
from segengine.results.details.picks import Pick, best_median_worst
from segengine.results.masks import MaskSet

SIDE = 480  # pixels of a truth mask's longer side


@dataclass(frozen=True)
class StripImage:
    """One image: addresses of its photograph and of the masks over it, "" where there is none."""

    pick: Pick
    photo: str
    truth: str
    predicted: str
    aspect: float  # width / height


def strip(
    masks: MaskSet,
    data: Sequence[DataConfig],
    classes: Sequence[ClassInfo],
    ignore_index: int,
) -> tuple[list[StripImage], str]:
    """The images, best first, and why photographs and truth are missing ("" where they are there).

    Args:
        data: where the dataset may lie; none where the run's config cannot be read.
    """
    names = sorted(masks.names())
    mious = mious_of(ShownRun(masks, "", ""), names, data, len(classes), ignore_index)
    picks = best_median_worst({name: mious[name] for name in names if name in mious})
    images, problem = [], ""
    for pick in picks or [Pick("Image", name, float("nan")) for name in names[:3]]:
        truth = open_ground_truth(data, pick.name)
        problem = problem or truth.problem
        images.append(_image(masks, pick, truth, classes, ignore_index))
    return [image for image in images if image.predicted], problem


def _image(
    masks: MaskSet,
    pick: Pick,
    truth: GroundTruth,
    classes: Sequence[ClassInfo],
    ignore_index: int,
) -> StripImage:
    try:
        labels = masks.mask(pick.name)
    except UserError:
        return StripImage(pick, "", "", "", 1.0)
    true = ""
    if truth.mask is not None:
        small = shrink_mask(truth.mask, SIDE)
        true = data_uri(mask_png(small, classes, ignore_index))
    predicted = data_uri(mask_png(labels, classes, ignore_index))
    aspect = truth.aspect or labels.shape[1] / labels.shape[0]
    return StripImage(pick, truth.photo, true, predicted, aspect)


def strip_html(run_id: str, images: Sequence[StripImage]) -> str:
    """The strip; each image leads to the Masks page."""
    return f'<div class="run-strip">{"".join(_figure(run_id, image) for image in images)}</div>'


def _figure(run_id: str, image: StripImage) -> str:
    word, name, miou = image.pick
    address = f"/masks?runs={run_id}&image={quote(name)}"
    pictures = [
        _picture(image, layer, title)
        for layer, title in ((image.truth, "Ground truth"), (image.predicted, "Prediction"))
        if layer
    ]
    return (
        f'<a href="{escape(address)}" target="_self" title="Open {escape(name)} in Masks">'
        f'<span class="run-pair">{"".join(pictures)}</span>'
        f'<span class="run-caption"><b>{word}</b> {format_miou(miou)}'
        f"<span>{escape(name)}</span></span></a>"
    )


def _picture(image: StripImage, layer: str, title: str) -> str:
    photo = f'<img src="{image.photo}" alt="">' if image.photo else ""
    over = f'<img class="run-layer" src="{layer}" alt="{title}">'
    return f'<span class="run-picture" style="aspect-ratio:{image.aspect:.4f}">{photo}{over}</span>'


def legend_html(classes: Sequence[ClassInfo], unfilled: int | None) -> str:
    """The classes with their colors, as over the photographs; the background is unfilled."""
    chips = [
        f'<span><i style="{"" if label == unfilled else f"background:{info.color}"}"></i>'
        f"{escape(info.name)}</span>"
        for label, info in enumerate(classes)
    ]
    return f'<div class="run-legend">{"".join(chips)}</div>'
