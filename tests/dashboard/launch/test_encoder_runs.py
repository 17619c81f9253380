"""Earlier runs as the source of an encoder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dashboard.launch.encoder_runs import encoder_sources
from dashboard.launch.fields import FormEntries
from dashboard.launch.form import to_values
from segengine.run.rundir import RunDir
from tests.made_runs import make_run


def finished(runs_dir: Path, seed: int, **values: Any) -> RunDir:
    """A run that has a checkpoint."""
    run = make_run(runs_dir, seed=seed, **values)
    run.best_checkpoint.parent.mkdir(parents=True)
    run.best_checkpoint.touch()
    return run


def test_earlier_runs_of_the_same_encoder_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGLAB_RUNS", str(tmp_path))
    make_run(tmp_path, seed=3)  # not validated yet
    same = finished(tmp_path, 0)
    finished(tmp_path, 1, stem="small")
    finished(tmp_path, 2, arch="fcn_resnet50")
    sources = encoder_sources({"arch": "segformer_b0", "stem": "paper"})
    assert list(sources) == [same.id]
    end = same.id.rpartition("-")[2]
    label = rf"mIoU 0\.\d{{3}} · SegFormer-B0 scratch {end} · Oxford-IIIT Pet"
    assert re.fullmatch(label, sources[same.id])


def test_runs_of_another_architecture_over_the_same_encoder_are_offered_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick_look: FormEntries
) -> None:
    monkeypatch.setenv("SEGLAB_RUNS", str(tmp_path))
    fpn = finished(tmp_path, 0, arch="fpn", encoder="resnet50")
    finished(tmp_path, 1, arch="fpn")
    entries = {**quick_look, "arch": "smp_unet", "encoder": "resnet50", "stem": "small"}
    sources = encoder_sources(to_values(entries))
    assert list(sources) == [fpn.id]
    assert " · FPN resnet50 scratch " in sources[fpn.id]


def test_an_unfinished_form_offers_no_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGLAB_RUNS", str(tmp_path))
    finished(tmp_path, 0)
    assert encoder_sources({"arch": "unet", "base_width": "wide"}) == {}
