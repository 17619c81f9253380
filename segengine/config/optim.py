"""The optim section: optimizer, learning-rate schedule and loss."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from segengine.config.section import Section, defaults, known, only_if, zero_means


class OptimConfig(Section):
    """Optimizer, learning-rate schedule and loss.

    The defaults of adam and sgd are PyTorch's own; those of adamw are the published recipe's.
    """

    optimizer: Literal["adamw", "adam", "sgd"] = Field(
        "adamw", title="Optimizer", description="Rule that updates the weights."
    )
    amsgrad: bool = Field(
        True,
        title="AMSGrad",
        description="Adam with the maximum of past squared gradients.",
        json_schema_extra={
            **only_if(optimizer=["adamw", "adam"]),
            **defaults(optimizer={"adam": False}),
        },
    )
    momentum: FiniteFloat = Field(
        0.9,
        ge=0,
        lt=1,
        title="Momentum",
        description="Share of the last update that is kept.",
        json_schema_extra={**only_if(optimizer=["sgd"]), **defaults(optimizer={"sgd": 0.0})},
    )
    lr: FiniteFloat = Field(
        1e-3,
        gt=0,
        le=10,
        title="Learning rate",
        description="Learning rate that the schedule starts from.",
    )
    encoder_lr_factor: FiniteFloat = Field(
        1.0,
        gt=0,
        le=10,
        title="Encoder learning-rate factor",
        description="The encoder's learning rate is this factor times the learning rate, which the "
        "log and the curves give for the decoder; 0.1 is usual for fine-tuning.",
        json_schema_extra=only_if("keeps the encoder as it is", strategy=["scratch", "pretrained"]),
    )
    weight_decay: FiniteFloat = Field(
        1e-2,
        ge=0,
        le=1,
        title="Weight decay",
        description="Pull of the weights toward 0: decoupled for AdamW, added to the gradient "
        "otherwise.",
        json_schema_extra=defaults(optimizer={"adam": 0.0, "sgd": 0.0}),
    )
    scheduler: Literal["exponential", "constant", "cosine", "polynomial", "step"] = Field(
        "exponential", title="Schedule", description="How the learning rate changes over epochs."
    )
    gamma: FiniteFloat = Field(
        0.98,
        gt=0,
        le=1,
        title="Decay factor",
        description="Factor on the learning rate, after every epoch (exponential) or at every "
        "decay (step).",
        json_schema_extra=only_if(scheduler=["exponential", "step"]),
    )
    step_epochs: int = Field(
        10,
        ge=1,
        title="Decay every (epochs)",
        description="Epochs from one decay to the next.",
        json_schema_extra=only_if(scheduler=["step"]),
    )
    power: FiniteFloat = Field(
        0.9,
        gt=0,
        le=10,
        title="Power",
        description="Exponent of the polynomial decay to 0.",
        json_schema_extra=only_if(scheduler=["polynomial"]),
    )
    warmup_epochs: FiniteFloat = Field(
        0.0,
        ge=0,
        title="Warm-up epochs",
        description="Epochs in which the learning rate rises linearly to the schedule's value "
        "(0: none).",
        json_schema_extra=zero_means("none"),
    )
    loss: Annotated[str, known("losses")] = Field(
        "cross_entropy", title="Loss", description="What is minimized; void pixels never count."
    )
    class_weights: Literal["none", "inverse"] = Field(
        "none",
        title="Class weights",
        description="inverse: rare classes count more, by the inverse of their share of the "
        "training pixels.",
        json_schema_extra=only_if(loss=["cross_entropy", "ce_dice", "focal"]),
    )
    focal_gamma: FiniteFloat = Field(
        2.0,
        ge=0,
        le=10,
        title="Focal gamma",
        description="How strongly pixels that are already right are discounted (0: not at all).",
        json_schema_extra=only_if(loss=["focal"]),
    )
    grad_clip: FiniteFloat = Field(
        0.0,
        ge=0,
        title="Gradient clipping",
        description="Maximum norm of all gradients together (0: no limit).",
        json_schema_extra=zero_means("none"),
    )
    ema: FiniteFloat = Field(
        0.0,
        ge=0,
        lt=1,
        title="EMA decay",
        description="Decay of an exponential moving average of the weights, which is then "
        "validated and saved as the best (0: none; 0.99 to 0.9999 are usual).",
        json_schema_extra=zero_means("none"),
    )
