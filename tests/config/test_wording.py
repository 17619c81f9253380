"""What people call the values of a config."""

from __future__ import annotations

import pytest

from segengine.config import RunConfig
from segengine.config.wording import choice_label, value_label


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("arch", "segformer_b0", "SegFormer-B0"),
        ("dataset", "oxford_pets", "Oxford-IIIT Pet"),
        ("dataset", "of_another_version", "of_another_version"),
        ("loss", "bce", "Binary cross entropy"),
        ("optimizer", "adamw", "AdamW"),
        ("augment", ("hflip", "crop"), "Mirror (hflip), Random crop"),
        ("augment", (), "none"),
        ("amsgrad", False, "off"),
        ("lr", 0.0003, "0.0003"),
        ("train_limit", 0, "all"),
        ("train_limit", 8, "8"),
        ("image_size", "64x128", "64x128"),
        ("weights", "", "none"),
        ("root", "/data/my_pets", "/data/my_pets"),
    ],
)
def test_a_value_is_called_as_on_the_form(field: str, value: object, words: str) -> None:
    assert value_label(value, RunConfig.declarations()[field]) == words


def test_a_choice_without_a_name_of_its_own_is_a_sentence_case_word() -> None:
    assert choice_label("exponential") == "Exponential"
    assert choice_label("pixel_accuracy") == "Pixel accuracy"
