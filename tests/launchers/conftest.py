"""What every test of processes needs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest


@pytest.fixture(autouse=True)
def no_process_is_left(tmp_path: Path) -> Iterator[None]:
    """What a failed test left running is killed."""
    yield
    for file in tmp_path.rglob("job.json"):
        job = json.loads(file.read_text())
        if (
            job.get("pid", os.getpid()) != os.getpid()
            and job["host"] == socket.gethostname()
            and is_alive(job)
        ):
            with contextlib.suppress(psutil.NoSuchProcess):  # it may end by itself just now
                psutil.Process(job["pid"]).kill()


def is_alive(job: dict[str, Any]) -> bool:
    """Whether the job's process is there, and as young as this test."""
    try:
        return psutil.Process(job["pid"]).create_time() > time.time() - 600
    except psutil.NoSuchProcess:
        return False
