"""What a run uses of its machine: processor, memory and GPU."""

from __future__ import annotations

import contextlib
import time

import psutil
import torch

from segengine.run.events import Use

try:
    import pynvml
except ImportError:  # an optional library of NVIDIA's
    pynvml = None


class Meter:
    """Measures this process and its children, and the GPU that it trains on."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._since, self._seconds = time.monotonic(), self._cpu_seconds()
        self._gpu: object | None = None
        self._has_asked = False

    def __call__(self) -> Use:
        """What was used since the last call (of memory: what is used now)."""
        now, seconds = time.monotonic(), self._cpu_seconds()
        percent = 100 * (seconds - self._seconds) / max(now - self._since, 1e-3)
        self._since, self._seconds = now, seconds
        use = Use(cpu_percent=round(max(0.0, percent), 1), memory_bytes=self._memory())
        if not self._has_asked and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            self._gpu, self._has_asked = _gpu_handle(), True
        if self._gpu is not None:
            with contextlib.suppress(pynvml.NVMLError):
                use["gpu_percent"] = float(pynvml.nvmlDeviceGetUtilizationRates(self._gpu).gpu)
                use["gpu_memory_bytes"] = int(pynvml.nvmlDeviceGetMemoryInfo(self._gpu).used)
        return use

    def _cpu_seconds(self) -> float:
        """Of this process and of those that it has started."""
        times = self._process.cpu_times()
        own = times.user + times.system
        return float(own + sum(sum(child.cpu_times()[:2]) for child in self._children()))

    def _memory(self) -> int:
        return int(sum(one.memory_info().rss for one in (self._process, *self._children())))

    def _children(self) -> list[psutil.Process]:
        try:
            return list(self._process.children(recursive=True))
        except psutil.Error:
            return []


def _gpu_handle() -> object | None:
    """NVML's handle of the GPU that PyTorch uses; None where NVML cannot be asked."""
    if pynvml is None:
        return None
    try:
        pynvml.nvmlInit()
        uuid = torch.cuda.get_device_properties(torch.cuda.current_device()).uuid
        handle: object = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
        return handle
    except (pynvml.NVMLError, AttributeError):
        return None
