"""Metrics and logging as shares of the bare training step of SegFormer-B0.

Metrics: labels from logits, their confusion matrix, and the mean of the loss. Logging: the step's
event and the terminal's line. Both are timed right after a step, as runs do it.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path

import torch

from segengine.losses.cross_entropy import CrossEntropy
from segengine.losses.set_loss import SetLoss
from segengine.metrics.seg_metrics import SegMetrics, labels_of
from segengine.run.event_log import EventLog
from segengine.run.logger import RunLogger
from segengine.run.terminal import Terminal
from tests.benchmarks.measure import duration, seconds_of
from tests.benchmarks.training_step import ARCH, CASES, CLASSES, our_step, random_batch

LIMIT = 0.02  # of the step
FIRST_STEPS = 2  # that do not count


def main(quick: bool = False) -> None:
    """Measure and print."""
    print(f"Metrics and logging beside a SegFormer-B0 step, {torch.get_num_threads()} threads")
    for size, batch, _ in CASES:
        with (
            tempfile.TemporaryDirectory() as folder,
            open(os.devnull, "w") as nowhere,
            EventLog(Path(folder) / "events.jsonl") as log,
        ):
            measure(size, batch, RunLogger(log, Terminal(nowhere)), 3 if quick else 15)


def measure(size: int, batch: int, logger: RunLogger, steps: int) -> None:
    """Print the shares for images of that size."""
    images, masks = random_batch(size, batch)
    step = our_step(ARCH, images, masks)
    metrics, mean = SegMetrics(CLASSES), SetLoss(CrossEntropy())
    logits = torch.randn(batch, CLASSES, size, size).contiguous(memory_format=torch.channels_last)
    loss, pixels = torch.tensor(1.0), torch.tensor(masks.numel())

    def count() -> None:
        metrics.update(labels_of(logits), masks)
        mean.add((loss, pixels))

    measured = []
    for number in range(FIRST_STEPS + steps):
        bare, counting = step(), seconds_of(count)
        logging = seconds_of(lambda n=number: logger.step(1, n, loss.item(), 1e-3, batch))
        measured.append((bare, counting, logging))
    bare, counting, logging = map(statistics.median, zip(*measured[FIRST_STEPS:], strict=True))
    share = statistics.median([(c + w) / b for b, c, w in measured[FIRST_STEPS:]])
    print(
        f"{size} px, batch {batch}: step {duration(bare)}, metrics {duration(counting)}, logging "
        f"{duration(logging)}: {share:.2%} of the step (median of {steps}; wanted under "
        f"{LIMIT:.0%}: {'reached' if share < LIMIT else 'missed'})"
    )


if __name__ == "__main__":
    main()
