"""What the launch form calls its choices, and what it says beside its fields."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from segengine.config.encoders import DEFAULT_ENCODER

PARAMETERS_HELP = (
    "M: millions of parameters for 3 classes; where you choose the encoder, with "
    f"{DEFAULT_ENCODER}. In the order in which the papers appeared."
)
# What must lie in the dataset folder.
FOLDER_HELP: Mapping[str, str] = {
    "oxford_pets": "Folder that holds oxford-iiit-pet/ with its images/ and annotations/.",
    "cityscapes": "Folder that holds leftImg8bit/ and gtFine/ as they are unpacked.",
    "folder": "Folder with images/ and masks/ paired by file name, or with train/, val/ and "
    "perhaps test/ that hold both. A classes.json in it may name the classes and their colors.",
}
# What the engine says to a terminal -> what a page says. Longer ones first.
_PAGE_WORDS: Mapping[str, str] = {
    "imagenet, run:<id> or a file": "ImageNet, an earlier run or a file",
    "give imagenet, run:<id> or a checkpoint file": "choose ImageNet, an earlier run or a "
    "checkpoint file",
    "give a file in it, or run:<id> for a run of this runs folder": "give a file in it, or choose "
    "Earlier run",
    "give run:<id> or a file": "choose an earlier run or a file",
    "Weights imagenet": "ImageNet weights",
    "Choose another with --runs-dir (or SEGLAB_RUNS for the dashboard).": "Start the dashboard "
    "with another one in SEGLAB_RUNS.",
    "The runs folder (--runs-dir, or SEGLAB_RUNS for the dashboard)": "The runs folder "
    "(SEGLAB_RUNS)",
    "; see `python -m segengine list`": "",
    " A trial of a few steps can tell (--trial).": " A trial of a few steps can tell.",
    " (--trial can tell)": " (a trial can tell)",
    "choose method random": "choose Random ones",
    "method optuna needs the package": "Optuna needs the package",
    ", or choose grid or random": ", or choose another way",
    "method optuna judges": "Optuna judges",
    ", and run the best settings again with others by --best-of SWEEP --seeds 5.": "; the page of "
    "the sweep runs the best settings again with others.",
    "method random has nothing to draw: seeds are all run. Choose grid.": "Random ones has nothing "
    "to draw: seeds are all run. Choose Every combination.",
    ", or tick download": ", or switch on Download if missing",
    "Binary masks (--binary)": "Binary masks",
    "leave it out": "take it back to its default",
}


def without_example(sentence: str) -> str:
    """A sentence that ends in an example of a classes.json, which the page shows whole."""
    return re.sub(r", such as \{.*", ", as below.", sentence)


def one_line_per_class(classes_json: str) -> str:
    """The content of a classes.json with a line for each class, for reading."""
    try:
        content = json.loads(classes_json)
        lines = ",\n".join(f"  {json.dumps(entry)}" for entry in content["classes"])
        rest = "".join(
            f", {json.dumps(k)}: {json.dumps(v)}" for k, v in content.items() if k != "classes"
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return classes_json
    return f'{{"classes": [\n{lines}\n]{rest}}}'


def in_page_words(sentence: str) -> str:
    """A sentence of the engine in the words of the form: no flags, no commands, no endless path."""
    for said, shown in _PAGE_WORDS.items():
        sentence = sentence.replace(said, shown)
    sentence = re.sub(r"\brun:(?=\w)", "run ", sentence)
    return re.sub(r"\S{160,}", lambda word: f"{word[0][:80]}...{word[0][-30:]}", sentence)
