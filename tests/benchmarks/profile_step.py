"""What a training step spends its time on, and how far it is from the machine's peak.

`python -m tests.benchmarks.profile_step [ARCH [SIZE [BATCH]]]`, fp32 on CPU. Prints the step's
floating-point operations, its rate beside the largest that a matrix product reaches here, and the
operators by their own time.
"""

from __future__ import annotations

import os
import statistics
import sys

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # before torch: its profiler chats otherwise

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from segengine.config import ModelConfig
from segengine.models import build_model
from tests.benchmarks.measure import duration, seconds_of
from tests.benchmarks.training_step import CLASSES, our_step, random_batch

CASES = [("segformer_b0", 64, 64), ("segformer_b0", 256, 4), ("fcn_resnet50", 64, 64)]
SIDE = 2048  # of the matrices whose product shows the machine's peak
ROWS = 14


def main(quick: bool = False) -> None:
    """Profile the usual cases."""
    peak = matmul_peak()
    print(f"{torch.get_num_threads()} threads, fp32; a matrix product reaches {peak:,.0f} GFLOP/s")
    for case in CASES[:1] if quick else CASES:
        report(*case, peak, steps=2 if quick else 5)


def report(arch: str, size: int, batch: int, peak: float, steps: int) -> None:
    """Print one step's rate and its operators."""
    data = random_batch(size, batch)
    step = our_step(arch, *data)
    seconds = statistics.median([step() for _ in range(steps + 1)][1:])
    work = flop(arch, size, batch) / 1e9
    print(
        f"{arch}, {size} px, batch {batch}: {duration(seconds)} per step, {work:,.1f} GFLOP, "
        f"{work / seconds:,.0f} GFLOP/s: {work / seconds / peak:.0%} of the peak; the arithmetic "
        f"alone would take {duration(work / peak)}"
    )
    step = our_step(arch, *data)
    step()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(steps):
            step()
    averages = profiler.key_averages()
    total = sum(row.self_cpu_time_total for row in averages)
    for row in sorted(averages, key=lambda row: -row.self_cpu_time_total)[:ROWS]:
        spent, calls = row.self_cpu_time_total, row.count // steps  # microseconds
        per_step = duration(spent / 1e6 / steps)
        print(f"  {spent / total:6.1%}  {per_step:>9} per step in {calls:4} calls  {row.key}")


def flop(arch: str, size: int, batch: int) -> int:
    """Floating-point operations of a step's products and convolutions.

    Backward counts twice as much as forward (gradients of inputs and of weights), as is usual.
    """
    model = build_model(ModelConfig(arch=arch), CLASSES).train()
    images, _ = random_batch(size, batch)
    # Attention as plain products: the counter does not know the fused one on CPU.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model(images)
    return 3 * counter.get_total_flops()


def matmul_peak() -> float:
    """The best rate of a large float32 matrix product, in GFLOP/s."""
    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    best = min(seconds_of(lambda: a @ b) for _ in range(12))
    return 2 * SIDE**3 / best / 1e9


if __name__ == "__main__":
    if len(sys.argv) > 1:
        name, side, count = (*sys.argv[1:], "64", "64")[:3]
        report(name, int(side), int(count), matmul_peak(), steps=5)
    else:
        main()
