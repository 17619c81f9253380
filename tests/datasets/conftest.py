"""What tests of datasets share: a cache of their own, and people's own images."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.datasets.own_folder import write_pairs, write_splits


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("SEGLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """10 training, 4 validation and 4 test pairs with the labels 0, 1, 2 and void."""
    return write_splits(tmp_path / "data")


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """10 pairs without splits."""
    return write_pairs(tmp_path / "pool", 10, [0, 1])
