"""On a GPU, in bf16: images per second, against peers, and how long the GPU waits for data.

The step is measured on a batch in the GPU's memory, as on CPU (a peer gets its better variant). The
run's own loop is measured from the decoded images on disk: the GPU waits from the end of one step
until the next batch is there.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from segengine.batches import feature_cache
from segengine.config import RunConfig
from segengine.datasets.sampler import shuffled_batches
from segengine.metrics.seg_metrics import SegMetrics
from segengine.training.components import Components, build_components
from tests.benchmarks.measure import alternate, fastest
from tests.benchmarks.ours import workplace
from tests.benchmarks.training_step import our_step, peer_steps, random_batch

ARCHS = ("segformer_b0", "fcn_resnet50")
CASES = [(64, 64), (512, 16)]  # (image size in pixels, batch size)


def main(quick: bool = False) -> None:
    """Measure and print, where there is a GPU."""
    if not torch.cuda.is_available():
        print(f"No GPU here (PyTorch {torch.__version__}): nothing to measure.")
        return
    print(f"{torch.cuda.get_device_name()}, bf16, 3 classes, PyTorch {torch.__version__}")
    for arch in ARCHS:
        for size, batch in CASES:
            step(arch, size, batch, pairs=3 if quick else 15)
            with workplace() as folder:
                loop(arch, size, batch, folder, epochs=2 if quick else 6)


def step(arch: str, size: int, batch: int, pairs: int, device: str = "cuda") -> None:
    """Print the step's time and images per second, beside the best peer's."""
    data = random_batch(size, batch, device)
    theirs = peer_steps(arch, *data, precision="bf16")
    best = fastest(theirs, tries=3)
    timed = alternate(our_step(arch, *data, precision="bf16"), theirs[best], pairs, warm_up=5)
    timed.say(f"{arch}, {size} px, batch {batch}", best)
    speeds = [batch / statistics.median(seconds) for seconds in (timed.ours, timed.theirs)]
    print(f"  images per second: ours {speeds[0]:,.0f}, {best} {speeds[1]:,.0f}", flush=True)


def loop(arch: str, size: int, batch: int, folder: Path, epochs: int, device: str = "cuda") -> None:
    """Print images per second of a run's training on drawn pets, and the share of waiting."""
    values: dict[str, Any] = {
        "arch": arch,
        "dataset": "sample_pets",
        "root": str(folder / "data"),
        "image_size": str(size),
        "batch_size": batch,
        "device": device,
        "precision": "bf16",
    }
    config = RunConfig.from_flat(values)
    components = build_components(config, lambda *_: None, folder)
    components.model.train()
    train_epoch(components, 0)  # the first one warms up
    with watched_batches() as ready:
        began, done, images = time.perf_counter(), [], 0
        for epoch in range(1, epochs):
            ends, count = train_epoch(components, epoch)
            done, images = done + ends, images + count
        torch.cuda.synchronize()
        seconds = time.perf_counter() - began
    gaps = zip(done, ready[1:], strict=False)
    waited = sum(max(0.0, end.elapsed_time(start)) for end, start in gaps) / 1000
    print(
        f"  with data from disk: {images / seconds:,.0f} images per second; the GPU waits for data "
        f"{waited / seconds:.1%} of the time",
        flush=True,
    )


def train_epoch(components: Components, epoch: int) -> tuple[list[torch.cuda.Event], int]:
    """One epoch of steps as a run does them; (one event per step, at its end; images)."""
    split, step = components.train_data, components.step
    metrics = SegMetrics(len(components.classes), device=components.device)
    batches = shuffled_batches(len(split), components.config.train.batch_size, 0, epoch)
    done = []
    for number, indices in enumerate(batches):
        for result in step.gradients(split, [indices], (0, epoch, number)):
            metrics.update(result.labels, result.masks)
        step.update(1.0)
        done.append(now())
    return done, len(split)


@contextmanager
def watched_batches() -> Iterator[list[torch.cuda.Event]]:
    """One event per batch, when it is in the GPU's memory."""
    ready: list[torch.cuda.Event] = []
    load = feature_cache.load_batch

    def watched(*given: Any) -> Any:
        batch = load(*given)
        ready.append(now())
        return batch

    with mock.patch.object(feature_cache, "load_batch", watched):
        yield ready


def now() -> torch.cuda.Event:
    """An event that happens when the GPU has done all that was asked of it so far."""
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


if __name__ == "__main__":
    main()
