"""Which device computes, and in which precision."""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import Literal, cast

import torch

from segengine.errors import UserError

Precision = Literal["fp32", "bf16", "fp16"]
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_KEPT_BYTES = 2**31 - 1  # of free memory at the top of the heap, not given back
_MAPPED_BYTES = 2**30  # blocks from this size on are mapped by themselves


def pick_device(name: str) -> torch.device:
    """The torch device for "auto", "cpu" or "cuda"; on CPU this process then keeps its memory.

    Raises:
        UserError: cuda was asked for and this machine or this PyTorch has none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UserError(
            f"device cuda was given, but PyTorch {torch.__version__} finds no GPU here: choose "
            "auto or cpu.",
            field="device",
        )
    if available and name != "cpu":
        return torch.device("cuda")
    keep_freed_memory()
    return torch.device("cpu")


def pick_precision(name: str, device: torch.device) -> Precision:
    """The precision for its name; "auto" is bf16 where a GPU computes it natively, else fp32."""
    if name == "auto":
        return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"
    return cast("Precision", name)


def autocast(device: torch.device, precision: Precision) -> contextlib.AbstractContextManager[None]:
    """The context in which the model and its loss are computed in that precision."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=_DTYPES[precision])


def seed_everything(seed: int, device: torch.device) -> None:
    """Seed torch. On CPU the same seed then gives the same run; on a GPU speed comes first."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(device.type == "cpu")
    # No code here reads memory before it is written, so torch need not fill it first.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = True  # sizes do not change from step to step
    torch.set_float32_matmul_precision("high")  # TF32 where the GPU has it; no effect on CPU


def keep_freed_memory() -> bool:
    """Let glibc keep freed memory for the next step; whether it does.

    By default it gives large blocks back to the system as soon as they are free. A training step
    frees all its activations, so the next one would fault in each of their pages again: tens of
    thousands of faults, a fifth of a step's time at 256 pixels. Other C libraries are left alone.
    """
    if "CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", {}):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)) and bool(
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
    )
