"""A SegFormer-B0 training step, ours against the faster of SMP and transformers.

All do forward, cross entropy, backward and AdamW (amsgrad) on the same batch in memory. A peer gets
the better of both memory formats and of both of AdamW's paths (torch's default and fused); ours
runs with deterministic algorithms, as runs on CPU do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segengine.config import ModelConfig, OptimConfig
from segengine.device import Precision, autocast, seed_everything
from segengine.losses import build_loss
from segengine.models import build_model
from segengine.training.optimizer import build_optimizer
from tests.benchmarks.measure import Timed, alternate, deterministic, fastest, seconds_of
from tests.benchmarks.peers import IGNORE_INDEX, PEERS, adamw

CASES = [(64, 64, 1.8), (256, 4, 2.2)]  # (image size in pixels, batch size, ratio wanted)
ARCH, CLASSES = "segformer_b0", 3
VARIANTS = [  # words, channels-last, fused AdamW
    ("contiguous", False, False),
    ("contiguous, fused AdamW", False, True),
    ("channels-last", True, False),
    ("channels-last, fused AdamW", True, True),
]


def main(quick: bool = False) -> None:
    """Measure and print."""
    print(f"SegFormer-B0 training step, {torch.get_num_threads()} threads, fp32, 3 classes")
    for size, batch, wanted in CASES:
        data = random_batch(size, batch)
        theirs = peer_steps(ARCH, *data)
        best = fastest(theirs, 1 if quick else 2)
        pairs = alternate(our_step(ARCH, *data), theirs[best], pairs=2 if quick else 11)
        pairs.say(f"{size} px, batch {batch}", best, wanted)


def random_batch(size: int, batch: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Images (batch, 3, size, size) and masks (batch, size, size)."""
    images = torch.randn(batch, 3, size, size, device=device)
    return images, torch.randint(0, CLASSES, (batch, size, size), device=device)


def our_step(arch: str, images: Tensor, masks: Tensor, precision: Precision = "fp32") -> Timed:
    """A function that does one of our steps and returns its seconds."""
    work = our_work(arch, images, masks, precision)

    def timed() -> float:
        with deterministic(images.device.type == "cpu"):
            return seconds_of(work)

    return timed


def our_work(
    arch: str, images: Tensor, masks: Tensor, precision: Precision = "fp32"
) -> Callable[[], None]:
    """A function that does one of our steps."""
    seed_everything(0, images.device)  # and the settings of our runs
    torch.use_deterministic_algorithms(False)  # but for the time of a step: see `our_step`
    model = build_model(ModelConfig(arch=arch), CLASSES).train()
    model = model.to(images.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer, loss = build_optimizer(model, OptimConfig()), build_loss(OptimConfig(), CLASSES)
    images = images.contiguous(memory_format=torch.channels_last)
    return partial(one_step, model, optimizer, loss, images, masks, precision)


def peer_steps(
    arch: str, images: Tensor, masks: Tensor, precision: Precision = "fp32"
) -> dict[str, Timed]:
    """The same of every peer in every variant, by name."""
    steps: dict[str, Timed] = {}
    for name, build in PEERS[arch].items():
        for words, channels_last, fused in VARIANTS:
            layout = torch.channels_last if channels_last else torch.contiguous_format
            model = build(CLASSES).to(images.device, memory_format=layout).train()
            loss = partial(F.cross_entropy, ignore_index=IGNORE_INDEX)
            inputs = images.contiguous(memory_format=layout), masks
            work = partial(one_step, model, adamw(model, fused=fused), loss, *inputs, precision)
            steps[f"{name}, {words}"] = partial(seconds_of, work)
    return steps


def one_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Callable[[Tensor, Tensor], Tensor],
    images: Tensor,
    masks: Tensor,
    precision: Precision,
) -> None:
    """Forward, loss, backward, update."""
    optimizer.zero_grad(set_to_none=True)
    with autocast(images.device, precision):
        total = loss(model(images), masks)
    total.backward()
    optimizer.step()


if __name__ == "__main__":
    main()
