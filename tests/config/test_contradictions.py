"""Settings that mean nothing beside others, or contradict them: refused at birth, by name."""

from __future__ import annotations

from typing import Any

import pytest

from segengine.config import STORED, InvalidConfig, RunConfig
from segengine.config.encoders import DEFAULT_ENCODER
from segengine.config.section import conditions, extra
from segengine.registry import Entry, entries
from tests.config.test_config import says

MODELS = [pytest.param(entry, id=name) for name, entry in entries("models").items()]


def refused(**values: Any) -> tuple[str, str]:
    """(field, sentence) for a config that must be refused for one reason."""
    with pytest.raises(InvalidConfig) as caught:
        RunConfig.from_flat(values)
    ((field, sentence),) = caught.value.problems.items()
    return field, sentence


def taking(option: str) -> list[str]:
    """The models that take this option."""
    return [name for name, entry in entries("models").items() if option in entry.options]


FROZEN = {"strategy": "frozen", "weights": "imagenet"}

# a field with a value of its own, beside a choice that gives it no meaning, and the choice
MEANINGLESS = [
    ({"stem": "small", "arch": "fcn_resnet50"}, "arch fcn_resnet50"),
    ({"encoder": "resnet50", "arch": "segformer_b0"}, "arch segformer_b0"),
    ({"drop_path": 0.2, "arch": "fcn_resnet50"}, "arch fcn_resnet50"),
    ({"drop_path": 0.2, "stem": "small"}, "stem small"),
    ({"upsampling": "bilinear", "arch": "fcn_resnet50"}, "arch fcn_resnet50"),
    ({"base_width": 32, "arch": "segformer_b5"}, "arch segformer_b5"),
    ({"aux_weight": 0.4, "arch": "segformer_b0"}, "arch segformer_b0"),
    ({"amsgrad": False, "optimizer": "sgd"}, "optimizer sgd"),
    ({"momentum": 0.8, "optimizer": "adam"}, "optimizer adam"),
    ({"gamma": 0.9, "scheduler": "cosine"}, "scheduler cosine"),
    ({"step_epochs": 5, "scheduler": "exponential"}, "scheduler exponential"),
    ({"power": 2.0, "scheduler": "constant"}, "scheduler constant"),
    ({"flip_chance": 0.9}, "augment none"),
    ({"crop_scale": 0.9, "augment": ["hflip"]}, "augment hflip"),
    ({"rotate_degrees": 30.0, "augment": ["hflip", "crop"]}, "augment hflip crop"),
    ({"color_strength": 0.9, "augment": ["blur"]}, "augment blur"),
    ({"blur_sigma": 3.0, "augment": ["color"]}, "augment color"),
    ({"binary": True, "dataset": "oxford_pets"}, "dataset oxford_pets"),
    ({"val_share": 0.3, "val_split": "official"}, "val_split official"),
    ({"split_seed": 4, "val_split": "official"}, "val_split official"),
    ({"class_weights": "inverse", "loss": "dice"}, "loss dice"),
    ({"focal_gamma": 3.0, "loss": "cross_entropy"}, "loss cross_entropy"),
    ({"download": True, "dataset": "cityscapes"}, "dataset cityscapes"),
    ({"weights": "imagenet"}, "strategy scratch"),
    ({"weights_prefix": "teacher"}, "strategy scratch"),
    ({"encoder_lr_factor": 0.1, **FROZEN}, "strategy frozen"),
    ({"compile": True, "device": "cpu"}, "device cpu"),
    ({"feature_cache": 1.0}, "strategy scratch"),
    ({"feature_cache": 1.0, **FROZEN, "augment": ["hflip"]}, "augment hflip"),
]


@pytest.mark.parametrize(("values", "choice"), MEANINGLESS, ids=lambda v: str(v)[:50])
def test_a_setting_without_a_meaning_is_refused(values: dict[str, Any], choice: str) -> None:
    """The first of the values is the one that says nothing; its default passes."""
    name, given = next(iter(values.items()))
    field, sentence = refused(**values)
    assert field == name
    says(sentence, f"{name} '{given}'", choice, "leave it out")
    RunConfig.from_flat({**values, name: RunConfig().flat()[name]})


def test_every_conditional_setting_is_tried_above() -> None:
    conditional = {name for _, name, info in RunConfig.fields() if extra(info, "only_if")}
    assert conditional == {next(iter(values)) for values, _ in MEANINGLESS}


@pytest.mark.parametrize("key", ["only_if", "shown_if"])
def test_conditions_name_fields_that_there_are(key: str) -> None:
    """A condition on a field that is nowhere would never be looked at."""
    for info in RunConfig.declarations().values():
        assert set(conditions(info, key)) <= RunConfig.declarations().keys()


def test_a_run_folder_may_hold_what_an_older_version_let_pass() -> None:
    """Its config is the record of what was trained: nothing in it is refused or changed."""
    older = {"feature_cache": 1.0, "early_stop_metric": "dice"}
    config = RunConfig.from_flat(older, STORED)
    assert (config.train.feature_cache, config.train.early_stop_metric) == (1.0, "dice")
    assert config.resolved().train == config.train


@pytest.mark.parametrize("arch", taking("encoder"))
def test_the_encoder_left_out_is_the_default_one_by_name(arch: str) -> None:
    config = RunConfig.from_flat({"arch": arch})
    assert config.model.encoder == config.model.encoder_name == DEFAULT_ENCODER
    assert RunConfig.from_flat({"arch": arch, "encoder": ""}) == config
    assert RunConfig.from_flat({"arch": arch, "encoder": DEFAULT_ENCODER}) == config


@pytest.mark.parametrize("arch", sorted(set(entries("models")) - set(taking("encoder"))))
def test_a_model_with_an_encoder_of_its_own_is_given_none(arch: str) -> None:
    config = RunConfig.from_flat({"arch": arch})
    assert config.model.encoder == ""
    assert config.model.encoder_name


def test_models_share_weights_by_the_name_of_their_encoder() -> None:
    def name(**values: Any) -> str:
        return RunConfig.from_flat(values).model.encoder_name

    assert name(arch="segformer_b0") == name(arch="segformer_b0", drop_path=0.0) == "mit_b0"
    assert name(arch="segformer_b0", stem="small") == "mit_b0, small stem"
    assert name(arch="segformer_b1") == "mit_b1"
    assert name(arch="deeplabv3plus") == name(arch="fpn") == "resnet34"
    assert name(arch="unet", base_width=32) == name(
        arch="unet", base_width=32, upsampling="bilinear"
    )
    assert name(arch="unet", base_width=32) != name(arch="unet")


@pytest.mark.parametrize("arch", MODELS)
def test_images_of_a_size_that_the_model_cannot_take_are_refused(arch: Entry) -> None:
    RunConfig.from_flat({"arch": arch.name, "image_size": f"{32}x{64}"})
    if arch.divisor == 1:
        RunConfig.from_flat({"arch": arch.name, "image_size": "33x65"})
        return
    near = f"{64}x{64 + arch.divisor}"
    wrong = f"{65}x{64 + arch.divisor + 1}"
    field, sentence = refused(arch=arch.name, image_size=wrong)
    assert field == "image_size"
    says(sentence, wrong, arch.name, f"multiples of {arch.divisor}", near)


@pytest.mark.parametrize("arch", MODELS)
def test_batches_that_the_model_cannot_take_are_refused(arch: Entry) -> None:
    RunConfig.from_flat({"arch": arch.name, "batch_size": arch.min_batch})
    if arch.min_batch > 1:
        field, sentence = refused(arch=arch.name, batch_size=arch.min_batch - 1)
        assert field == "batch_size"
        says(sentence, f"batch_size {arch.min_batch - 1}", arch.name, f"least {arch.min_batch}")


@pytest.mark.parametrize("arch", MODELS)
def test_imagenet_weights_are_refused_where_there_are_none(arch: Entry) -> None:
    values = {"arch": arch.name, "strategy": "pretrained", "weights": "imagenet"}
    if arch.imagenet:
        assert RunConfig.from_flat(values).model.weights == "imagenet"
    else:
        field, sentence = refused(**values)
        assert field == "weights"
        says(sentence, "imagenet", arch.name, "run:<id>", "scratch")


def test_an_encoder_that_stays_as_it_is_has_no_learning_rate() -> None:
    frozen = {"strategy": "frozen", "weights": "imagenet"}
    field, sentence = refused(**frozen, encoder_lr_factor=0.1)
    assert field == "encoder_lr_factor"
    says(sentence, "encoder_lr_factor '0.1'", "frozen", "keeps the encoder as it is")
    RunConfig.from_flat({**frozen, "strategy": "pretrained", "encoder_lr_factor": 0.1})


def test_a_warm_up_longer_than_the_run_is_refused() -> None:
    field, sentence = refused(warmup_epochs=5, epochs=4)
    assert field == "warmup_epochs"
    says(sentence, "warmup_epochs 5", "4 epochs")
    RunConfig.from_flat({"warmup_epochs": 4, "epochs": 4})


@pytest.mark.parametrize("strategy", ["pretrained", "frozen"])
def test_weights_are_needed_where_a_strategy_loads_some(strategy: str) -> None:
    field, sentence = refused(strategy=strategy)
    assert field == "weights"
    says(sentence, strategy, "weights", "imagenet", "run:<id>", "file")


@pytest.mark.parametrize("weights", ["imagenet", "run:20260101-000000-unet-scratch-0000"])
def test_a_prefix_is_for_files_that_hold_several_encoders(weights: str) -> None:
    field, sentence = refused(strategy="frozen", weights=weights, weights_prefix="teacher")
    assert field == "weights_prefix"
    says(sentence, "weights_prefix 'teacher'", weights, "leave it out", "file")


def test_scratch_refuses_weights() -> None:
    field, sentence = refused(strategy="scratch", weights="imagenet")
    assert field == "weights"
    says(sentence, "weights 'imagenet'", "strategy scratch loads nothing", "leave it out")
