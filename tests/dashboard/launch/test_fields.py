"""The fields of the form: what RunConfig declares of them, and when they are shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from dashboard.launch.fields import (
    FormEntries,
    help_of,
    in_sight,
    options_of,
    specs,
    visible_fields,
)
from dashboard.launch.form import check_form, to_entries, to_values
from segengine.config import DataConfig, RunConfig, encoders


def test_every_field_of_run_config_is_in_the_form() -> None:
    assert [spec.name for spec in specs()] == list(RunConfig().flat())
    assert all(spec.title and spec.help for spec in specs())


def test_a_new_field_appears_by_being_declared(quick_look: FormEntries, tmp_path: Path) -> None:
    class MoreData(DataConfig):
        blur: float = Field(0.5, ge=0, le=4, title="Blur", description="Sigma in pixels.")

    class More(RunConfig):
        data: MoreData = MoreData()

    spec = next(spec for spec in specs(More) if spec.name == "blur")
    assert (spec.kind, spec.title, spec.help) == (
        "number",
        "Blur",
        "Sigma in pixels. At least 0, at most 4.",
    )
    assert "blur" in visible_fields(quick_look, More)
    checked = check_form({**quick_look, "blur": "5"}, tmp_path, More)
    assert checked.problems == {"blur": "Blur must be at most 4, but 5 was given."}


def test_choices_carry_the_labels_of_what_is_registered() -> None:
    by_name = {spec.name: spec for spec in specs()}
    assert by_name["loss"].options["focal"] == "Focal"
    assert "synthetic sample" in by_name["dataset"].options["sample_pets"]
    assert list(by_name["strategy"].options) == ["scratch", "pretrained", "frozen"]
    assert by_name["optimizer"].options["sgd"] == "SGD"


def test_models_stand_in_the_order_of_their_papers_with_their_size() -> None:
    """FCN, U-Net, ..., SegFormer-B0 to B5: as people come to know them."""
    (spec,) = (spec for spec in specs() if spec.name == "arch")
    names = list(spec.options)
    assert names[:2] == ["fcn_resnet50", "unet"]
    assert names[-6:] == [f"segformer_b{size}" for size in range(6)]
    assert spec.options["segformer_b0"] == "SegFormer-B0 · 3.7 M"
    assert spec.options["deeplabv3plus"] == "DeepLabV3+ · 22.4 M"


def test_the_common_encoders_stand_before_all_others() -> None:
    (spec,) = (spec for spec in specs() if spec.name == "encoder")
    names = list(spec.options)
    assert spec.kind == "choice"
    assert names[:4] == ["resnet34", "resnet50", "efficientnet-b0", "mit_b0"]
    assert sorted(names) == sorted(encoders.ALL) and len(set(names)) == len(names)


def test_encoders_that_do_not_suit_the_model_are_not_offered(
    quick_look: FormEntries, tmp_path: Path
) -> None:
    """What is chosen already stays, with the sentence that says why it cannot be."""
    (spec,) = (spec for spec in specs() if spec.name == "encoder")
    entries = {**quick_look, "arch": "unetplusplus"}
    assert not {"mit_b0", "mit_b5"} & set(options_of(spec, entries))
    assert {"mit_b0", "mit_b5"} <= set(options_of(spec, {**entries, "arch": "fpn"}))
    chosen = {**entries, "encoder": "mit_b0"}
    assert "mit_b0" in options_of(spec, chosen)
    sentence = check_form(chosen, tmp_path).problems["encoder"]
    assert sentence.startswith("Encoder mit_b0 does not suit unetplusplus")


# Beside the defaults on sample pets: what a person chooses, fields that come, fields that go.
CHOICES: list[tuple[FormEntries, set[str], set[str]]] = [
    ({"stem": "small"}, set(), {"drop_path"}),
    ({"arch": "fcn_resnet50"}, {"aux_weight"}, {"stem", "drop_path"}),
    ({"arch": "unet"}, {"upsampling", "base_width"}, {"stem", "drop_path"}),
    ({"arch": "smp_unet"}, {"encoder"}, {"stem", "drop_path"}),
    ({"dataset": "oxford_pets"}, {"root", "download"}, set()),
    ({"dataset": "cityscapes"}, {"root"}, set()),
    ({"dataset": "folder"}, {"root", "binary"}, set()),
    ({"val_split": "official"}, set(), {"val_share", "split_seed"}),
    ({"draws": "1"}, {"draws"}, set()),
    ({"augment": ["hflip", "blur"]}, {"flip_chance", "blur_sigma"}, set()),
    ({"augment": ["crop", "rotate"]}, {"crop_scale", "rotate_degrees"}, set()),
    ({"augment": ["color"]}, {"color_strength"}, set()),
    ({"strategy": "pretrained"}, {"weights"}, set()),
    (
        {"strategy": "pretrained", "weights_from": "file"},
        {"weights", "weights_prefix"},
        set(),
    ),
    ({"strategy": "frozen"}, {"weights", "feature_cache"}, {"encoder_lr_factor"}),
    (
        {"strategy": "frozen", "augment": ["hflip"]},
        {"weights", "flip_chance"},
        {"encoder_lr_factor"},
    ),
    ({"optimizer": "sgd"}, {"momentum"}, {"amsgrad"}),
    ({"optimizer": "adam"}, set(), set()),
    ({"scheduler": "step"}, {"step_epochs"}, set()),
    ({"scheduler": "polynomial"}, {"power"}, {"gamma"}),
    ({"scheduler": "cosine"}, set(), {"gamma"}),
    ({"loss": "focal"}, {"focal_gamma"}, set()),
    ({"loss": "lovasz"}, set(), {"class_weights"}),
    ({"device": "cpu"}, set(), {"compile"}),
]


@pytest.mark.parametrize(
    ("chosen", "come", "go"), CHOICES, ids=[str(chosen)[:50] for chosen, _, _ in CHOICES]
)
def test_a_field_is_shown_where_it_has_a_meaning(
    chosen: FormEntries, come: set[str], go: set[str]
) -> None:
    base = to_entries(RunConfig.from_flat({"dataset": "sample_pets"}))
    before, now = visible_fields(base), visible_fields({**base, **chosen})
    assert (now - before, before - now) == (come, go)


def test_a_folder_with_images_for_every_role_is_not_split_again(
    quick_look: FormEntries, tmp_path: Path
) -> None:
    for split in ("train", "val", "test"):
        (tmp_path / split).mkdir()
    entries = {**quick_look, "dataset": "folder", "root": str(tmp_path), "val_share": "0.5"}
    assert not {"val_share", "split_seed"} & visible_fields(entries)
    assert "val_share" not in to_values(entries)  # else the run would refuse it
    for root in (str(tmp_path / "train"), "~nobody-of-that-name/x", ""):
        assert "val_share" in visible_fields({**entries, "root": root})


def test_every_field_is_shown_at_some_choice() -> None:
    base = to_entries(RunConfig.from_flat({"dataset": "sample_pets"}))
    assert visible_fields(base).union(*(come for _, come, _ in CHOICES)) == set(RunConfig().flat())


def test_what_goes_with_a_choice_stands_with_it_in_the_form(quick_look: FormEntries) -> None:
    """Nobody looks under "More settings" for what a choice in sight has just brought."""
    by_name = {spec.name: spec for spec in specs()}
    together = ("blur_sigma", "val_share", "encoder", "momentum", "power", "focal_gamma")
    assert all(in_sight(by_name[name], quick_look) for name in together)
    factor = by_name["encoder_lr_factor"]
    assert not in_sight(factor, quick_look)
    assert in_sight(factor, {**quick_look, "strategy": "pretrained"})


def test_the_help_of_the_folder_says_what_must_lie_in_it(quick_look: FormEntries) -> None:
    (root,) = (spec for spec in specs() if spec.name == "root")
    for name, words in (("cityscapes", "gtFine/"), ("folder", "masks/"), ("oxford_pets", "iiit")):
        assert words in help_of(root, {**quick_look, "dataset": name})
    assert help_of(root, {**quick_look, "dataset": "sample_pets"}) == root.help
