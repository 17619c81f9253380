"""Names of models, datasets and losses: found without importing what they name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from segengine import registry
from segengine.errors import UserError
from segengine.registry import Kind, entries, find, unknown_name


@pytest.fixture
def own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of this test that stands for `segengine/models`."""
    (tmp_path / "models").mkdir()
    monkeypatch.setattr(registry, "__file__", str(tmp_path / "registry.py"))
    entries.cache_clear()
    yield tmp_path / "models"
    entries.cache_clear()


def test_the_names_that_the_issue_asks_for_are_there() -> None:
    assert {"fcn_resnet50", *(f"segformer_b{n}" for n in range(6))} <= entries("models").keys()
    assert {"oxford_pets", "sample_pets"} <= entries("datasets").keys()
    assert "cross_entropy" in entries("losses")
    assert entries("models")["segformer_b0"].options == ("stem",)


def test_names_are_listed_without_torch() -> None:
    code = (
        "import sys; from segengine.registry import entries; "
        "print(len(entries('models')), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == [str(len(entries("models"))), "False"], done.stderr


@pytest.mark.parametrize(
    ("kind", "given", "field", "words"),
    [
        ("models", "fcn_resnet5", "arch", ["Unknown model 'fcn_resnet5'", "mean fcn_resnet50"]),
        ("datasets", "pets", "dataset", ["Unknown dataset 'pets'", "oxford_pets", "sample_pets"]),
        ("losses", "", "loss", ["Unknown loss ''", "cross_entropy"]),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(
    kind: Kind, given: str, field: str, words: list[str]
) -> None:
    with pytest.raises(UserError) as caught:
        find(kind, given)
    assert caught.value.field == field
    assert [word for word in words if word not in str(caught.value)] == []


def test_the_nearest_name_comes_first() -> None:
    known = ["unet", "fcn_resnet50", "deeplabv3plus"]
    assert "did you mean unet?" in unknown_name("model", "unet3", known)
    assert "did you mean" not in unknown_name("model", "zzz", known)
    assert unknown_name("model", "zzz", []).endswith("known are none.")


def test_a_new_model_is_one_new_file(own_models: Path) -> None:
    (own_models / "helper.py").write_text("import torch\n")
    (own_models / "tiny.py").write_text(
        'raise RuntimeError("listing must not import this")\n'
        'ENTRIES: dict = {"tiny": {"label": "Tiny", "options": ["stem", "encoder"]}}\n'
    )
    assert list(entries("models")) == ["tiny"]
    entry = find("models", "tiny")
    assert (entry.label, entry.options) == ("Tiny", ("stem", "encoder"))
    assert entry.module == "segengine.models.tiny"
