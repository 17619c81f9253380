"""Earlier runs whose encoder a new run can start from."""

from __future__ import annotations

import os
from typing import Any

from dashboard.shared.formats import format_miou
from dashboard.shared.run_names import dataset_name, row_label
from dashboard.shared.run_store import look_at_runs
from segengine.config import ModelConfig, RunConfig
from segengine.config.model import encoder_name
from segengine.errors import UserError
from segengine.results.table import RunRow

MOST = 200  # runs that are offered, the newest
_ENCODER_FIELDS = ("arch", "stem", "encoder", "base_width")


def encoder_sources(values: dict[str, Any]) -> dict[str, str]:
    """Run id -> label of the newest MOST runs with a checkpoint of the same encoder.

    Args:
        values: the new run's fields; those of its model decide.
    """
    encoder = _encoder_name(values)
    sources: dict[str, str] = {}
    for row in look_at_runs().rows:
        # Where this version cannot read the config, the Runs page says so.
        if not row.settings or _encoder_of(row) != encoder:
            continue
        # Unlike Path.is_file, never an error.
        if os.path.isfile(row.run.best_checkpoint) and row.config:
            sources[row.run.id] = _source_label(row, row.config)
            if len(sources) == MOST:
                break
    return sources


def _encoder_of(row: RunRow) -> str:
    """By the row's settings: the config of each of many runs would have to be read."""
    own, usual = row.settings, ModelConfig()
    width = own.get("base_width", usual.base_width)
    try:
        return encoder_name(own["arch"], own.get("encoder", ""), own.get("stem", "paper"), width)
    except UserError:  # a model that this version does not know
        return ""


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
    return f"mIoU {best} · {row_label(row)} · {dataset_name(config.data)}"
