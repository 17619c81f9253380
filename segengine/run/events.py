"""The events of a run's log, declared once: the writer, the readers and the guide all follow this.

Each event is a typed dictionary; the text beside a field says what it holds and in which unit.
Fields marked NotRequired are missing in the logs of older versions.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from typing_extensions import NotRequired, TypedDict

from segengine.run.lineage import Lineage
from segengine.statistics.scores import Scores

VERSION = 1


class Head(TypedDict, total=False):
    """What every line begins with; the writer sets it."""

    v: Annotated[int, "version of the format"]
    seq: Annotated[int, "0-based number of the line"]
    time: Annotated[float, "seconds since 1970"]
    non_finite: Annotated[list[str], "paths of the numbers that were infinite or NaN: null here"]


class ClassRecord(TypedDict):
    """A class as the run knows it."""

    name: Annotated[str, "its name"]
    color: Annotated[str, "its color, #rrggbb"]


class ParameterRecord(TypedDict):
    """Numbers of parameters."""

    total: Annotated[int, "all parameters"]
    trainable: Annotated[int, "those that are trained"]


class RunStarted(Head):
    """A session of training begins: the first one, or one that resumes."""

    event: Literal["run_started"]
    classes: Annotated[list[ClassRecord], "the classes in label order"]
    ignore_index: Annotated[int, "label of void pixels"]
    image_size: Annotated[list[int], "height and width of images and masks, pixels"]
    train_images: Annotated[int, "images that train"]
    val_images: Annotated[int, "images that validate"]
    film: Annotated[list[str], "validation images whose masks are kept at every validation"]
    parameters: Annotated[ParameterRecord, "numbers of parameters"]
    device: Annotated[str, "what computes"]
    precision: Annotated[str, "fp32, bf16 or fp16"]
    versions: Annotated[dict[str, str], "package -> version"]
    class_weights: NotRequired[Annotated[list[float] | None, "of the loss; null: all the same"]]
    feature_cache_bytes: NotRequired[
        Annotated[int, "disk for a frozen encoder's features; 0: none"]
    ]
    lineage: Annotated[Lineage | None, "where the encoder's weights came from; null: nowhere"]
    encoder_sha256: NotRequired[Annotated[str, "of a frozen encoder's state, before training"]]
    epochs: Annotated[int, "epochs planned"]
    steps_per_epoch: Annotated[int, "optimizer steps per epoch"]
    start_epoch: Annotated[int, "1-based epoch that this session begins in"]
    start_step: Annotated[int, "optimizer steps done before this session"]


class Progress(Head):
    """Work other than training steps: reading images, validating, predicting."""

    event: Literal["progress"]
    phase: Annotated[str, "what is being done, for people"]
    done: Annotated[int, "items done"]
    total: Annotated[int, "items in all"]


class Step(Head):
    """An optimizer step; at most five per second are logged."""

    event: Literal["step"]
    epoch: Annotated[int, "1-based"]
    step: Annotated[int, "optimizer steps since the run began"]
    loss: Annotated[float | None, "mean over the step's labeled pixels; null: not finite"]
    lr: Annotated[float, "learning rate (of the decoder, where the encoder has its own)"]
    images_per_second: Annotated[float, "since the last logged step, validations left out"]


class TrainRecord(Scores):
    """Scores of the training batches, made while the weights moved, on augmented images."""

    loss: Annotated[float | None, "mean over the labeled pixels; null: not finite"]


class ValRecord(TrainRecord):
    """Scores of the whole validation set."""

    boundary_iou: NotRequired[Annotated[float, "mean boundary IoU over the classes, 0 to 1"]]
    boundary_iou_per_class: NotRequired[
        Annotated[list[float | None], "boundary IoU per class; null: in neither"]
    ]


class Epoch(Head):
    """An epoch is over."""

    event: Literal["epoch"]
    epoch: Annotated[int, "1-based"]
    step: Annotated[int, "optimizer steps since the run began"]
    train: Annotated[TrainRecord, "scores of the training batches"]
    val: Annotated[ValRecord | None, "scores of the validation; null: none in this epoch"]
    confusion: Annotated[list[list[int]] | None, "validation pixels; rows are the true class"]
    lr: Annotated[float, "learning rate of the last step"]
    seconds: Annotated[float, "time of the epoch, its validation included"]


class Masks(Head):
    """The masks of the film's images were written."""

    event: Literal["masks"]
    epoch: Annotated[int, "1-based"]
    folder: Annotated[str, "where, relative to the run folder"]


class Checkpoint(Head):
    """A checkpoint was written."""

    event: Literal["checkpoint"]
    epoch: Annotated[int, "whole epochs that it holds"]
    kind: Annotated[Literal["last", "best"], "the newest weights, or those that validated best"]
    path: Annotated[str, "where, relative to the run folder"]
    sha256: Annotated[str, "of the file"]


class RunFinished(Head):
    """All epochs are done and the validation set is predicted."""

    event: Literal["run_finished"]
    best_epoch: Annotated[int, "1-based epoch with the best validation mIoU"]
    best_miou: Annotated[float, "that mIoU, 0 to 1"]
    seconds: Annotated[float, "training time over all sessions"]
    encoder_sha256: NotRequired[Annotated[str, "of a frozen encoder's state, after training"]]


class RunStopped(Head):
    """The run stopped on request; it can be resumed."""

    event: Literal["run_stopped"]
    reason: Annotated[str, "why, in one sentence"]


class RunFailed(Head):
    """The run cannot go on."""

    event: Literal["run_failed"]
    error: Annotated[str, "why, in one sentence"]
    problems: NotRequired[Annotated[list[str], "all that is wrong with the data, if that is why"]]
    traceback: Annotated[str, "for whoever mends it"]


End: TypeAlias = RunFinished | RunStopped | RunFailed
Event: TypeAlias = RunStarted | Progress | Step | Epoch | Masks | Checkpoint | End
END_EVENTS = ("run_finished", "run_stopped", "run_failed")  # one of them is a run's last word
