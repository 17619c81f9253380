"""What is worth a word before a run starts, though it may start: no refusals."""

from __future__ import annotations

from segengine.config import RunConfig
from segengine.config.messages import number_text
from segengine.config.section import MAX_IMAGE_SIZE
from segengine.models.published import published_imagenet

_STREETS = ("cityscapes", "sample_streets")
# Optimizer -> its name, the largest learning rate that needs no word, and the usual ones.
_USUAL_RATES = {
    "adamw": ("AdamW", 0.01, "0.0001 to 0.001"),
    "adam": ("Adam", 0.01, "0.0001 to 0.001"),
    "sgd": ("SGD", 1.0, "0.001 to 0.1"),
}


def remarks(config: RunConfig) -> dict[str, str]:
    """Field name -> a sentence to read beside it, in no other state than fit to start."""
    said = {
        "image_size": _image_size(config),
        "weights": _weights(config),
        "lr": _learning_rate(config),
        "val_every": _validations(config),
        "early_stop": _early_stop(config),
    }
    return {name: sentence for name, sentence in said.items() if sentence}


def _image_size(config: RunConfig) -> str:
    height, width = config.data.height_width
    if config.data.dataset in _STREETS and height == width and 2 * width <= MAX_IMAGE_SIZE:
        return f"Streets are twice as wide as high: {height}x{2 * width} keeps their shape."
    return ""


def _weights(config: RunConfig) -> str:
    """Whether ImageNet weights are here already, and of which training they are."""
    if not config.model.loads_weights or config.model.weights != "imagenet":
        return ""
    published = published_imagenet(config.model)
    what = f"ImageNet weights ({published.training})" if published.training else "ImageNet weights"
    if published.cached:
        return f"{what}: in the cache of this machine, nothing to download."
    return f"{what}: will be downloaded once, about {published.megabytes:,.0f} MB."


def _learning_rate(config: RunConfig) -> str:
    optim = config.optim
    name, largest, usual = _USUAL_RATES[optim.optimizer]
    if optim.lr <= largest:
        return ""
    return (
        f"{number_text(optim.lr)} is very high for {name}: training may not settle. "
        f"Usual are {usual}."
    )


def _validations(config: RunConfig) -> str:
    train = config.train
    if train.val_every <= train.epochs or train.epochs == 1:
        return ""
    return (
        f"Larger than the {train.epochs} epochs of the run: only the last epoch is validated, so "
        "there is no choice of a best one."
    )


def _early_stop(config: RunConfig) -> str:
    train = config.train
    if not train.early_stop or train.early_stop < train.epochs:
        return ""
    return f"The run has {train.epochs} epochs: it ends before this can stop it."
