"""The chain of trainings behind a run: in its log, on the terminal and on the page."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from segengine.cli import tables
from segengine.results.runlog import open_log
from segengine.results.table import facts
from segengine.run import lineage
from segengine.run.rundir import RunDir
from segengine.weights.tensor_file import load_tensors
from tests import tiny

Chain = list[dict[str, Any]]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> list[RunDir]:
    """Three stages: from scratch, fine-tuned from it, and that one's encoder frozen."""
    pets = tiny.write_pets(tmp_path_factory.mktemp("pets"))
    runs_dir = tmp_path_factory.mktemp("runs")
    first = tiny.train(runs_dir, tiny.config(pets, epochs=2, seed=1))
    second = tiny.train(
        runs_dir,
        tiny.config(pets, epochs=1, strategy="pretrained", weights=f"run:{first.id}"),
    )
    third = tiny.train(
        runs_dir, tiny.config(pets, epochs=1, strategy="frozen", weights=f"run:{second.id}")
    )
    return [first, second, third]


def logged(run: RunDir) -> Chain:
    chain: Chain = tiny.events(run, "run_started")[0]["lineage"]["chain"]
    return chain


def test_the_log_has_every_training_before_the_run(stages: list[RunDir]) -> None:
    first, second, third = stages
    assert tiny.events(first, "run_started")[0]["lineage"] is None
    assert [ancestor["run"] for ancestor in logged(second)] == [first.id]
    assert [ancestor["run"] for ancestor in logged(third)] == [second.id, first.id]
    for ancestor, run in zip(logged(third), (second, first), strict=True):
        best = open_log(run.events_file).best()
        assert best is not None
        assert (ancestor["epoch"], ancestor["miou"]) == (best.epoch, best.scores["miou"])
        assert ancestor["sha256"] == hashlib.sha256(run.best_checkpoint.read_bytes()).hexdigest()
        assert (ancestor["arch"], ancestor["dataset"]) == ("segformer_b0", "oxford_pets")
    near, far = logged(third)
    assert (near["strategy"], near["weights"]) == ("pretrained", f"run:{first.id}")
    assert (far["strategy"], far["weights"]) == ("scratch", None)


def test_show_and_the_page_tell_the_chain(stages: list[RunDir]) -> None:
    first, second, third = stages
    near, far = logged(third)
    words = (
        f"run {second.id} (oxford_pets, pretrained, mIoU {near['miou']:.3f}) ← "
        f"run {first.id} (oxford_pets, scratch, mIoU {far['miou']:.3f})"
    )
    assert f"Pre-trained: {words}" in tables.one_run(third)
    assert dict(facts(third, open_log(third.events_file)))["Pre-trained"] == words
    assert "Pre-trained" not in tables.one_run(first)


def test_a_checkpoint_that_left_its_run_still_tells_what_it_knows(
    stages: list[RunDir], tmp_path: Path
) -> None:
    first, second, _ = stages
    path = Path(shutil.copy(second.best_checkpoint, tmp_path / "mine.pt"))
    near, far = lineage.chain(load_tensors(path), path, "f00d")
    assert (near["run"], near["dataset"], near["strategy"]) == (None, "oxford_pets", "pretrained")
    assert (near["arch"], near["weights"]) == ("segformer_b0", f"run:{first.id}")
    assert near["epoch"] == 1 and near["miou"] is not None and near["sha256"] == "f00d"
    assert far["run"] == first.id
    assert lineage.in_words([near, far]).startswith(
        "a file of segformer_b0 (oxford_pets, pretrained, mIoU "
    )


def test_a_run_that_lost_its_config_is_still_named(stages: list[RunDir], tmp_path: Path) -> None:
    copy = tiny.copy_of(stages[0], tmp_path)
    copy.config_file.write_text("{")
    (ancestor,) = lineage.chain(load_tensors(copy.best_checkpoint), copy.best_checkpoint, "f00d")
    named = (ancestor["run"], ancestor["dataset"], ancestor["strategy"])
    assert named == (copy.id, "oxford_pets", "scratch")


def test_weights_that_are_not_the_best_ones_have_no_score(stages: list[RunDir]) -> None:
    state = {"arch": "unet", "position": {"epoch": 4, "batch": 0, "best_epoch": 2, "best_miou": 1}}
    (ancestor,) = lineage.chain(state, Path("last.pt"), "f00d")
    assert (ancestor["epoch"], ancestor["miou"]) == (3, None)
    state["position"] = {"epoch": 3, "batch": 5, "best_epoch": 2, "best_miou": 1}
    assert lineage.chain(state, Path("last.pt"), "f00d")[0]["miou"] is None
    assert lineage.chain({}, Path("last.pt"), "f00d")[0]["epoch"] is None


def test_the_chain_ends_where_the_weights_were_published() -> None:
    chain = [
        {
            "run": "b",
            "dataset": "sample_streets",
            "strategy": "pretrained",
            "miou": 0.25,
            "weights": "imagenet",
        }
    ]
    assert lineage.in_words(chain) == ("run b (sample_streets, pretrained, mIoU 0.250) ← imagenet")


def test_a_log_from_before_there_was_a_chain_still_shows(
    stages: list[RunDir], tmp_path: Path
) -> None:
    copy = tiny.copy_of(stages[1], tmp_path)
    events = [json.loads(line) for line in copy.events_file.read_text().splitlines()]
    for event in events:
        (event.get("lineage") or {}).pop("chain", None)
    copy.events_file.write_text("".join(json.dumps(event) + "\n" for event in events))
    assert "chain" not in tiny.events(copy, "run_started")[0]["lineage"]
    assert f"Encoder weights: run:{stages[0].id}" in tables.one_run(copy)
    assert "Pre-trained" not in dict(facts(copy, open_log(copy.events_file)))
