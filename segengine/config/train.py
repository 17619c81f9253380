"""The train section: how long a model is trained, and on which device."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, FiniteFloat

from segengine.config.section import Section, only_if, zero_means

EarlyStopMetric = Literal["miou", "dice", "boundary_iou", "pixel_accuracy", "loss"]


class TrainConfig(Section):
    """How long the model is trained, and on which device."""

    epochs: int = Field(
        30, ge=1, le=100_000, title="Epochs", description="Passes over the training images."
    )
    batch_size: int = Field(64, ge=1, le=4096, title="Batch size", description="Images per batch.")
    accumulate: int = Field(
        1,
        ge=1,
        le=1024,
        title="Gradient accumulation",
        description="Batches per optimizer step: a large batch in little memory, apart from batch "
        "norm, and from Dice and Lovász, which see the small batches.",
    )
    val_every: int = Field(
        1,
        ge=1,
        title="Validate every (epochs)",
        description="Epochs from one validation to the next; the last epoch is always validated.",
    )
    early_stop: int = Field(
        0,
        ge=0,
        title="Early stopping (epochs)",
        description="Stop after this many epochs without a better validation (0: never).",
        json_schema_extra=zero_means("never"),
    )
    early_stop_metric: EarlyStopMetric = Field(
        "miou",
        title="Best epoch by",
        description="Validation score that chooses the best weights, and that must improve for a "
        "run not to stop early; the loss improves by falling.",
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**31,
        title="Seed",
        description="Seed of every random choice: the same seed gives the same run on CPU.",
    )
    native_scores: bool = Field(
        False,
        title="Scores at native size",
        description="At the end, also score the validation and test images at their masks' own "
        "sizes, as papers do, beside the scores at the size that the model sees.",
    )
    keep_probabilities: bool = Field(
        False,
        title="Keep class probabilities",
        description="At the end, also keep the class probabilities of the validation images, in 8 "
        "bits, to look at confidence and calibration.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", title="Device", description="auto: the GPU if there is one, else the CPU."
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto",
        title="Precision",
        description="auto: bf16 mixed precision on GPUs that have it, fp32 elsewhere; fp16 scales "
        "the loss.",
    )
    compile: bool = Field(
        False,
        title="Compile",
        description="Compile the model with torch.compile: minutes at the start, then faster "
        "steps. GPUs only.",
        json_schema_extra=only_if("compiles nothing", device=["auto", "cuda"]),
    )
    feature_cache: FiniteFloat = Field(
        4.0,
        ge=0,
        title="Feature cache (GB)",
        description="Compute a frozen encoder's features only once, if they fit into this much "
        "disk space (0: off).",
        json_schema_extra={
            **only_if("keeps no features", strategy=["frozen"], augment=[]),
            **zero_means("off"),
        },
    )
