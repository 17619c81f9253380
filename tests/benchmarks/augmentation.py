"""All augmentation of a batch, ours against torchvision's transforms applied per image.

64 images of 64 pixels: mirroring, crop, rotation, color and blur at their default strengths. Then
the time of each change alone, and the share of a SegFormer-B0 step that all of them take.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from segengine.batches.augment import augment
from segengine.config import DataConfig
from tests.benchmarks.measure import alternate, duration, seconds_of
from tests.benchmarks.training_step import our_step

ALL = ("hflip", "crop", "rotate", "color", "blur")
SIZE, BATCH = 64, 64


def main(quick: bool = False) -> None:
    """Measure and print."""
    tries = 3 if quick else 31
    images = torch.rand(BATCH, SIZE, SIZE, 3).permute(0, 3, 1, 2)
    masks = torch.randint(0, 3, (BATCH, SIZE, SIZE))

    def ours(*names: str) -> float:
        config = DataConfig(augment=names)
        return seconds_of(lambda: augment(images, masks, config, (0, 1, 0)))

    theirs = image_by_image()
    pairs = alternate(
        lambda: ours(*ALL), lambda: seconds_of(lambda: theirs(images, masks)), tries, warm_up=3
    )
    print(f"Augmentation, {torch.get_num_threads()} threads")
    pairs.say(f"{SIZE} px, batch {BATCH}, all five", "torchvision.transforms.v2 per image")
    alone = {name: statistics.median([ours(name) for _ in range(tries)]) for name in ALL}
    print(
        "  each alone: "
        + ", ".join(f"{name} {duration(seconds)}" for name, seconds in alone.items())
    )
    step = our_step("segformer_b0", images, masks)
    seconds = statistics.median([step() for _ in range(3 if quick else 7)][1:])
    share = statistics.median(pairs.ours) / seconds
    print(f"  all five are {share:.1%} of a SegFormer-B0 step ({duration(seconds)})")


def image_by_image() -> Callable[[Tensor, Tensor], list[object]]:
    """torchvision's transforms with the strengths of our defaults, over one image at a time."""
    defaults = DataConfig()
    strength = defaults.color_strength
    transform = v2.Compose(
        [
            v2.ColorJitter(strength, strength, strength, strength / 10),
            v2.RandomRotation(defaults.rotate_degrees, v2.InterpolationMode.BILINEAR),
            v2.RandomResizedCrop(SIZE, scale=(defaults.crop_scale, 1), antialias=False),
            v2.RandomHorizontalFlip(defaults.flip_chance),
            v2.GaussianBlur(7, (0.01, defaults.blur_sigma)),
        ]
    )

    def apply(images: Tensor, masks: Tensor) -> list[object]:
        pairs = zip(images, masks, strict=True)
        return [transform(tv_tensors.Image(image), tv_tensors.Mask(mask)) for image, mask in pairs]

    return apply


if __name__ == "__main__":
    main()
