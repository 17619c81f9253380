"""What the browser keeps of the form, and what comes back of it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from dashboard.launch.fields import FormEntries
from dashboard.launch.memory import Draft, decode, draft_of, encode
from dashboard.launch.sweep.varied import Varied


def code_of(content: Any) -> str:
    """A cookie that somebody else wrote."""
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def test_a_form_comes_back_as_it_was(quick_look: FormEntries) -> None:
    entries = {
        **quick_look,
        "root": "/data/größe ☃",
        "augment": ["hflip", "blur"],
        "amsgrad": False,
        "weights_run": "20261121-142501-segformer_b0-scratch-3fa9",
        "seed": "not a number yet",
    }
    draft = draft_of("course_recipe", "", entries)
    code = encode(draft)
    assert code.replace("-", "").replace("_", "").isalnum()  # a cookie takes it as it is
    assert decode(code) == draft
    assert draft.entries() == entries


def test_what_is_varied_comes_back_and_nothing_foreign_does(quick_look: FormEntries) -> None:
    varied = Varied({"lr": "0.1 0.2", "stem": ["small", "paper"]}, "random", "many", False)
    draft = draft_of("quick_look", "", quick_look, varied)
    assert decode(encode(draft)) == draft
    foreign: list[object] = [
        *(7, [], {"fields": 7}, {"fields": {}}, {"fields": {"gone": "1"}}),
        *({"fields": {"lr": ["0.1"]}}, {"fields": {"stem": "small"}}, {"fields": {"stem": ["x"]}}),
        {"fields": {"lr": "1"}, "method": "magic"},
    ]
    for content in foreign:
        found = decode(
            code_of({"preset": "quick_look", "run": "", "changes": {}, "varied": content})
        )
        assert found and found.varied is None, content


def test_only_what_is_not_usual_is_kept(quick_look: FormEntries) -> None:
    assert draft_of("quick_look", "", {**quick_look, "lr": "0.1"}).changes == {"lr": "0.1"}


def test_an_entry_that_no_cookie_holds_is_not_kept(quick_look: FormEntries) -> None:
    assert encode(draft_of("quick_look", "", {**quick_look, "root": "x" * 5000})) == ""
    long = draft_of("quick_look", "", {**quick_look, "root": "/data/" + "ä" * 300})
    assert len(encode(long)) < 4096 and decode(encode(long)) == long


NONE_OF_OURS = [
    *("", "%%%", "e30", "ü", "a", "W" * 4000),
    code_of([]),
    code_of({"preset": "gone", "run": "", "changes": {}}),
    code_of({"preset": "quick_look", "run": "", "changes": 7}),
]


@pytest.mark.parametrize("code", NONE_OF_OURS, ids=lambda code: code[:12])
def test_a_cookie_that_is_none_of_ours_is_no_draft(code: str) -> None:
    assert decode(code) is None


def test_what_does_not_fit_the_form_is_left_out() -> None:
    changes = {
        "lr": "0.1",
        "seed": 7,
        "arch": "a model of another version",
        "augment": ["hflip", "swirl"],
        "amsgrad": "yes",
        "weights_from": "moon",
        "weights_run": None,
        "nobody": "x",
    }
    draft = decode(code_of({"preset": "quick_look", "run": 5, "changes": changes}))
    assert draft == Draft("quick_look", "", {"lr": "0.1"})
