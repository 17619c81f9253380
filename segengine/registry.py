"""Finds models, datasets and losses by name, without importing them.

A module of `segengine/models`, `segengine/datasets` or `segengine/losses` registers what it offers
in a top-level literal, for example

    ENTRIES = {"segformer_b0": {"label": "SegFormer-B0", "options": ["stem"]}}

The literal is read from the source as text, so that the dashboard and the command line list every
name without importing torch. To add one, add one file.
"""

from __future__ import annotations

import ast
import difflib
import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from segengine.errors import UserError

Kind = Literal["models", "datasets", "losses"]
_SINGULAR = {"models": "model", "datasets": "dataset", "losses": "loss"}
_FIELD = {"models": "arch", "datasets": "dataset", "losses": "loss"}


@dataclass(frozen=True)
class Entry:
    """One registered name: what a person may choose, and the module that provides it.

    Attributes:
        label: its name on the form.
        short: its name where there is little room; "" where the label is short enough.
        options: the optional config fields that it takes.
        encoder: of a model: the name of its encoder; "" where that is chosen.
        imagenet: of a model: whether its encoder has published ImageNet weights.
        divisor: of a model: the sides of its images must be multiples of this, in pixels.
        min_batch: of a model: the least images in a training batch.
        year: of a model: when its paper appeared, by which forms sort the models.
        parameters: of a model: how many it has for 3 classes, with the default encoder.
        classes: of a loss: the number of classes it is for; 0 for any.
    """

    name: str
    module: str
    label: str
    short: str = ""
    options: tuple[str, ...] = ()
    encoder: str = ""
    imagenet: bool = True
    divisor: int = 1
    min_batch: int = 1
    year: int = 0
    parameters: int = 0
    classes: int = 0

    def load(self) -> ModuleType:
        """Import the providing module (for models and losses this imports torch)."""
        return importlib.import_module(self.module)


@cache
def entries(kind: Kind) -> dict[str, Entry]:
    """Name -> entry of everything registered of a kind, in alphabetical order of the files."""
    registered: dict[str, Entry] = {}
    for path in sorted((Path(__file__).parent / kind).glob("*.py")):
        module = f"segengine.{kind}.{path.stem}"
        for name, literal in _read_literal(path).items():
            fields = {**literal, "options": tuple(literal.get("options", ()))}
            registered[name] = Entry(name=name, module=module, **fields)
    return registered


def find(kind: Kind, name: str) -> Entry:
    """The entry of that name.

    Raises:
        UserError: the name is unknown; the sentence lists the known ones, nearest first.
    """
    known = entries(kind)
    if name in known:
        return known[name]
    raise UserError(unknown_name(_SINGULAR[kind], name, list(known)), field=_FIELD[kind])


def unknown_name(what: str, given: str, known: list[str]) -> str:
    """The sentence for an unknown name: "Unknown model 'unet3': did you mean unet? ..."."""
    near = difflib.get_close_matches(given, known, n=3)
    hint = f" did you mean {' or '.join(near)}?" if near else ""
    return f"Unknown {what} {given[:80]!r}:{hint} known are {', '.join(known) or 'none'}."


def _read_literal(path: Path) -> dict[str, dict[str, Any]]:
    """The module's top-level `ENTRIES` literal; empty where it has none."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            value: ast.expr | None = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names, value = [node.target.id], node.value
        else:
            continue
        if names == ["ENTRIES"] and value is not None:
            return dict(ast.literal_eval(value))
    return {}
