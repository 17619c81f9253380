"""Earlier runs whose encoder a new run can start from."""

from __future__ import annotations

from typing import Any

from dashboard.formats import dataset, miou
from dashboard.runs import all_runs, status_of
from dashboard.selection import label_of
from segengine.config import ModelConfig, RunConfig
from segengine.errors import UserError
from segengine.rundir import RunDir


def encoder_sources(values: dict[str, Any]) -> dict[str, str]:
    """Run id -> label of the runs with a checkpoint of the same encoder, newest first.

    Args:
        values: the new run's fields, of which `arch`, `stem` and `encoder` decide.
    """
    wanted = _encoder(values)
    found: dict[str, str] = {}
    for run in all_runs():
        if not run.best_checkpoint.is_file():
            continue
        try:
            config = run.config()
        except UserError:
            continue  # a folder that is no run of this version; the Runs page tells of it
        if _encoder(config.flat()) == wanted:
            found[run.id] = _label(run, config)
    return found


def _encoder(values: dict[str, Any]) -> tuple[Any, ...]:
    fields = ModelConfig.model_fields
    return tuple(values.get(name, fields[name].default) for name in ("arch", "stem", "encoder"))


def _label(run: RunDir, config: RunConfig) -> str:
    """ "mIoU 0.512 · scratch 3fa9 · Oxford-IIIT Pet": every run offered has the same model."""
    name = label_of(run).removeprefix(f"{config.model.arch} ")
    best = miou(status_of(run).best_miou)
    return f"mIoU {best} · {name} · {dataset(config.data.dataset)}"
