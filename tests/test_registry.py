"""Names of models, datasets and losses: found without importing what they name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from segengine import registry
from segengine.config import DataConfig, ModelConfig
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


SEGFORMERS = {f"segformer_b{n}" for n in range(6)}
OVER_SMP = {"deeplabv3plus", "smp_unet", "unetplusplus", "fpn"}


def test_everything_that_the_experiments_use_is_there() -> None:
    assert entries("models").keys() >= {"fcn_resnet50", "unet"} | SEGFORMERS | OVER_SMP
    assert entries("datasets").keys() >= {
        *("oxford_pets", "cityscapes", "folder"),
        *("sample_pets", "sample_streets"),
    }
    assert entries("losses").keys() >= {
        *("cross_entropy", "bce", "dice", "focal", "lovasz", "ce_dice"),
    }


@pytest.mark.parametrize("kind", ["models", "datasets", "losses"])
def test_each_name_says_what_it_is(kind: Kind) -> None:
    labels = [entry.label for entry in entries(kind).values()]
    assert all(labels) and len(set(labels)) == len(labels)


def test_options_are_fields_of_the_config() -> None:
    """A misspelled option would keep its field from ever being shown."""
    for kind, section in (("models", ModelConfig), ("datasets", DataConfig)):
        for entry in entries(kind).values():  # type: ignore[arg-type]
            assert set(entry.options) <= section.model_fields.keys(), entry.name


def test_a_model_says_where_its_encoder_comes_from() -> None:
    """By the person's choice, or by a name of its own: sources of weights are told apart by it."""
    for entry in entries("models").values():
        assert bool(entry.encoder) != ("encoder" in entry.options), entry.name


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
