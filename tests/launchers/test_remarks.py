"""What is worth a word before a run starts, and what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segengine.config import RunConfig
from segengine.launchers import remarks as module
from segengine.launchers.remarks import remarks
from segengine.models.published import Published


def said(**values: Any) -> dict[str, str]:
    return remarks(RunConfig.from_flat(values))


def test_usual_settings_need_no_word() -> None:
    assert said() == {}
    assert said(optimizer="sgd", lr=0.1, amsgrad=True) == {}


@pytest.mark.parametrize(("optimizer", "lr"), [("adamw", 3.5), ("adam", 0.02), ("sgd", 1.5)])
def test_a_learning_rate_that_nobody_uses_gets_a_word(optimizer: str, lr: float) -> None:
    assert said(optimizer=optimizer, lr=lr)["lr"].startswith(f"{lr} is very high for ")


def test_validating_less_often_than_once_a_run_gets_a_word() -> None:
    assert "only the last epoch" in said(epochs=5, val_every=6)["val_every"]
    assert not said(epochs=5, val_every=5)
    assert not said(epochs=1, val_every=2)  # of one epoch the last is the first


def test_an_early_stop_that_cannot_come_gets_a_word() -> None:
    assert "10 epochs" in said(epochs=10, early_stop=10)["early_stop"]
    assert not said(epochs=10, early_stop=9)


@pytest.mark.parametrize(
    ("cached", "words"),
    [(True, "in the cache of this machine"), (False, "will be downloaded once, about 13 MB")],
)
def test_imagenet_weights_say_whether_they_are_here(
    monkeypatch: pytest.MonkeyPatch, cached: bool, words: str
) -> None:
    published = Published("https://example.org/b0", Path("b0"), cached, 13.3)
    monkeypatch.setattr(module, "published_imagenet", lambda _: published)
    assert words in said(strategy="frozen", weights="imagenet")["weights"]
    assert not said(strategy="frozen", weights="b0.pt")


def test_imagenet_weights_that_saw_more_than_imagenet_say_so() -> None:
    encoder = {"arch": "fpn", "encoder": "tu-convnext_tiny"}
    sentence = said(**encoder, strategy="frozen", weights="imagenet")["weights"]
    assert sentence.startswith("ImageNet weights (in12k_ft_in1k): ")
