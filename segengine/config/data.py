"""The data section: which images train and validate, and how they are prepared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat, model_validator

from segengine.config.section import (
    MAX_IMAGE_SIZE,
    MIN_IMAGE_SIZE,
    OPTION,
    ImageSize,
    PathText,
    Section,
    known,
    only_if,
    shown_if,
    zero_means,
)

Augmentation = Literal["hflip", "crop", "rotate", "color", "blur"]


# What a whole config of version 0.1 holds. It knew neither `val_split` nor `draws`.
_FIELDS_OF_0_1 = {
    *("dataset", "root", "download", "val_share", "split_seed", "image_size", "augment"),
    *("flip_chance", "crop_scale", "rotate_degrees", "color_strength", "blur_sigma"),
    *("train_limit", "val_limit", "workers"),
}


class DataConfig(Section):
    """Which images train and validate, and how they are prepared."""

    dataset: Annotated[str, known("datasets")] = Field(
        "oxford_pets", title="Dataset", description="Name of the dataset."
    )
    root: PathText = Field(
        "data",
        min_length=1,
        title="Dataset folder",
        description="Folder that holds the dataset.",
        json_schema_extra=shown_if(dataset=OPTION),
    )
    download: bool = Field(
        False,
        title="Download if missing",
        description="Download the dataset into its folder if it is missing.",
        json_schema_extra=only_if(dataset=OPTION),
    )
    binary: bool = Field(
        False,
        title="Binary masks",
        description="Masks are black and white: black (0) is background, white (255, or 1) "
        "foreground.",
        json_schema_extra=only_if(dataset=OPTION),
    )
    val_split: Literal["honest", "official"] = Field(
        "honest",
        title="Validation split",
        description="honest: a part of the training images validates and chooses the best epoch, "
        "and the dataset's own test (or validation) split is scored once, at the end; official: "
        "that split validates and chooses itself, as in the course.",
    )
    val_share: FiniteFloat = Field(
        0.2,
        gt=0,
        lt=1,
        title="Validation share",
        description="Share of the training images that is held out to validate, of every kind "
        "(breed, city) the same.",
        json_schema_extra=only_if("holds no images out", val_split=["honest"]),
    )
    split_seed: int = Field(
        0,
        ge=0,
        lt=2**31,
        title="Split seed",
        description="Seed that holds images out: the same seed and files give the same split.",
        json_schema_extra=only_if("holds no images out", val_split=["honest"]),
    )
    image_size: ImageSize = Field(
        "64",
        title="Image size",
        description="Size that images and masks are resized to, in pixels: N or HxW (height x "
        f"width), each {MIN_IMAGE_SIZE} to {MAX_IMAGE_SIZE}.",
    )
    augment: tuple[Augmentation, ...] = Field(
        (),
        title="Augmentation",
        description="Random changes of image and mask together, each with its own strength.",
    )
    flip_chance: FiniteFloat = Field(
        0.5,
        gt=0,
        le=1,
        title="Flip probability",
        description="Probability that an image is mirrored left to right.",
        json_schema_extra=only_if(augment=["hflip"]),
    )
    crop_scale: FiniteFloat = Field(
        0.5,
        gt=0,
        le=1,
        title="Minimum crop scale",
        description="Smallest share of the image's area that a random crop keeps.",
        json_schema_extra=only_if(augment=["crop"]),
    )
    rotate_degrees: FiniteFloat = Field(
        15.0,
        gt=0,
        le=180,
        title="Maximum rotation (degrees)",
        description="Largest rotation to either side; the corners that it uncovers become void.",
        json_schema_extra=only_if(augment=["rotate"]),
    )
    color_strength: FiniteFloat = Field(
        0.3,
        gt=0,
        le=1,
        title="Color jitter",
        description="Largest relative change of brightness, contrast and saturation; hue: a tenth.",
        json_schema_extra=only_if(augment=["color"]),
    )
    blur_sigma: FiniteFloat = Field(
        1.0,
        gt=0,
        le=10,
        title="Maximum blur (pixels)",
        description="Largest standard deviation of the Gaussian blur, in pixels.",
        json_schema_extra=only_if(augment=["blur"]),
    )
    train_limit: int = Field(
        0,
        ge=0,
        title="Training images",
        description="Use only N training images, drawn from every kind (0: all).",
        json_schema_extra=zero_means("all"),
    )
    val_limit: int = Field(
        0,
        ge=0,
        title="Validation images",
        description="Use only N validation images, spread over the set (0: all).",
        json_schema_extra=zero_means("all"),
    )
    workers: int = Field(
        2, ge=1, le=64, title="Decoding threads", description="Threads that decode images."
    )

    draws: Literal["2", "1"] = Field(
        "2",
        title="Random draws",
        description="Version of the random choices. 1 is for repeating older runs: the first N "
        "training images, and one random stream for the order of the images and for the first "
        "batch's augmentation.",
        json_schema_extra=shown_if(draws=["1"]),
    )

    @model_validator(mode="before")
    @classmethod
    def _what_older_configs_mean(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or not values.keys() >= _FIELDS_OF_0_1:
            return values
        older = cls.as_in_0_1(values)
        return values if older.keys() & values.keys() else {**values, **older}

    @classmethod
    def as_in_0_1(cls, values: Mapping[str, Any]) -> dict[str, str]:
        """What version 0.1 did, in the fields that it did not have.

        Only a folder without splits of its own could have another share or seed: it holds images
        out either way.
        """
        names = ("val_share", "split_seed")
        drawn = any(values[name] != cls.model_fields[name].default for name in names)
        return {"val_split": "honest" if drawn else "official", "draws": "1"}

    @property
    def height_width(self) -> tuple[int, int]:
        """The image size as (height, width) in pixels."""
        height, _, width = self.image_size.partition("x")
        return int(height), int(width or height)
