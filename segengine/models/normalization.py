"""How images are normalized for an encoder: by the mean and spread that its weights were made with.

Published weights expect the statistics of their own training. Most took ImageNet's, but Inception,
Xception and TensorFlow's EfficientNet-Lite took 0.5 for all, and DPN took its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from segengine.config import encoders
from segengine.config.encoders import is_timms

Channels = tuple[float, float, float]  # red, green, blue


class Normalization(NamedTuple):
    """Mean and standard deviation of each channel, for RGB of 0 to 1."""

    mean: Channels
    std: Channels

    def to_state(self) -> dict[str, list[float]]:
        """For a log or a checkpoint."""
        return {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def of_checkpoint(cls, state: dict[str, Any]) -> Normalization:
        """What a checkpoint was trained with; older versions took ImageNet's for every encoder."""
        if "normalization" not in state:
            return IMAGENET
        mean, std = (state["normalization"][name] for name in ("mean", "std"))
        return cls(_channels(mean), _channels(std))

    @classmethod
    def of_encoder(cls, name: str) -> Normalization:
        """What the published weights of an encoder of SMP or timm expect."""
        if is_timms(name):
            from timm.models import get_pretrained_cfg  # slow to import

            settings = get_pretrained_cfg(name.removeprefix("tu-"))
            return cls(_channels(settings.mean), _channels(settings.std)) if settings else IMAGENET
        return _OTHERS.get(name, IMAGENET)


def _channels(values: Any) -> Channels:
    red, green, blue = map(float, values)
    return red, green, blue


IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))  # -1 to 1
DPN = Normalization((124 / 255, 117 / 255, 104 / 255), (1 / (0.0167 * 255),) * 3)
# As SMP's own table of pre-trained weights states them.
_OTHERS = {
    **dict.fromkeys((*encoders.INCEPTION, *encoders.XCEPTION), HALF),
    **dict.fromkeys((name for name in encoders.ALL if "tf_efficientnet_lite" in name), HALF),
    **dict.fromkeys(encoders.DPN, DPN),
}
