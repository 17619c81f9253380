"""Sentences of the engine as the browser says them."""

from __future__ import annotations

import pytest

from dashboard.shared.browser_words import in_browser_words


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            "weights 'x.pt': there is no such file; give imagenet, run:<id> or a checkpoint file.",
            "weights 'x.pt': there is no such file; give ImageNet, an earlier run or a checkpoint "
            "file.",
        ),
        (
            "weights run:20261121-142501-unet-frozen-3fa9: that run has no checkpoint yet.",
            "weights run U-Net frozen 3fa9: that run has no checkpoint yet.",
        ),
        (
            "'x' is no run id: ids look like 20261121-142501-segformer_b0-scratch-3fa9; see "
            "`python -m segengine list`.",
            "'x' is no run id: ids look like 20261121-142501-segformer_b0-scratch-3fa9; the Runs "
            "page lists them.",
        ),
        (
            "The memory does not hold this batch: choose a smaller batch_size or image_size.",
            "The memory does not hold this batch: choose a smaller batch size or image size.",
        ),
        (
            "trained on different datasets (oxford_pets, sample_pets)",
            "trained on different datasets (Oxford-IIIT Pet, Sample pets (synthetic sample))",
        ),
    ],
)
def test_flags_commands_and_code_names_become_the_browsers_words(typed: str, said: str) -> None:
    assert in_browser_words(typed) == said


@pytest.mark.parametrize(
    "sentence",
    [
        "/data/oxford_pets/image_size.png is missing.",
        "oxford_pets.png is no mask of the folder my_oxford_pets.",
        "The loss fell on its seed.",
    ],
)
def test_paths_and_ordinary_words_stay(sentence: str) -> None:
    assert in_browser_words(sentence) == sentence
