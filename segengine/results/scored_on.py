"""What a score is over, in words: which images, whether they chose the weights, at which size."""

from __future__ import annotations

from collections.abc import Sequence

from segengine.datasets.splits.roles import HELD_OUT
from segengine.results.runlog import RunLog
from segengine.run.events import RunStarted, TestRecord
from segengine.statistics.boundary import WIDTH_SHARE, boundary_width

SCORE_NAMES = {
    "miou": "mIoU",
    "dice": "Dice",
    "boundary_iou": "boundary IoU",
    "pixel_accuracy": "pixel accuracy",
    "loss": "loss",
}
TRAINING_HINT = (  # for the hover text where the curves stand
    "Training scores are made in training mode (dropout on, batch norm of the batch), on augmented "
    "images, while the weights change."
)
UNKNOWN_SPLIT = "validation split of the dataset"  # logs of older versions do not say


def best_by(log: RunLog) -> str:
    """The validation score that chooses a run's best weights."""
    return log.started.get("best_by", "miou") if log.started else "miou"


def at_size(image_size: Sequence[int]) -> str:
    """The size (height, width) that scores are measured at: "at 64x64"."""
    return "at " + "x".join(map(str, image_size))


def sized(scored_at: str, image_size: Sequence[int]) -> str:
    """The size at which an evaluation was scored, where that may differ from the model's own."""
    own = "x".join(map(str, image_size))
    return (
        f"at the masks' own sizes (the model saw {own})" if scored_at == "native" else f"at {own}"
    )


def boundary_words(started: RunStarted, scored_at: str = "training") -> str:
    """What boundary IoU counts: "strips d = 2 px wide", "strips d = 2 % of the diagonal wide"."""
    share = started.get("boundary_share", WIDTH_SHARE)
    if scored_at == "native":
        return f"strips d = {100 * share:g} % of the diagonal wide"
    height, width = started["image_size"]
    return f"strips d = {boundary_width(height, width, share)} px wide"


def val_images(started: RunStarted) -> str:
    """What validates: "held out of the training images", "official test list"."""
    return started.get("splits", {}).get("val", UNKNOWN_SPLIT)


def val_in_short(log: RunLog) -> str:
    """The same in a table's cell: "held out"; "" before the run has started."""
    if log.started is None:
        return ""
    images = val_images(log.started)
    return {HELD_OUT: "held out", UNKNOWN_SPLIT: "own split"}.get(images, images)


def best_note(log: RunLog) -> str:
    """What stands small beside a best mIoU: "held out, 64x64, test 0.512"; "" before a start."""
    if log.started is None:
        return ""
    test = test_of(log)
    tested = [f"test {test['miou']:.3f}"] if test else []
    size = log.started.get("image_size")
    sized = ["x".join(map(str, size))] if size else []
    return ", ".join([val_in_short(log), *sized, *tested])


def validation_hint(log: RunLog, ema: bool) -> str:
    """What the validation curves are, for the hover text where they stand."""
    weights = "the average of the weights (EMA)" if ema else "the weights"
    over_images = f", on images: {best_note(log)}" if log.started else ""
    return f"Validation scores are of {weights} after the epoch{over_images}."


def validation_words(log: RunLog) -> str:
    """Of a best validation score; as `over`, "" before the run has started."""
    started = log.started
    if started is None:
        return ""
    did = f"chose the epoch by {SCORE_NAMES.get(best_by(log), best_by(log))}"
    return over(started["val_images"], val_images(started), started["image_size"], did)


def test_words(log: RunLog) -> str:
    """Of a test score; as `over`, "" where there is none."""
    test = test_of(log)
    if log.started is None or test is None:
        return ""
    what = log.started.get("splits", {}).get("test", "test split")
    return over(test["images"], what, log.started["image_size"], "chose nothing")


def over(images: int, what: str, image_size: Sequence[int], did: str) -> str:
    """ "80 images of the official test list, at 64x64; they chose nothing".

    Args:
        what: see `datasets.splits.roles.descriptions`.
        did: what the images did for the model that is scored.
    """
    count, they = ("1 image", "it") if images == 1 else (f"{images:,} images", "they")
    source = what if what == HELD_OUT else f"of the {what}"
    return f"{count} {source}, {at_size(image_size)}; {they} {did}"


def test_of(log: RunLog) -> TestRecord | None:
    """The scores of the test split; None where none was held back, or the run is not finished."""
    end = log.end
    return end.get("test") if end and end["event"] == "run_finished" else None
