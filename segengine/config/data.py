"""The data section: which images train and validate, and how they are prepared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

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
    val_share: FiniteFloat = Field(
        0.2,
        gt=0,
        lt=1,
        title="Validation share",
        description="Share of the images kept for validation, where the folder has no splits of "
        "its own.",
        json_schema_extra=only_if(dataset=OPTION),
    )
    split_seed: int = Field(
        0,
        ge=0,
        lt=2**31,
        title="Split seed",
        description="Seed of the random split: the same seed and files give the same split.",
        json_schema_extra=only_if(dataset=OPTION),
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
        description="Use only the first N training images (0: all).",
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

    @property
    def height_width(self) -> tuple[int, int]:
        """The image size as (height, width) in pixels."""
        height, _, width = self.image_size.partition("x")
        return int(height), int(width or height)
