"""Finds an encoder's weights in a file, under any prefix and any of the published names."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import torch
from torch import Tensor

Tensors = Mapping[str, Tensor]
EncoderPart = tuple[dict[str, Tensor], list[str]]  # as `encoder_part` returns it

# MiT's layers: names in transformers -> names in NVIDIA's code, timm and SMP.
_LAYERS = {
    "layer_norm_1": "norm1",
    "attention.self.query": "attn.q",
    "attention.self.key": "attn.kv",
    "attention.self.sr": "attn.sr",
    "attention.self.layer_norm": "attn.norm",
    "attention.output.dense": "attn.proj",
    "layer_norm_2": "norm2",
    "mlp.dense1": "mlp.fc1",
    "mlp.dwconv.dwconv": "mlp.dwconv.dwconv",
    "mlp.dense2": "mlp.fc2",
}
_KEYS = (".attn.kv.weight", ".attn.kv.bias")
_EMBEDDING = {"proj": "proj", "layer_norm": "norm"}
_PROBE = "patch_embeddings.0.proj.weight"  # ending by which transformers' names are recognized
_OLD_DENSENET = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.\w+)")


def encoder_part(tensors: Tensors, wanted: Collection[str], unused: tuple[str, ...]) -> EncoderPart:
    """The encoder's weights among those of a file.

    Args:
        tensors: the file's tensors, with any prefix before the encoder's names ("encoder.",
            "backbone.", "module.", ...).
        wanted: the encoder's own names.
        unused: prefixes of other published weights, such as a classifier's.

    Returns:
        (tensors by the encoder's own names, where names fit; the file's other keys).
    """
    if any(key.endswith(_PROBE) for key in tensors):
        return _from_transformers(tensors)
    names = {key: _OLD_DENSENET.sub(r"\1\2", key) for key in tensors}
    prefix = _prefix(set(names.values()), wanted)
    inside, others = {}, []
    for key, name in names.items():
        short = name.removeprefix(prefix)
        if name.startswith(prefix) and not short.startswith(unused):
            inside[short] = tensors[key]
        else:
            others.append(key)
    return inside, others


def _prefix(names: set[str], wanted: Collection[str]) -> str:
    """The prefix with which most of the wanted names occur; of several, the shortest."""
    ends = [*wanted][:1] + [*wanted][-1:]
    candidates = {name.removesuffix(end) for end in ends for name in names if name.endswith(end)}
    prefixes = [prefix for prefix in sorted(candidates, key=len) if prefix[-1:] in ("", ".")]

    def matches(prefix: str) -> int:
        return sum(prefix + name in names for name in wanted)

    return max(prefixes, key=matches, default="")


def _from_transformers(tensors: Tensors) -> EncoderPart:
    """MiT from a file of the transformers library, where keys and values are separate layers."""
    prefix = next(key for key in tensors if key.endswith(_PROBE)).removesuffix(_PROBE)
    inside, others = {}, []
    for key, tensor in tensors.items():
        name = _mit_name(key.removeprefix(prefix)) if key.startswith(prefix) else ""
        if not name:
            others.append(key)
        elif name.endswith(_KEYS):
            values = tensors.get(key.replace(".self.key.", ".self.value."))
            inside[name] = tensor if values is None else torch.cat([tensor, values])
        elif ".attention.self.value." not in key:
            inside[name] = tensor
    return inside, others


def _mit_name(name: str) -> str:
    """block.0.1.mlp.dense1.weight -> block1.1.mlp.fc1.weight; "" where it is not a name of MiT."""
    path, _, parameter = name.rpartition(".")
    if match := re.fullmatch(r"patch_embeddings\.(\d)\.(\w+)", path):
        return f"patch_embed{int(match[1]) + 1}.{_EMBEDDING.get(match[2], match[2])}.{parameter}"
    if match := re.fullmatch(r"layer_norm\.(\d)", path):
        return f"norm{int(match[1]) + 1}.{parameter}"
    if match := re.fullmatch(r"block\.(\d)\.(\d+)\.(.+)", path):
        layer = _LAYERS.get(match[3], match[3])
        return f"block{int(match[1]) + 1}.{match[2]}.{layer}.{parameter}"
    return ""
