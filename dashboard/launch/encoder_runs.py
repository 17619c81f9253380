"""Earlier runs whose encoder a new run can start from."""

from __future__ import annotations

from typing import Any

from dashboard.shared.formats import dataset, miou
from dashboard.shared.run_store import all_runs, status_of
from dashboard.shared.selection import label_of
from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.run.rundir import RunDir

_DECIDING = ("arch", "stem", "encoder", "base_width")  # the fields that make an encoder


def encoder_sources(values: dict[str, Any]) -> dict[str, str]:
    """Run id -> label of the runs with a checkpoint of the same encoder, newest first.

    Args:
        values: the new run's fields; those of its model decide.
    """
    wanted = _encoder_name(values)
    found: dict[str, str] = {}
    for run in all_runs():
        if not run.best_checkpoint.is_file():
            continue
        try:
            config = run.config()
        except UserError:
            continue  # a folder that is no run of this version; the Runs page tells of it
        if config.model.encoder_name == wanted:
            found[run.id] = _label(run, config)
    return found


def _encoder_name(values: dict[str, Any]) -> str:
    """The encoder of a form that may be unfinished; "" where it cannot be told."""
    model = {name: values[name] for name in _DECIDING if name in values}
    try:
        return RunConfig.from_flat(model).model.encoder_name
    except UserError:
        return ""


def _label(run: RunDir, config: RunConfig) -> str:
    """ "mIoU 0.512 · SegFormer-B0 scratch 3fa9 · Sample streets (synthetic sample)"."""
    best = miou(status_of(run).best_miou)
    return f"mIoU {best} · {label_of(run)} · {dataset(config.data)}"
