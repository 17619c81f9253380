"""Finds the encoders in a file: under which prefix, in which library's names, and what is amiss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Size, Tensor

from segengine.weights.layouts import Layout, Piece

Tensors = Mapping[str, Tensor]
Shapes = Mapping[str, Size]
TOP = "."  # how a person calls the prefix ""


@dataclass(frozen=True)
class FoundEncoder:
    """What a file holds of an encoder under one prefix.

    Attributes:
        prefix: what stands before the encoder's names in the file, such as "module.encoder_q.".
        library: whose names they are.
        parts: the encoder's name -> its parts, in their order.
        others: the file's names that are no part of it.
        problem: why it does not fill the encoder; "" where it does.
        matches: how many of the encoder's names are there.
    """

    prefix: str
    library: str
    parts: dict[str, list[Tensor]]
    others: list[str]
    problem: str
    matches: int

    @property
    def shown_prefix(self) -> str:
        """The prefix as a person gives it."""
        return self.prefix.removesuffix(".") or TOP

    def tensor(self, name: str) -> Tensor:
        """One of the encoder's tensors, its parts joined."""
        parts = self.parts[name]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def equals(self, other: FoundEncoder) -> bool:
        """Whether both hold the same numbers (of encoders that have no problem)."""
        return self.parts.keys() == other.parts.keys() and all(
            torch.equal(self.tensor(name), other.tensor(name)) for name in self.parts
        )


def find_encoders(
    tensors: Tensors, wanted: Shapes, known: Sequence[Layout], within: str = ""
) -> list[FoundEncoder]:
    """What the file holds of the encoder, the nearest first; the order depends on the file alone.

    Args:
        wanted: shapes of the encoder's tensors by its own names.
        known: the ways in which they may be named.
        within: the prefix that was asked for, as a person gives it; "" for any.
    """
    found = []
    for layout in known:
        prefixes = _prefixes(tensors, layout)
        near = _nearest(prefixes, tensors, wanted, layout)
        if within:
            prefixes = [prefix for prefix in prefixes if _is_within(prefix, within)]
            inside = _nearest(prefixes, tensors, wanted, layout)
        for prefix in inside if within else near:
            inner = tuple(other for other in near if other != prefix and other.startswith(prefix))
            found.append(_found(prefix, tensors, wanted, layout, inner))
    # The library's names that fit less are others' names that happen to end alike.
    return sorted(found, key=lambda one: (bool(one.problem), -one.matches, len(one.prefix)))


def _prefixes(tensors: Tensors, layout: Layout) -> list[str]:
    """What stands before the layout's names, wherever one of its probes occurs."""
    ends = {
        name.removesuffix(probe)
        for probe in layout.probes
        for name in tensors
        if name.endswith(probe)
    }
    return sorted((end for end in ends if end[-1:] in ("", ".")), key=lambda end: (len(end), end))


def _is_within(prefix: str, within: str) -> bool:
    if within == TOP:
        return prefix == ""
    return not within or prefix.startswith(within.removesuffix(".") + ".")


def _nearest(prefixes: list[str], tensors: Tensors, wanted: Shapes, layout: Layout) -> list[str]:
    """The prefixes under which at least half of the encoder is, or else the nearest one."""
    if len(prefixes) < 2:
        return prefixes
    matches = dict.fromkeys(prefixes, 0)
    for name, tensor in tensors.items():
        for prefix in prefixes:
            if name.startswith(prefix):
                pieces = layout.translate(name.removeprefix(prefix), tensor)
                matches[prefix] += any(piece.name in wanted for piece in pieces)
    half = [prefix for prefix in prefixes if 2 * matches[prefix] >= len(wanted)]
    return half or [max(prefixes, key=matches.__getitem__)]


def _found(
    prefix: str, tensors: Tensors, wanted: Shapes, layout: Layout, inner: tuple[str, ...]
) -> FoundEncoder:
    """The encoder under a prefix, without those under the `inner` prefixes."""
    pieces: dict[str, list[Piece]] = {}
    others = []
    for key, tensor in tensors.items():
        is_inside = key.startswith(prefix) and not (inner and key.startswith(inner))
        translated = layout.translate(key.removeprefix(prefix), tensor) if is_inside else []
        for piece in translated:
            pieces.setdefault(piece.name, []).append(piece)
        if not translated:
            others.append(key)
    parts = {
        name: [piece.tensor for piece in sorted(given, key=lambda piece: piece.place)]
        for name, given in pieces.items()
    }
    matches = sum(name in wanted for name in parts)
    return FoundEncoder(prefix, layout.library, parts, others, _problem(parts, wanted), matches)


def _problem(parts: Mapping[str, list[Tensor]], wanted: Shapes) -> str:
    """The first wrong key or shape; "" where there is none."""
    missing = [name for name in wanted if name not in parts]
    if missing:
        return f"{len(missing)} of its {len(wanted)} keys are missing, first '{missing[0]}'"
    for name, shape in wanted.items():
        given = _joined_shape(parts[name])
        if given != tuple(shape):
            return (
                f"'{name}' is {given} in the file, but the model needs {tuple(shape)} "
                "(another size or stem)"
            )
    extra = [name for name in parts if name not in wanted and not _is_counter(name)]
    if extra:
        return f"the file has {len(extra)} keys that the encoder lacks, first '{extra[0]}'"
    return ""


def _is_counter(name: str) -> bool:
    """Whether it is batch norm's counter of batches, which older files lack and nothing uses."""
    return name.endswith("num_batches_tracked")


def _joined_shape(parts: list[Tensor]) -> tuple[int, ...]:
    """The shape of the parts when they are joined; nothing is allocated."""
    first, *rest = parts
    if any(part.ndim == 0 or part.shape[1:] != first.shape[1:] for part in rest):
        return ()
    return (sum(map(len, parts)), *first.shape[1:]) if rest else tuple(first.shape)
