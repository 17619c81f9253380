"""The model section: what is trained, and what it starts from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, FiniteFloat, model_validator

from segengine.config.encoders import DEFAULT_ENCODER, check_encoder, known_encoder
from segengine.config.section import OPTION, PathText, Section, known, only_if, zero_means
from segengine.errors import UserError
from segengine.registry import entries, find


class ModelConfig(Section):
    """Which model is trained, and which weights it starts from."""

    arch: Annotated[str, known("models")] = Field(
        "segformer_b0", title="Model", description="Architecture of the network."
    )
    stem: Literal["paper", "small"] = Field(
        "paper",
        title="Stem",
        description="SegFormer's first patch embedding: paper (7x7, stride 4) or small "
        "(5x5, stride 2, finer maps for small images, no stochastic depth).",
        json_schema_extra=only_if(arch=OPTION),
    )
    drop_path: FiniteFloat = Field(
        0.1,
        ge=0,
        lt=1,
        title="Stochastic depth",
        description="Probability that training skips the last block; it grows linearly from 0 at "
        "the first block.",
        json_schema_extra=only_if(arch=OPTION, stem=["paper"]),
    )
    encoder: Annotated[str, AfterValidator(known_encoder)] = Field(
        "",
        title="Encoder",
        description=f"Encoder, for models that let you choose one ({DEFAULT_ENCODER} if left out).",
        json_schema_extra=only_if(arch=OPTION),
    )
    upsampling: Literal["transpose", "bilinear"] = Field(
        "transpose",
        title="Upsampling",
        description="How U-Net's decoder doubles the size of its maps: by 2x2 transposed "
        "convolution (trained) or by bilinear interpolation (fixed).",
        json_schema_extra=only_if(arch=OPTION),
    )
    base_width: int = Field(
        64,
        ge=4,
        le=256,
        title="Base width",
        description="Channels of U-Net's first level; each level below has twice as many.",
        json_schema_extra=only_if(arch=OPTION),
    )
    aux_weight: FiniteFloat = Field(
        0.0,
        ge=0,
        le=10,
        title="Auxiliary loss",
        description="Weight of the loss of an auxiliary head on an inner layer (0: none).",
        json_schema_extra={**only_if(arch=OPTION), **zero_means("none")},
    )
    strategy: Literal["scratch", "pretrained", "frozen"] = Field(
        "scratch",
        title="Strategy",
        description="scratch: random weights; pretrained: the encoder starts from the given "
        "weights; frozen: the same, and only the decoder is trained.",
    )
    weights: PathText = Field(
        "",
        title="Weights",
        description="Where the encoder's weights come from: imagenet, run:<id> or a file.",
        json_schema_extra=only_if("loads nothing", strategy=["pretrained", "frozen"]),
    )
    weights_prefix: str = Field(
        "",
        title="Weights prefix",
        description="Which encoder to take from a weights file that holds several: what stands "
        "before its names, such as teacher or module.encoder_q ('.' for names without a prefix).",
        json_schema_extra=only_if("loads nothing", strategy=["pretrained", "frozen"]),
    )

    @model_validator(mode="before")
    @classmethod
    def _default_encoder(cls, values: Any) -> Any:
        """The default encoder by its name, so that a run's config says what was trained."""
        entry = entries("models").get(str(values.get("arch"))) if isinstance(values, dict) else None
        if entry and "encoder" in entry.options and not values.get("encoder"):
            return {**values, "encoder": DEFAULT_ENCODER}
        return values

    @model_validator(mode="after")
    def _encoder_suits_the_model(self) -> ModelConfig:
        check_encoder(self.arch, self.encoder, self.weights)
        return self

    @model_validator(mode="after")
    def _weights_suit_the_strategy(self) -> ModelConfig:
        if self.loads_weights and not self.weights:
            raise UserError(
                f"strategy {self.strategy} needs weights: imagenet, run:<id> or a file.",
                field="weights",
            )
        if self.weights == "imagenet" and not find("models", self.arch).imagenet:
            raise UserError(
                f"weights imagenet do not exist for {self.arch}: give run:<id> or a file, or "
                "choose strategy scratch.",
                field="weights",
            )
        is_file = self.weights != "imagenet" and not self.weights.startswith("run:")
        if self.weights_prefix and not is_file:
            raise UserError(
                f"weights_prefix '{self.weights_prefix}' was given, but weights {self.weights} "
                "hold one encoder only: leave it out, or give a file.",
                field="weights_prefix",
            )
        return self

    @property
    def loads_weights(self) -> bool:
        """Whether the encoder starts from given weights."""
        return self.strategy != "scratch"

    @property
    def frozen(self) -> bool:
        """Whether the encoder keeps its weights, so that only the decoder is trained."""
        return self.strategy == "frozen"

    @property
    def encoder_name(self) -> str:
        """The encoder and what shapes its parameters: models of one such name can share weights."""
        return encoder_name(self.arch, self.encoder, self.stem, self.base_width)


def encoder_name(arch: str, encoder: str, stem: str, base_width: int) -> str:
    """`ModelConfig.encoder_name` of a model with these settings."""
    name = encoder or find("models", arch).encoder
    if stem != "paper":
        return f"{name}, {stem} stem"
    return f"{name}, base width {base_width}" if arch == "unet" else name
