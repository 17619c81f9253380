"""A SegFormer-B0 training step, ours against segmentation_models_pytorch's, alternating in one run.

Both do forward, cross entropy, backward and AdamW (amsgrad) on the same batches; the peer is given
its better memory format. Ratios are what counts: machines drift, pairs of neighbours hardly.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn

from segengine.config import ModelConfig, OptimConfig
from segengine.losses import build_loss
from segengine.models import build_model
from segengine.optim import build_optimizer

CASES = [(64, 64), (256, 4)]  # (image size in pixels, batch size)
PAIRS = 7  # measured, after one that is not


def main() -> None:
    """Measure and print."""
    print(f"SegFormer-B0 training step, {torch.get_num_threads()} threads, fp32, 3 classes")
    for size, batch in CASES:
        images, masks = torch.randn(batch, 3, size, size), torch.randint(0, 3, (batch, size, size))
        images = images.contiguous(memory_format=torch.channels_last)
        ours = stepper(build_model(ModelConfig(arch="segformer_b0"), 3), channels_last=True)
        peers = {
            "channels-last": stepper(peer(), channels_last=True),
            "contiguous": stepper(peer(), channels_last=False),
        }
        best = min(peers, key=lambda name: median([peers[name](images, masks) for _ in range(3)]))
        pairs = [(ours(images, masks), peers[best](images, masks)) for _ in range(PAIRS + 1)][1:]
        mine, theirs = (median(list(times)) for times in zip(*pairs, strict=True))
        ratio = median([b / a for a, b in pairs])
        print(
            f"{size} px, batch {batch}: ours {mine:.3f} s, SMP ({best}) {theirs:.3f} s, "
            f"ratio {ratio:.2f} (median of {PAIRS} pairs)"
        )


def peer() -> nn.Module:
    """SMP's SegFormer over mit_b0, with random weights."""
    model: nn.Module = smp.Segformer("mit_b0", encoder_weights=None, classes=3)
    return model


def stepper(model: nn.Module, *, channels_last: bool) -> Callable[[Tensor, Tensor], float]:
    """A function that does one training step and returns its seconds."""
    if channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.train()
    loss, optimizer = build_loss(OptimConfig()), build_optimizer(model, OptimConfig())

    def step(images: Tensor, masks: Tensor) -> float:
        if not channels_last:
            images = images.contiguous(memory_format=torch.contiguous_format)
        began = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss(model(images), masks).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return time.perf_counter() - began

    return step


def median(values: list[float]) -> float:
    """The median."""
    return statistics.median(values)


if __name__ == "__main__":
    main()
