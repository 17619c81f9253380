"""A few predicted validation images beside their truth: the best, the middle and the worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote, urlencode

from dashboard.masks.listing import scores_of
from dashboard.masks.models import Models
from dashboard.masks.scene import stamp_of
from dashboard.masks.truth import open_truth
from dashboard.shared.formats import format_miou
from segengine.datasets.base import ClassInfo
from segengine.errors import UserError
from segengine.results.details.picks import Pick, best_median_worst
from segengine.results.masks.sets import MaskSet

SIDE = 480  # pixels of a picture's longer side


@dataclass(frozen=True)
class StripImage:
    """One image: addresses of the photograph with the masks over it, "" where there is none."""

    pick: Pick
    truth: str
    predicted: str
    aspect: float  # width / height


def strip(models: Models) -> tuple[list[StripImage], str]:
    """The images of a model, best first, and why photographs and truth are missing, else ""."""
    masks = models.sets[0]
    names = sorted(masks.names())
    scores = scores_of(models, masks, tuple(names))
    picks = best_median_worst({name: scores[name].miou for name in names if name in scores})
    images, problem = [], ""
    for pick in picks or [Pick("Image", name, float("nan")) for name in names[:3]]:
        try:
            labels = masks.mask(pick.name)
        except UserError:
            continue
        height, width = labels.shape
        truth = ""
        try:
            height, width = open_truth(models.configs, pick.name).mask().shape
            truth = _address(masks, pick.name, "truth")
        except UserError as error:
            problem = problem or str(error)
        predicted = _address(masks, pick.name, "model")
        images.append(StripImage(pick, truth, predicted, width / height))
    return images, problem


def _address(masks: MaskSet, name: str, over: str) -> str:
    asked = {"models": f"{masks.run.id}@{masks.key}", "image": name, "over": over, "side": SIDE}
    return f"/api/masks/thumbnail?{urlencode({**asked, 'v': stamp_of(masks, name)})}"


def strip_html(run_id: str, images: Sequence[StripImage]) -> str:
    """The strip; each image leads to the Masks page."""
    return f'<div class="run-strip">{"".join(_figure(run_id, image) for image in images)}</div>'


def _figure(run_id: str, image: StripImage) -> str:
    word, name, miou = image.pick
    address = f"/masks?runs={run_id}&image={quote(name)}"
    pictures = [
        f'<img class="run-picture" src="{escape(source)}" alt="{title}" '
        f'style="aspect-ratio:{image.aspect:.4f}">'
        for source, title in ((image.truth, "Ground truth"), (image.predicted, "Prediction"))
        if source
    ]
    return (
        f'<a href="{escape(address)}" target="_self" title="Open {escape(name)} in Masks">'
        f'<span class="run-pair">{"".join(pictures)}</span>'
        f'<span class="run-caption"><b>{word}</b> {format_miou(miou)}'
        f"<span>{escape(name)}</span></span></a>"
    )


def legend_html(classes: Sequence[ClassInfo], unfilled: int | None) -> str:
    """The classes with their colors, as over the photographs; the background is unfilled."""
    chips = [
        f'<span><i style="{"" if label == unfilled else f"background:{info.color}"}"></i>'
        f"{escape(info.name)}</span>"
        for label, info in enumerate(classes)
    ]
    return f'<div class="run-legend">{"".join(chips)}</div>'
