"""A tiny run that tests of evaluation score."""

from __future__ import annotations

from pathlib import Path

import pytest

from segengine.config import RunConfig
from segengine.run.rundir import RunDir
from tests import tiny


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    root = tiny.write_pets(tmp_path_factory.mktemp("pets"), val=5)
    return tiny.decoded(tiny.config(root, epochs=3, lr=3e-3, val_limit=3, class_weights="inverse"))


@pytest.fixture(scope="module")
def trained(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    return tiny.train(tmp_path_factory.mktemp("runs"), config)


@pytest.fixture
def run(trained: RunDir, tmp_path: Path) -> RunDir:
    """A copy of the trained run, for this test alone."""
    return tiny.copy_of(trained, tmp_path / "runs")
