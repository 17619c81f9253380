"""RunConfig: one declaration, three forms (form, command line, JSON), and a sentence for errors."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segengine.cli import experiments
from segengine.cli import main as cli
from segengine.config import InvalidConfig, RunConfig
from segengine.config.encoders import COMMON, suiting
from segengine.config.presets import PRESETS
from segengine.errors import UserError
from segengine.registry import entries, find

# Any text that can stand in a path and on a command line.
PATHS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
PATHS = PATHS.filter(lambda text: not text.startswith("~"))
PATHS |= st.sampled_from(["-x", "--lr", "a b", "it's", '"', "~", "~/pets", "ümlaut", "-", "--"])
SIDES = st.integers(32, 2048)
AUGMENTATIONS = ["hflip", "crop", "rotate", "color", "blur"]


def positive(most: float) -> st.SearchStrategy[float]:
    """Numbers above 0, up to `most`."""
    return st.floats(0, most, exclude_min=True)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "dataset": st.sampled_from(sorted(entries("datasets"))),
    "root": PATHS,
    "download": st.booleans(),
    "binary": st.booleans(),
    "val_split": st.sampled_from(["honest", "official"]),
    "draws": st.sampled_from(["2", "1"]),
    "val_share": st.floats(0, 1, exclude_min=True, exclude_max=True),
    "split_seed": st.integers(0, 2**31 - 1),
    "augment": st.lists(st.sampled_from(AUGMENTATIONS), unique=True).map(tuple),
    "flip_chance": positive(1),
    "crop_scale": positive(1),
    "rotate_degrees": positive(180),
    "color_strength": positive(1),
    "blur_sigma": positive(10),
    "train_limit": st.integers(0, 10**6),
    "val_limit": st.integers(0, 10**6),
    "workers": st.integers(1, 64),
    "stem": st.sampled_from(["paper", "small"]),
    "drop_path": st.floats(0, 1, exclude_max=True),
    "encoder": st.sampled_from(["", *COMMON]),
    "upsampling": st.sampled_from(["transpose", "bilinear"]),
    "base_width": st.integers(4, 256),
    "aux_weight": st.floats(0, 10),
    "optimizer": st.sampled_from(["adamw", "adam", "sgd"]),
    "amsgrad": st.booleans(),
    "momentum": st.floats(0, 1, exclude_max=True),
    "lr": positive(10),
    "encoder_lr_factor": positive(10),
    "weight_decay": st.floats(0, 1),
    "scheduler": st.sampled_from(["exponential", "constant", "cosine", "polynomial", "step"]),
    "gamma": positive(1),
    "step_epochs": st.integers(1, 10**6),
    "power": positive(10),
    "warmup_epochs": st.floats(0, 10**6),
    "loss": st.sampled_from(sorted(entries("losses"))),
    "class_weights": st.sampled_from(["none", "inverse"]),
    "focal_gamma": st.floats(0, 10),
    "grad_clip": st.floats(0, 10**6),
    "ema": st.floats(0, 1, exclude_max=True),
    "epochs": st.integers(1, 100_000),
    "batch_size": st.integers(2, 4096),
    "accumulate": st.integers(1, 1024),
    "val_every": st.integers(1, 10**6),
    "early_stop": st.integers(0, 10**6),
    "early_stop_metric": st.sampled_from(
        ["miou", "dice", "boundary_iou", "pixel_accuracy", "loss"]
    ),
    "seed": st.integers(0, 2**31 - 1),
    "device": st.sampled_from(["auto", "cpu", "cuda"]),
    "precision": st.sampled_from(["auto", "fp32", "bf16", "fp16"]),
    "compile": st.booleans(),
    "feature_cache": st.floats(0, 10**6),
    "native_scores": st.booleans(),
    "keep_probabilities": st.booleans(),
}


@st.composite
def configs(draw: st.DrawFn) -> RunConfig:
    """Any valid RunConfig, with any set of its fields given."""
    arch = find("models", draw(st.sampled_from(sorted(entries("models")))))
    values = {"arch": arch.name, **draw(st.fixed_dictionaries({}, optional=VALUES))}
    divisor = arch.divisor
    multiples = SIDES.map(lambda side: max(1, side // divisor) * divisor).filter(lambda n: n >= 32)
    size = draw(st.tuples(multiples, multiples))
    values["image_size"] = draw(st.sampled_from([str(size[0]), f"{size[0]}x{size[1]}"]))
    values["strategy"] = draw(st.sampled_from(["scratch", "pretrained", "frozen"]))
    if values["strategy"] != "scratch":
        known = ["imagenet"] if arch.imagenet else []
        values["weights"] = draw(PATHS | st.sampled_from([*known, "run:some-run"]))
        if values["weights"] not in ("imagenet", "run:some-run"):
            values["weights_prefix"] = draw(st.sampled_from(["", ".", "teacher", "-a", "a b"]))
    if values.get("encoder") not in suiting(arch.name):
        values.pop("encoder", None)
    if values.get("warmup_epochs", 0) > values.get("epochs", 30):
        values.pop("warmup_epochs")
    return RunConfig.from_flat(meaningful(values))


def meaningful(values: dict[str, Any]) -> dict[str, Any]:
    """The values without those that have no meaning beside the others."""
    whole = {**{name: info.default for _, name, info in RunConfig.fields()}, **values}
    for name in RunConfig.meaningless(whole):
        values.pop(name, None)
    return values


def parsed(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> RunConfig:
    """The config that `launch` with these words would start."""
    started: list[RunConfig] = []

    def launch(config: RunConfig, runs_dir: Path) -> int:
        started.append(config)
        return 0

    monkeypatch.setattr(experiments, "launch_run", launch)
    assert cli.main(["launch", *words]) == 0, words
    return started[0]


def problems_of(**values: Any) -> dict[str, str]:
    """Field -> sentence for a config that must be refused."""
    with pytest.raises(InvalidConfig) as caught:
        RunConfig.from_flat(values)
    return caught.value.problems


def says(sentence: str, *words: str) -> None:
    """One sentence on one line that holds all of these words."""
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert [word for word in words if word not in sentence] == [], sentence


def test_every_field_is_tried_below() -> None:
    """What is added to RunConfig is added to these tests too."""
    fields = {name for _, name, _ in RunConfig.fields()}
    assert fields == VALUES.keys() | {
        *("arch", "image_size", "strategy", "weights", "weights_prefix")
    }


def test_names_are_unique_so_that_flags_are_flat() -> None:
    names = [name for _, name, _ in RunConfig.fields()]
    assert len(names) == len(set(names))
    for _, name, info in RunConfig.fields():
        assert info.title and info.description, name


def test_the_defaults_are_the_published_recipe() -> None:
    config = RunConfig()
    assert config.data.height_width == (64, 64)
    assert (config.train.epochs, config.train.batch_size) == (30, 64)
    assert (config.optim.lr, config.optim.gamma) == (1e-3, 0.98)
    assert config.optim.amsgrad and config.optim.scheduler == "exponential"
    assert config.data.augment == () and config.optim.loss == "cross_entropy"


@given(configs())
@settings(max_examples=60, deadline=None)
def test_json_brings_the_same_config_back(config: RunConfig) -> None:
    again = RunConfig.parse(json.loads(config.to_json()))
    assert again == config
    assert again.fingerprint() == config.fingerprint()


@given(configs())
@settings(max_examples=60, deadline=None)
def test_the_command_line_shown_gives_the_same_config(config: RunConfig) -> None:
    """The words go through a shell's splitting and the real parser of the command line."""
    with pytest.MonkeyPatch.context() as patch:
        words = shlex.split(config.command("launch"))
        assert words[:4] == ["python", "-m", "segengine", "launch"]
        assert parsed(patch, words[4:]) == config


def test_the_command_line_says_only_what_is_not_default() -> None:
    assert RunConfig().flags() == []
    config = RunConfig.from_flat({"amsgrad": False, "augment": ["hflip"], "batch_size": 8})
    assert config.flags() == ["--augment", "hflip", "--no-amsgrad", "--batch-size", "8"]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_configs(name: str) -> None:
    flat = PRESETS[name].config().flat()
    assert {field: flat[field] for field in PRESETS[name].values} == dict(PRESETS[name].values)


def test_the_course_preset_is_the_published_recipe() -> None:
    recipe = PRESETS["course_recipe"].config()
    course = {"val_every": 2, "val_split": "official", "stem": "small"}
    assert recipe == RunConfig().with_values(**course)


def test_flags_beside_a_config_file_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = RunConfig.from_flat({"epochs": 7, "augment": ["hflip"], "download": True, "seed": 3})
    file = tmp_path / "my config.json"
    file.write_text(base.to_json())
    assert parsed(monkeypatch, ["--config", str(file)]) == base
    words = ["--epochs", "9", f"--config={file}", "--augment", "--no-download"]
    expected = base.with_values(epochs=9, augment=(), download=False)
    assert parsed(monkeypatch, words) == expected


def test_weights_of_a_config_file_can_be_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "frozen.json"
    file.write_text(RunConfig.from_flat({"strategy": "frozen", "weights": "imagenet"}).to_json())
    words = ["--config", str(file), "--strategy", "scratch", "--weights", ""]
    assert parsed(monkeypatch, words) == RunConfig()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["cannot be read", "No such file"]),
        ("{", ["cannot be read"]),
        ("[]", ["config", "sections", "[]"]),
        ('{"data": 3}', ["data", "3"]),
        ('{"data": {"lr": 1}}', ["Unknown field 'lr'", "batch_size"]),
        ('{"train": {"epochs": null}}', ["epochs", "whole number", "None"]),
        ('{"optim": {"lr": NaN}}', ["lr", "finite", "nan"]),
    ],
)
def test_a_config_file_that_is_wrong_is_said_in_one_line(
    tmp_path: Path, content: str | None, words: list[str]
) -> None:
    file = tmp_path / "config.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UserError) as caught:
        RunConfig.load(file)
    assert "\n" not in str(caught.value)
    assert str(caught.value)[0].isalpha()
    assert [word for word in words if word not in str(caught.value)] == [], caught.value


@pytest.mark.parametrize("key", ["learning_rate", "batchsize"])
def test_an_unknown_key_is_refused_with_the_known_ones(key: str) -> None:
    (sentence,) = problems_of(**{key: 1}).values()
    says(sentence, f"'{key}'", "known are", "batch_size", "lr", "arch", "dataset")
    assert "did you mean batch_size" in problems_of(batchsize=1)["batchsize"]


# field, given, words of the sentence: the field as typed, the value, and what is allowed
REFUSED = [
    ("lr", 0, ["0", "greater than 0"]),
    ("lr", -0.1, ["-0.1", "greater than 0"]),
    ("lr", "-1e-3", ["-1e-3", "greater than 0"]),
    ("lr", math.nan, ["nan", "finite"]),
    ("lr", "nan", ["nan", "finite"]),
    ("lr", math.inf, ["inf", "finite"]),
    ("lr", "fast", ["fast", "number"]),
    ("lr", "", ["number"]),
    ("lr", None, ["None", "number"]),
    ("lr", 11, ["11", "at most 10"]),
    ("gamma", 0, ["0", "greater than 0"]),
    ("gamma", 1.02, ["1.02", "at most 1"]),
    ("weight_decay", -1, ["-1", "at least 0"]),
    ("epochs", 0, ["0", "at least 1"]),
    ("epochs", 1.5, ["1.5", "whole number"]),
    ("epochs", "many", ["many", "whole number"]),
    ("batch_size", 0, ["0", "at least 1"]),
    ("batch_size", -4, ["-4", "at least 1"]),
    ("batch_size", "4.5", ["4.5", "whole number"]),
    ("val_every", 0, ["0", "at least 1"]),
    ("early_stop", -1, ["-1", "at least 0"]),
    ("seed", -1, ["-1", "at least 0"]),
    ("seed", 2**31, [str(2**31), "less than 2^31"]),
    ("workers", 0, ["0", "at least 1"]),
    ("train_limit", -1, ["-1", "at least 0"]),
    ("image_size", "0", ["0", "32 to 2048"]),
    ("image_size", "10", ["10", "32 to 2048"]),
    ("image_size", "4096", ["4096", "32 to 2048"]),
    ("image_size", "64x16", ["64x16", "32 to 2048"]),
    ("image_size", "abc", ["abc", "HxW"]),
    ("image_size", "64x", ["64x", "HxW"]),
    ("image_size", "-5", ["-5", "HxW"]),
    ("image_size", "64x64x3", ["64x64x3", "HxW"]),
    ("image_size", None, ["None", "HxW"]),
    ("root", "", ["empty"]),
    ("root", "a\0b", ["NUL"]),
    ("root", "~nobody-of-that-name/pets", ["~nobody-of-that-name/pets", "home"]),
    ("download", "maybe", ["maybe", "true or false"]),
    ("dataset", "oxford_pet", ["oxford_pet", "did you mean oxford_pets", "sample_pets"]),
    ("arch", "segformer", ["segformer", "did you mean segformer_b", "fcn_resnet50"]),
    ("loss", "dice9", ["dice9", "cross_entropy"]),
    ("strategy", "finetune", ["finetune", "scratch, pretrained, frozen"]),
    ("stem", "tiny", ["tiny", "paper, small"]),
    ("optimizer", "sgdx", ["sgdx", "adamw, adam, sgd"]),
    ("scheduler", "steps", ["steps", "exponential, constant, cosine, polynomial, step"]),
    ("device", "gpu", ["gpu", "auto, cpu, cuda"]),
    ("precision", "fp8", ["fp8", "auto, fp32, bf16, fp16"]),
    ("augment", ["vflip"], ["vflip", "hflip, crop, rotate, color, blur"]),
    ("ema", 1, ["1", "less than 1"]),
    ("warmup_epochs", -1, ["-1", "at least 0"]),
    ("grad_clip", math.inf, ["inf", "finite"]),
    ("encoder_lr_factor", 0, ["0", "greater than 0"]),
    ("accumulate", 0, ["0", "at least 1"]),
    ("early_stop_metric", "iou", ["iou", "miou, dice, boundary_iou, pixel_accuracy, loss"]),
    ("aux_weight", -0.4, ["-0.4", "at least 0"]),
    ("encoder", "resnet43", ["resnet43", "did you mean", "resnet34"]),
]
_SPOKEN = {"arch": "model"}  # what the sentence calls the field, where not by its name


@pytest.mark.parametrize(("field", "given", "words"), REFUSED, ids=lambda value: repr(value)[:30])
def test_a_value_that_is_not_allowed_is_said_beside_its_field(
    field: str, given: Any, words: list[str]
) -> None:
    problems = problems_of(**{field: given})
    assert list(problems) == [field]
    says(problems[field], _SPOKEN.get(field, field), *words)


def test_a_huge_value_is_not_repeated_whole() -> None:
    for field, digit in (("epochs", "9"), ("lr", "x"), ("image_size", "7"), ("dataset", "a")):
        sentence = problems_of(**{field: digit * 5000})[field]
        assert field in sentence
        assert len(sentence) < 300


def test_all_wrong_fields_are_said_at_once() -> None:
    problems = problems_of(lr=0, epochs=0, image_size="abc", device="gpu")
    assert problems.keys() == {"lr", "epochs", "image_size", "device"}


@pytest.mark.parametrize(
    ("given", "size", "kept"),
    [
        (64, (64, 64), "64"),
        ("64x96", (64, 96), "64x96"),
        (" 128 X 256 ", (128, 256), "128x256"),
        ("32x32", (32, 32), "32"),
        ("2048", (2048, 2048), "2048"),
    ],
)
def test_image_sizes_are_height_by_width(given: Any, size: tuple[int, int], kept: str) -> None:
    data = RunConfig.from_flat({"image_size": given}).data
    assert (data.height_width, data.image_size) == (size, kept)


def test_a_resolved_config_means_the_same_from_every_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    config = RunConfig.from_flat({"root": "pets", "strategy": "frozen", "weights": "w/mit.pth"})
    resolved = config.resolved()
    assert resolved.data.root == f"{tmp_path}/pets"
    assert resolved.model.weights == f"{tmp_path}/w/mit.pth"
    assert config.with_values(root="~/pets").resolved().data.root == "/home/ada/pets"
    assert resolved.resolved() == resolved


@pytest.mark.parametrize("weights", ["imagenet", "run:20260101-000000-segformer_b0-scratch-0000"])
def test_weights_that_are_no_path_stay_as_they_are(weights: str) -> None:
    config = RunConfig.from_flat({"strategy": "frozen", "weights": weights})
    assert config.resolved().model.weights == weights


def test_the_fingerprint_tells_configs_apart() -> None:
    config = RunConfig()
    assert config.fingerprint() == RunConfig().fingerprint()
    assert config.fingerprint() != config.with_values(seed=1).fingerprint()


def test_a_config_is_immutable() -> None:
    config = RunConfig()
    with pytest.raises(ValueError, match="frozen"):
        config.train.epochs = 3
