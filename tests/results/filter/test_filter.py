"""Filters as people type them: which runs they find, and what they say where they make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from segengine.config import RunConfig
from segengine.results.filter import FilterError, parse_filter
from segengine.results.filter.fields import fields
from segengine.results.filter.tokens import tokens_of
from segengine.results.status import RunStatus
from segengine.results.table import RunFacts, RunRow
from segengine.run.records import Notes
from segengine.run.rundir import RunDir


def row(name: str, miou: float | None, notes: Notes, facts: RunFacts, **config: object) -> RunRow:
    state = "finished" if miou else "failed"
    read = RunConfig.from_flat({"val_split": "official", **config})
    return RunRow(
        RunDir(Path("/runs") / name), read, RunStatus(state, best_miou=miou), notes, facts
    )


A, B, C = (
    row(
        "20261121-142501-segformer_b0-scratch-aaaa",
        0.697,
        Notes(name="Long baseline", tags=["baseline", "week 2"], star=True),
        RunFacts(val_images=40),
        augment=["hflip", "crop"],
    ),
    row(
        "20261122-090000-unet-scratch-bbbb",
        0.5,
        Notes(notes="(odd) loss"),
        RunFacts(val_images=400, parent="20261121-142501-segformer_b0-scratch-aaaa"),
        arch="unet",
        base_width=8,
        image_size="64x96",
        lr=3e-4,
    ),
    row(
        "20261201-000000-fcn_resnet50-scratch-cccc",
        None,
        Notes(archived=True),
        RunFacts(),
        arch="fcn_resnet50",
        dataset="sample_pets",
    ),
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "ABC"),
        ("   ", "ABC"),
        ("unet", "B"),
        ("UNET finished", "B"),
        ("segformer or fcn", "AC"),
        ("baseline", "A"),
        ('"week 2"', "A"),
        ("aaaa", "A"),
        ('"(odd) loss"', "B"),
        ("sample", "C"),
        ("arch = segformer_b0", "A"),
        ("arch = SegFormer-B0", "A"),
        ("ARCH=unet", "B"),
        ("arch != unet", "AC"),
        ("arch ~ former", "A"),
        ("best_miou > 0.6", "A"),
        ("best_miou >= 0.5", "AB"),
        ("best_miou < 0.6", "B"),  # C has none
        ("best_miou = 0.697", "A"),
        ("best_miou != 0.697", "BC"),
        ("best_miou = none", "C"),
        ("best_miou != none", "AB"),
        ("tag = baseline", "A"),
        ("tags = 'week 2'", "A"),
        ("tag = week", ""),
        ("tag ~ week", "A"),
        ("tag != baseline", "BC"),
        ("tag = none", "BC"),
        ("augment = hflip", "A"),
        ("augment = none", "BC"),
        ("star = yes", "A"),
        ("star = no", "BC"),
        ("archived = true", "C"),
        ("name ~ long", "A"),
        ("name = none", "BC"),
        ("lr = 3e-4", "B"),
        ("lr <= 0.0003", "B"),
        ("image_size > 64", "B"),
        ("image_size = 64x96", "B"),
        ("image_size = 64x64", "AC"),
        ("base_width = 8", "B"),
        ("base_width != 8", "AC"),  # has no meaning for the others
        ("started = 2026-11", "AB"),
        ("started > 2026-11-21", "BC"),
        ("started <= '2026-11-22 09:00'", "AB"),
        ("started >= 2026-12-01T00:00", "C"),
        ("state = failed", "C"),
        ("val_images >= 400", "B"),
        ("parent ~ aaaa", "B"),
        ("dataset = sample_pets and not star = yes", "C"),
        ("not unet", "AC"),
        ("not (unet or fcn)", "A"),
        ("unet or segformer and star = no", "B"),  # "and" binds closer
        ("(unet or segformer) and star = no", "B"),
        ("unet or segformer star = yes", "AB"),
        ("arch = segformer_b0 and best_miou > 0.6 and tag = baseline", "A"),
        ("NOT star=yes AND best_miou>0.4", "B"),
        ("not not unet", "B"),
        ('name = "Long baseline"', "A"),
        ("'not'", ""),
        ("notes ~ 'loss'", "B"),
        ("arch == unet", "B"),
        ("__import__", ""),
        ("optimizer = adamw", "ABC"),
        ("amsgrad = on", "ABC"),
    ],
)
def test_a_filter_finds(text: str, found: str) -> None:
    test = parse_filter(text)
    names = {"A": A, "B": B, "C": C}
    assert "".join(name for name, one in names.items() if test(one)) == found


@pytest.mark.parametrize(
    ("text", "sentence", "place"),
    [
        (
            "arch = unet and best_mio > 0.6",
            "no field 'best_mio': did you mean best_miou",
            "best_mio",
        ),
        ("zzqqxx = 1", "no field 'zzqqxx': the guide", "zzqqxx"),
        ("best_miou > high", "a number: give one such as 0.6, not 'high'", "high"),
        ("best_miou ~ 0.6", "compared by =, !=, <, <=, >, >=", "~"),
        ("arch > unet", "arch is text, which is compared by =, !=, ~", ">"),
        ("star = maybe", "give yes or no, not 'maybe'", "maybe"),
        ("star > yes", "star is yes or no, which is compared by =, !=", ">"),
        ("started > yesterday", "give it as 2026-11-21", "yesterday"),
        ("image_size > big", "64 or 64x96, not 'big'", "big"),
        ("arch =", "A value is missing after 'arch =': for example arch = unet", "="),
        ("arch = )", "A value is missing after 'arch ='", ")"),
        ("arch = = unet", "A value is missing", "="),
        ("unet and", "Something is missing after 'and'", "and"),
        ("or unet", "Before 'or' a word or a condition is missing", "or"),
        ("= 5", "Before '=' a field is missing", "="),
        ("unet (", "Something is missing after '('", "("),
        ("()", "Before ')' a word or a condition is missing", ")"),
        ("(unet", "never closed", "("),
        ("unet)", "closes none", ")"),
        ("unet 'open", "The quote at position 6 is never closed", "'open"),
        ('"a" = 5', "Before '=' a field", "="),
        ("(" * 41 + "unet" + ")" * 41, "at most 40 levels deep", "("),
        ("x" * 1_001, "at most 1,000 characters", "x"),
        ("not", "Something is missing after 'not'", "not"),
        ("a !", None, ""),
    ],
)
def test_a_filter_that_makes_no_sense_points_at_the_place(
    text: str, sentence: str | None, place: str
) -> None:
    if sentence is None:
        parse_filter(text)
        return
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert sentence in str(caught.value)
    assert text[caught.value.start : caught.value.end] == place
    shown, carets = caught.value.pointed_out().split("\n")
    assert carets.strip(" ") == "^" * len(place)
    assert shown[carets.index("^") :].startswith(place)


def problem_of(text: str) -> FilterError | None:
    try:
        assert parse_filter(text)(A) in (True, False)
    except FilterError as error:
        return error
    return None


def test_no_text_is_run_or_breaks_the_reader() -> None:
    """Whatever is typed, there is a test or a sentence."""
    pieces = [
        "(",
        ")",
        "and",
        "or",
        "not",
        "=",
        "~",
        "<=",
        "arch",
        "0.6",
        '"',
        "\\",
        "!",
        "ü",
        "\n",
    ]
    texts = [f"{a} {b}{c}" for a in pieces for b in pieces for c in pieces]
    problems = {text: problem for text in texts if (problem := problem_of(text))}
    assert 0 < len(problems) < len(texts)
    for text, problem in problems.items():
        assert 0 <= problem.start < problem.end <= len(text) + 1
        assert str(problem).endswith((".", "?"))


def test_quoted_words_keep_their_quotes_and_places() -> None:
    kinds = [(token.kind, token.text) for token in tokens_of(r"""name='it\'s' "a \"b\"" """)]
    assert kinds == [
        ("word", "name"),
        ("operator", "="),
        ("quoted", "it's"),
        ("quoted", 'a "b"'),
        ("end", ""),
    ]


def test_every_field_reads_every_row_and_every_operator_of_it_works() -> None:
    values = {"number": "1", "yes or no": "yes", "time": "2026", "size": "64"}
    bare = RunRow(A.run, None, RunStatus("unreadable"))
    for name, field in fields().items():
        for one in (A, B, C, bare):
            assert isinstance(field.label(one), str)
            for sign in field.operators:
                text = f"{name} {sign} {values.get(field.kind, 'x')}"
                assert parse_filter(text)(one) in (True, False)
