"""The routes of the Masks page: its images in order, one image's scene, and its pictures."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Iterator
from typing import IO

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from dashboard.masks.listing import images_of
from dashboard.masks.models import models_of
from dashboard.masks.pictures import packed_labels, photo_tile, thumbnail
from dashboard.masks.scene import scene_of
from dashboard.masks.truth import open_truth
from dashboard.server.answers import answering
from dashboard.shared.browser_words import in_browser_words
from segengine.datasets.decoded import resize_mask
from segengine.errors import UserError

LONGEST_THUMBNAIL = 512  # pixels of a side
_PIECE = 1 << 16  # bytes
_FRESH = {"Cache-Control": "no-store"}
# Their addresses hold a stamp of the files: what is behind one never changes.
_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}


def mask_routes() -> list[Route]:
    """They only read. `models` are "id,id@epoch", `image` is a name of the validation set."""
    ends = {
        "images": _images,
        "scene": _scene,
        "labels": _labels,
        "truth": _truth,
        "photo": _photo,
        "thumbnail": _thumbnail,
        "all.zip": _zip,
    }
    return [
        Route(f"/api/masks/{name}", answering(end), methods=["GET"]) for name, end in ends.items()
    ]


def _images(request: Request) -> Response:
    given = request.query_params
    models = models_of(given.get("models", ""))
    by, find, kind = given.get("order") or "name", given.get("find", ""), given.get("kind", "")
    return JSONResponse(images_of(models, by, find, kind), headers=_FRESH)


def _scene(request: Request) -> Response:
    given = request.query_params
    scene = scene_of(models_of(given.get("models", "")), given.get("image", ""))
    scene["problem"] = in_browser_words(scene["problem"])
    return JSONResponse(scene, headers=_FRESH)


def _labels(request: Request) -> Response:
    """The labels that the first of the models predicted, at the size of its mask."""
    given = request.query_params
    masks = models_of(given.get("models", "")).sets[0]
    return _packed(packed_labels(masks.mask(_image(request))))


def _truth(request: Request) -> Response:
    """The true labels, at native size or at `size` ("64x64", height first)."""
    given = request.query_params
    models = models_of(given.get("models", ""))
    mask = open_truth(models.configs, _image(request)).mask()
    if size := given.get("size"):
        mask = resize_mask(mask, _size(size))
    return _packed(packed_labels(mask))


def _photo(request: Request) -> Response:
    """A part of the photograph: `level`, `column` and `row` of `pictures.photo_tile`."""
    given = request.query_params
    models = models_of(given.get("models", ""))
    image = open_truth(models.configs, _image(request)).photo()
    level, column, row = (_number(given.get(name, "0")) for name in ("level", "column", "row"))
    return Response(photo_tile(image, level, column, row), 200, _FOREVER, "image/jpeg")


def _thumbnail(request: Request) -> Response:
    """A small picture; `over` is "photo", "truth" or "model" (the first of the models)."""
    given = request.query_params
    models, name = models_of(given.get("models", "")), _image(request)
    over, side = given.get("over", "model"), _number(given.get("side", "128"))
    labels = models.sets[0].mask(name) if over == "model" else None
    try:
        truth = open_truth(models.configs, name)
        image = truth.photo()
        labels = truth.mask() if over == "truth" else labels
    except UserError:
        if labels is None:
            raise
        image = None
    side = max(16, min(side, LONGEST_THUMBNAIL))
    picture = thumbnail(image, labels, models.classes, models.ignore_index, side)
    return Response(picture, 200, {"Cache-Control": "private, max-age=3600"}, "image/jpeg")


def _zip(request: Request) -> Response:
    """All index masks of the first of the models."""
    masks = models_of(request.query_params.get("models", "")).sets[0]
    file = tempfile.TemporaryFile()  # noqa: SIM115 - `_pieces` closes it
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # PNGs are packed already
        for name in sorted(masks.names()):
            archive.write(masks.folder / f"{name}.png", f"{masks.run.id}/{name}.png")
    file.seek(0)
    name = f"{masks.run.id}-{masks.key}.zip"
    headers = {**_FRESH, "Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_pieces(file), 200, headers, "application/zip")


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


def _image(request: Request) -> str:
    """The image asked for, as a name within the dataset's folder."""
    name = request.query_params.get("image", "")
    parts = name.split("/")
    if not name or name.startswith("/") or ".." in parts or {"\\", "\0"} & set(name):
        raise UserError("Ask for an image by its name, as in ?image=Abyssinian_1.", field="run")
    return name


def _size(text: str) -> tuple[int, int]:
    if not re.fullmatch(r"[1-9]\d{0,3}x[1-9]\d{0,3}", text):
        raise UserError("A size is height x width in pixels, as in ?size=64x64.")
    height, _, width = text.partition("x")
    return int(height), int(width)


def _number(text: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text):
        raise UserError(f"'{text[:20]}' was given where a whole number belongs.")
    return int(text)


def _packed(content: bytes) -> Response:
    headers = {**_FOREVER, "Content-Encoding": "gzip"}
    return Response(content, 200, headers, "application/octet-stream")
