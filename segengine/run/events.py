"""The events of a run's log, declared once, for the writer, the readers and the guide.

Each event is a typed dictionary; the text beside a field says what it holds, and in which unit.
Fields marked NotRequired are missing in logs of older versions. A reader refuses a line that is not
as declared here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias, cast

from pydantic import Field
from typing_extensions import NotRequired, TypedDict

from segengine.run.lineage import Lineage
from segengine.run.records import Count, Number, Seconds
from segengine.statistics.scores import Scores

VERSION = 1


class Head(TypedDict, total=False):
    """The fields that the writer adds to every event."""

    v: Annotated[int, Field(ge=1, le=VERSION), "version of the format"]
    seq: Annotated[Count, "number of the line, 0-based"]
    time: Annotated[Seconds, "seconds since 1970"]
    non_finite: Annotated[
        list[str], "paths of the numbers that are null because they were infinite or NaN, if any"
    ]


class ClassRecord(TypedDict):
    """A class of the run."""

    name: Annotated[str, "name"]
    color: Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$"), "color, #rrggbb"]


class ParameterRecord(TypedDict):
    """Numbers of parameters."""

    total: Annotated[Count, "all parameters"]
    trainable: Annotated[Count, "parameters that are trained"]


class NormalizationRecord(TypedDict):
    """How the images were normalized: (value - mean) / std, of RGB of 0 to 1."""

    mean: Annotated[list[float], "mean of red, green and blue"]
    std: Annotated[list[float], "standard deviation of red, green and blue"]


class RunStarted(Head):
    """A training session begins: the first one, or one that resumes the run."""

    event: Literal["run_started"]
    classes: Annotated[list[ClassRecord], "the classes in label order"]
    ignore_index: Annotated[int, Field(ge=-(2**31), le=2**31), "label of void pixels"]
    image_size: Annotated[
        list[int],
        Field(min_length=2, max_length=2),
        "height and width of images and masks, in pixels",
    ]
    train_images: Annotated[Count, "number of training images"]
    val_images: Annotated[Count, "number of validation images"]
    splits: NotRequired[
        Annotated[
            dict[str, str],
            "what the images of train, val and (where a test split is scored at the end) test are",
        ]
    ]
    data: NotRequired[
        Annotated[
            dict[str, str],
            "train, val and test: a fingerprint of the images' names and of their files' sizes",
        ]
    ]
    test_images: NotRequired[Annotated[Count, "images scored once at the end; 0: none"]]
    seen_in_training: NotRequired[
        Annotated[
            dict[str, Count],
            "how many images of val and test have the bytes of a training image; of neither: {}",
        ]
    ]
    best_by: NotRequired[
        Annotated[
            str,
            "the validation score that chooses the best weights: miou (also where this is "
            "missing), dice, boundary_iou, pixel_accuracy or loss",
        ]
    ]
    boundary_share: NotRequired[
        Annotated[
            float,
            Field(gt=0, le=1),
            "width d of the strips of boundary IoU, of an image's diagonal; missing: 0.02",
        ]
    ]
    film: Annotated[list[str], "validation images whose masks are kept at every validation"]
    parameters: Annotated[ParameterRecord, "numbers of parameters"]
    device: Annotated[str, "cpu with its threads, or cuda with the GPU's name"]
    precision: Annotated[str, "fp32, bf16 or fp16"]
    normalization: NotRequired[
        Annotated[NormalizationRecord, "of the images; missing: ImageNet's, for every encoder"]
    ]
    versions: Annotated[
        dict[str, str],
        "versions of SegLab (in a checkout also its commit), of Python and of the packages",
    ]
    class_weights: NotRequired[
        Annotated[list[float] | None, "of the loss, in label order; null: all equal"]
    ]
    feature_cache_bytes: NotRequired[
        Annotated[Count, "disk space of a frozen encoder's features, in bytes; 0: none kept"]
    ]
    lineage: Annotated[Lineage | None, "origin of the encoder's weights; null: random weights"]
    encoder_sha256: NotRequired[Annotated[str, "of a frozen encoder's state, before training"]]
    epochs: Annotated[Count, "epochs planned"]
    steps_per_epoch: Annotated[Count, "optimizer steps per epoch"]
    val_every: NotRequired[
        Annotated[Count, "epochs from one validation to the next; the last is always validated"]
    ]
    start_epoch: Annotated[Number, "epoch in which this session begins, 1-based"]
    start_step: Annotated[Count, "optimizer steps done before this session"]


class Progress(Head):
    """Work other than training steps: reading images, validating, predicting."""

    event: Literal["progress"]
    phase: Annotated[str, "what is being done, such as Reading images"]
    done: Annotated[Count, "items done"]
    total: Annotated[Count, "items in all"]


class Step(Head):
    """An optimizer step; at most five per second are logged."""

    event: Literal["step"]
    epoch: Annotated[Number, "number of the epoch, 1-based"]
    step: Annotated[Count, "optimizer steps since the run began"]
    loss: Annotated[float | None, "over the step's labeled pixels together; null: not finite"]
    lr: Annotated[
        float,
        "learning rate (of the decoder: an encoder with a factor is trained at that factor of it)",
    ]
    images_per_second: Annotated[float, "mean since the last logged step, without validations"]


class TrainRecord(Scores):
    """Scores of an epoch's training batches.

    They are made in training mode (batch norm of the batch, dropout and stochastic depth on), of
    augmented images, while the weights change: no curve to compare with the validation's to the
    point. With an EMA they are those of the weights that are trained, not of their average.
    """

    loss: Annotated[
        float | None,
        "over all labeled pixels together, whatever the batches; of Lovász the batches' mean; "
        "null: not finite",
    ]


class ValRecord(TrainRecord):
    """Scores of the whole validation set, in evaluation mode, not augmented, at training size.

    Where the run has an EMA, it is the average of the weights that is validated.
    """

    boundary_iou: NotRequired[Annotated[float, "mean boundary IoU over the classes, 0 to 1"]]
    boundary_iou_per_class: NotRequired[
        Annotated[list[float | None], "boundary IoU per class, 0 to 1; null: class in neither"]
    ]


def score_of(val: ValRecord, metric: str) -> float:
    """The score of a validation that chooses the best weights; higher is better.

    Args:
        metric: see `RunStarted.best_by`.
    """
    if metric == "loss":
        return -math.inf if val["loss"] is None else -val["loss"]
    if metric == "dice":
        return val["mean_dice"]
    if metric == "boundary_iou":
        return val.get("boundary_iou", 0.0)
    return val["pixel_accuracy"] if metric == "pixel_accuracy" else val["miou"]


class Use(TypedDict):
    """What a run's process and its children use of the machine."""

    cpu_percent: Annotated[float, "since the last such event; 100 is one core"]
    memory_bytes: Annotated[Count, "resident memory"]
    gpu_percent: NotRequired[Annotated[float, "busy time of the run's GPU; missing without one"]]
    gpu_memory_bytes: NotRequired[Annotated[Count, "used on that GPU, by all processes"]]


class Resources(Head, Use):
    """What the run uses of the machine; at most every two seconds."""

    event: Literal["resources"]


class Epoch(Head):
    """An epoch is over."""

    event: Literal["epoch"]
    epoch: Annotated[Number, "number of the epoch, 1-based"]
    step: Annotated[Count, "optimizer steps since the run began"]
    train: Annotated[TrainRecord, "scores of the training batches"]
    val: Annotated[ValRecord | None, "scores of the validation set; null: not validated"]
    confusion: Annotated[
        list[list[int]] | None, "pixels of the validation set; rows are the true class; null as val"
    ]
    lr: Annotated[float, "learning rate of the last step (of the decoder, as in step)"]
    seconds: Annotated[Seconds, "duration of the epoch, including its validation"]


class Masks(Head):
    """The predicted masks of the film's images were written."""

    event: Literal["masks"]
    epoch: Annotated[Number, "number of the epoch, 1-based"]
    folder: Annotated[str, "their folder, relative to the run folder"]


class Checkpoint(Head):
    """A checkpoint was written."""

    event: Literal["checkpoint"]
    epoch: Annotated[Count, "whole epochs trained"]
    kind: Annotated[Literal["last", "best"], "the newest weights, or those of the best validation"]
    path: Annotated[str, "its file, relative to the run folder"]
    sha256: Annotated[str, "sha256 of the file"]


class TestRecord(ValRecord):
    """Scores of the best weights on images that neither trained nor chose anything."""

    images: Annotated[int, "number of images"]


class RunFinished(Head):
    """All epochs are done, the validation set is predicted, and the test split scored."""

    event: Literal["run_finished"]
    best_epoch: Annotated[Count, "epoch of the best validation by best_by, 1-based"]
    best_miou: Annotated[float, "mIoU of that validation, 0 to 1"]
    seconds: Annotated[Seconds, "duration of the training, over all sessions"]
    encoder_sha256: NotRequired[Annotated[str, "of a frozen encoder's state, after training"]]
    test: NotRequired[Annotated[TestRecord, "scores of the test split, where one is held back"]]
    probability_bytes: NotRequired[
        Annotated[Count, "disk space of the class probabilities, in bytes; missing: none kept"]
    ]


class RunStopped(Head):
    """The run stopped on request; it can be resumed."""

    event: Literal["run_stopped"]
    reason: Annotated[str, "why, in one sentence"]


class RunFailed(Head):
    """The run failed; it can be resumed when the cause is gone."""

    event: Literal["run_failed"]
    error: Annotated[str, "why, in one sentence"]
    problems: NotRequired[Annotated[list[str], "every problem of the data, if that is why"]]
    traceback: Annotated[str, "Python traceback, for debugging"]


End: TypeAlias = RunFinished | RunStopped | RunFailed
Event: TypeAlias = RunStarted | Progress | Step | Resources | Epoch | Masks | Checkpoint | End
END_EVENTS = ("run_finished", "run_stopped", "run_failed")  # how a session ends, if not by a crash


def end_of(events: Sequence[Event]) -> End | None:
    """How a log's last session ended; None while it is at work, and after a crash.

    A checkpoint that follows the end was made smaller after it.
    """
    last = next((event for event in reversed(events) if event["event"] != "checkpoint"), None)
    if last is None or last["event"] not in END_EVENTS:
        return None
    return cast("End", last)
