"""What a weights file holds: its tensors by name, wherever they lie, and its top in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from segengine.weights.checkpoint import FORMAT, best_weights

_DEPTH = 4  # of dictionaries in dictionaries; published files have two
_SHOWN = 6  # entries of the top that a sentence names


def named_tensors(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of a file; of SegLab's checkpoints, the weights that were validated.

    Where all of them lie in one dictionary ("state_dict", "model"), by their names there; else the
    dictionaries' names stand before theirs: "student.", "teacher.".
    """
    if content.get("format") == FORMAT:
        content = best_weights(dict(content))
    tensors = _collected(content, "", set(), 0)
    while len(branches := _branches(content)) == 1 and not any(map(_is_weight, content.values())):
        content = content[branches[0]]
        tensors = _collected(content, "", set(), 0)
    return tensors


def _branches(content: Mapping[str, Any]) -> list[str]:
    """The dictionaries that hold tensors, if only further down."""
    return [
        name
        for name, value in content.items()
        if isinstance(value, dict) and not _is_numbered(value) and _collected(value, "", set(), 1)
    ]


def _collected(
    content: Mapping[Any, Any], before: str, seen: set[int], depth: int
) -> dict[str, Tensor]:
    """Name -> tensor; a dictionary that occurs twice is looked into once."""
    tensors: dict[str, Tensor] = {}
    if id(content) in seen or depth > _DEPTH:
        return tensors
    seen.add(id(content))
    for name, value in content.items():
        if _is_weight(value):
            tensors[f"{before}{name}"] = value
        elif isinstance(value, dict) and not _is_numbered(value):
            tensors |= _collected(value, f"{before}{name}.", seen, depth + 1)
    return tensors


def _is_numbered(content: dict[Any, Any]) -> bool:
    """Whether it is an optimizer's state, which counts the weights instead of naming them."""
    return any(isinstance(name, int) for name in content)


def _is_weight(value: Any) -> bool:
    """Whether it is a tensor whose numbers are all there (not sparse, not a mere shape)."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and not (value.is_quantized or value.is_meta)
    )


def top_in_words(content: Mapping[str, Any]) -> str:
    """What is at the top of a file: "student (52 tensors), teacher (52 tensors), epoch"."""
    sizes: Counter[str] = Counter()
    for name, value in content.items():
        if isinstance(value, Tensor):
            sizes[str(name).partition(".")[0]] += 1
        elif isinstance(value, dict):
            sizes[str(name)] += len(_collected(value, "", set(), 1))
        else:
            sizes[str(name)] += 0
    words = [
        f"{name[:40]} ({count} tensor{'' if count == 1 else 's'})" if count else name[:40]
        for name, count in sizes.most_common(_SHOWN)
    ]
    more = len(sizes) - len(words)
    return ", ".join(words) + (f" and {more} more" if more else "") or "nothing"
