"""The benchmarks are run seldom: here is held that their run is one that still trains."""

from __future__ import annotations

from pathlib import Path

from tests import tiny
from tests.benchmarks.frozen import difference
from tests.benchmarks.ours import OurRun


def test_a_benchmarks_run_trains_epoch_by_epoch_on_the_official_split(tmp_path: Path) -> None:
    root = tiny.write_pets(tmp_path / "pets", train=5, val=4)
    values = {"arch": "unet", "base_width": 4, "image_size": "32", "batch_size": 2}
    first, second = (
        OurRun(tmp_path / "runs", **values, root=str(root), device="cpu") for _ in range(2)
    )
    for run in (first, second, first, second):  # in turns, as they are measured
        assert run.epoch() > 0
    assert [record["epoch"] for record in first.records()] == [1, 2]
    assert difference(first, second) == 0
    (started,) = tiny.events(first.dir, "run_started")
    assert (started["train_images"], started["val_images"]) == (5, 4)
