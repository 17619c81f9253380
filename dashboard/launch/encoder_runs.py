"""Earlier runs whose encoder a new run can start from."""

from __future__ import annotations

import os
from typing import Any

from dashboard.shared.formats import format_miou
from dashboard.shared.run_names import dataset_name, label_of
from dashboard.shared.run_store import all_rows
from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.results.table import RunRow

_ENCODER_FIELDS = ("arch", "stem", "encoder", "base_width")


def encoder_sources(values: dict[str, Any]) -> dict[str, str]:
    """Run id -> label of the runs with a checkpoint of the same encoder, newest first.

    Args:
        values: the new run's fields; those of its model decide.
    """
    encoder = _encoder_name(values)
    sources: dict[str, str] = {}
    for row in all_rows():
        run, config = row.run, row.config
        if not os.path.isfile(run.best_checkpoint):  # unlike Path.is_file, never an error
            continue
        # Where this version cannot read the config, the Runs page says so.
        if config and config.model.encoder_name == encoder:
            sources[run.id] = _source_label(row, config)
    return sources


def _encoder_name(values: dict[str, Any]) -> str:
    """The encoder of a form that may be unfinished; "" where it cannot be told."""
    model = {name: values[name] for name in _ENCODER_FIELDS if name in values}
    try:
        return RunConfig.from_flat(model).model.encoder_name
    except UserError:
        return ""


def _source_label(row: RunRow, config: RunConfig) -> str:
    """ "mIoU 0.512 · SegFormer-B0 scratch 3fa9 · Sample streets (synthetic sample)"."""
    best = format_miou(row.status.best_miou)
    return f"mIoU {best} · {label_of(row.run)} · {dataset_name(config.data)}"
