"""Whether this dashboard may serve its runs folder: one dashboard per folder, a writable one."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, with_config
from streamlit import config as streamlit_config
from typing_extensions import TypedDict

from dashboard.shared.run_store import runs_dir
from segengine.errors import UserError
from segengine.files import write_text
from segengine.launchers.preflight import check_writable
from segengine.run.records import STRICT, read_record


@with_config(STRICT)
class Holder(TypedDict, total=False):
    """The dashboard that serves a folder."""

    pid: int
    url: str


HOLDER = TypeAdapter(Holder)
_mutex = threading.Lock()  # several pages may ask at once
_held: dict[Path, FileLock] = {}  # the system frees them when this process ends, however it ends


def problem() -> str | None:
    """One sentence where this dashboard must not serve the folder; None where all is well.

    Where another dashboard held the folder, every call tries again to take it over.
    """
    folder = runs_dir()
    try:
        check_writable(folder)
        with _mutex:
            taken = folder in _held or _take(folder)
    except UserError as error:
        return str(error)
    except OSError as error:
        return (
            f"Runs cannot be saved in {folder}: {error.strerror or error}. "
            "Choose another folder with SEGLAB_RUNS."
        )
    return None if taken else _occupied_sentence(folder)


def release() -> None:
    """Let another dashboard have the folder."""
    with _mutex:
        for folder, lock in _held.items():
            _holder_file(folder).unlink(missing_ok=True)
            lock.release()
        _held.clear()


def _take(folder: Path) -> bool:
    """Try to become the folder's only dashboard."""
    folder.mkdir(parents=True, exist_ok=True)
    # Not bound to a thread: the server takes it, and pages ask for it from other threads.
    lock = FileLock(folder / ".dashboard.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    _held[folder] = lock
    write_text(_holder_file(folder), json.dumps({"pid": os.getpid(), "url": _url()}) + "\n")
    return True


def _occupied_sentence(folder: Path) -> str:
    try:
        holder = read_record(_holder_file(folder), HOLDER) or {}
    except UserError:  # written by another version, or just being written
        holder = {}
    where = f" at {holder['url']}" if "url" in holder else ""
    process = f" (process {holder['pid']})" if "pid" in holder else ""
    return (
        f"The runs in {folder} are already served by another dashboard{where}{process}: open that "
        "one, or stop it and reload this page, or start this one with SEGLAB_RUNS set to another "
        "folder."
    )


def _holder_file(folder: Path) -> Path:
    return folder / ".dashboard.json"


def _url() -> str:
    address = streamlit_config.get_option("server.address") or "localhost"
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{streamlit_config.get_option('server.port')}"
