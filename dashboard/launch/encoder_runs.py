"""Earlier runs whose encoder a new run can start from."""

from __future__ import annotations

import os
from typing import Any

from dashboard.shared.formats import format_miou
from dashboard.shared.run_names import dataset_name, label_of
from dashboard.shared.run_store import all_runs, status_of
from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.run.rundir import RunDir

_ENCODER_FIELDS = ("arch", "stem", "encoder", "base_width")


def encoder_sources(values: dict[str, Any]) -> dict[str, str]:
    """Run id -> label of the runs with a checkpoint of the same encoder, newest first.

    Args:
        values: the new run's fields; those of its model decide.
    """
    encoder = _encoder_name(values)
    sources: dict[str, str] = {}
    for run in all_runs():
        if not os.path.isfile(run.best_checkpoint):  # unlike Path.is_file, never an error
            continue
        try:
            config = run.config()
        except UserError:
            continue  # this version cannot read it; the Runs page says so
        if config.model.encoder_name == encoder:
            sources[run.id] = _source_label(run, config)
    return sources


def _encoder_name(values: dict[str, Any]) -> str:
    """The encoder of a form that may be unfinished; "" where it cannot be told."""
    model = {name: values[name] for name in _ENCODER_FIELDS if name in values}
    try:
        return RunConfig.from_flat(model).model.encoder_name
    except UserError:
        return ""


def _source_label(run: RunDir, config: RunConfig) -> str:
    """ "mIoU 0.512 · SegFormer-B0 scratch 3fa9 · Sample streets (synthetic sample)"."""
    best = format_miou(status_of(run).best_miou)
    return f"mIoU {best} · {label_of(run)} · {dataset_name(config.data)}"
