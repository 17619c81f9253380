"""The ways in which libraries name the same encoder's weights, each translated into our names.

A translation goes name by name: it says which of the encoder's tensors a tensor of the file is, or
is a part of. Nothing is computed but views, so that a translation costs no memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from torch import Tensor


class Piece(NamedTuple):
    """A tensor of the encoder, or a part of one; parts are joined along the first dimension.

    Attributes:
        name: the encoder's own name.
        place: 0 for the first part, or the whole tensor.
    """

    name: str
    place: int
    tensor: Tensor


class Layout(NamedTuple):
    """One library's names.

    Attributes:
        library: whose they are, in words.
        probes: names that occur in every encoder so named.
        translate: a name (without what stands before the encoder's names) and its tensor -> what
            they are of the encoder; nothing where they are no part of it.
    """

    library: str
    probes: tuple[str, ...]
    translate: Callable[[str, Tensor], list[Piece]]


def layouts(
    wanted: Collection[str], unused: tuple[str, ...], published: dict[str, str]
) -> list[Layout]:
    """The ways in which an encoder's weights may be named, its own first.

    Args:
        wanted: the encoder's own names.
        unused: prefixes of other published weights, such as a classifier's.
        published: the name in its library's own files -> the encoder's name, where they differ;
            "" for what the encoder lacks.
    """
    found = [_own(wanted, unused)]
    if published:
        found.append(_published(published, unused))
    if _MIT_PROBE in wanted:
        found += [_TRANSFORMERS_4, _TRANSFORMERS_5, _MMSEGMENTATION]
    stem = next((name for name in wanted if name.endswith("conv_stem.weight")), "_conv_stem.weight")
    before = stem.removesuffix("conv_stem.weight")
    if not before.endswith("_"):
        found.append(_efficientnet_pytorch(wanted, before))
    return found


# --- the encoder's own names, and those of published files


def _own(wanted: Collection[str], unused: tuple[str, ...]) -> Layout:
    kept = [name for name in wanted if not name.endswith("num_batches_tracked")]  # older files

    def translate(name: str, tensor: Tensor) -> list[Piece]:
        if name.startswith(unused):
            return []
        return [Piece(_OLD_DENSENET.sub(r"\1\2", name), 0, tensor)]

    return Layout("the encoder itself", (*kept[:1], *kept[-1:]), translate)


_OLD_DENSENET = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.\w+)")


def _published(published: dict[str, str], unused: tuple[str, ...]) -> Layout:
    def translate(name: str, tensor: Tensor) -> list[Piece]:
        if name.startswith(unused):
            return []
        own = published.get(name, name)
        return [Piece(own, 0, tensor)] if own else []

    return Layout("timm", tuple(name for name, own in published.items() if own)[:1], translate)


# --- MiT, SegFormer's encoder: our names are NVIDIA's, timm's and SMP's

_MIT_PROBE = "patch_embed1.proj.weight"
_EMBEDDING = {"proj": "proj", "projection": "proj", "layer_norm": "norm", "norm": "norm"}
_HALVES = {  # of keys and values, which are one layer of ours
    "attention.self.key": 0,
    "attention.self.value": 1,
    "attention.k_proj": 0,
    "attention.v_proj": 1,
}
_LAYERS = {  # of a block
    "layer_norm_1": "norm1",
    "attention.self.query": "attn.q",
    "attention.self.key": "attn.kv",
    "attention.self.value": "attn.kv",
    "attention.self.sr": "attn.sr",
    "attention.self.layer_norm": "attn.norm",
    "attention.output.dense": "attn.proj",
    "layer_norm_2": "norm2",
    "mlp.dense1": "mlp.fc1",
    "mlp.dwconv.dwconv": "mlp.dwconv.dwconv",
    "mlp.dense2": "mlp.fc2",
    # transformers 5
    "layernorm_before": "norm1",
    "attention.q_proj": "attn.q",
    "attention.k_proj": "attn.kv",
    "attention.v_proj": "attn.kv",
    "attention.sequence_reduction.sequence_reduction": "attn.sr",
    "attention.sequence_reduction.layer_norm": "attn.norm",
    "attention.o_proj": "attn.proj",
    "layernorm_after": "norm2",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
    # mmsegmentation
    "norm1": "norm1",
    "attn.sr": "attn.sr",
    "attn.norm": "attn.norm",
    "attn.attn.out_proj": "attn.proj",
    "norm2": "norm2",
    "ffn.layers.0": "mlp.fc1",
    "ffn.layers.1": "mlp.dwconv.dwconv",
    "ffn.layers.4": "mlp.fc2",
}


def _mit(embedding: str, block: str, norm: str) -> Callable[[str, Tensor], list[Piece]]:
    """MiT's translation; the patterns take the stage (0-based), then the block, then the layer."""
    patterns = [re.compile(pattern) for pattern in (embedding, block, norm)]

    def translate(name: str, tensor: Tensor) -> list[Piece]:
        path, _, parameter = name.rpartition(".")
        of_embedding, of_block, of_norm = (pattern.fullmatch(path) for pattern in patterns)
        if of_embedding and of_embedding[2] in _EMBEDDING:
            stage, layer = int(of_embedding[1]) + 1, _EMBEDDING[of_embedding[2]]
            return [Piece(f"patch_embed{stage}.{layer}.{parameter}", 0, tensor)]
        if of_norm:
            return [Piece(f"norm{int(of_norm[1]) + 1}.{parameter}", 0, tensor)]
        if of_block:
            before = f"block{int(of_block[1]) + 1}.{of_block[2]}"
            return _of_block(before, of_block[3], parameter, tensor)
        return []

    return translate


def _of_block(before: str, layer: str, parameter: str, tensor: Tensor) -> list[Piece]:
    if layer == "attn.attn" and parameter.startswith("in_proj_"):  # query, key and value in one
        third, kind = len(tensor) // 3, parameter.removeprefix("in_proj_")
        query, rest = tensor[:third], tensor[third:]
        return [
            Piece(f"{before}.attn.q.{kind}", 0, query),
            Piece(f"{before}.attn.kv.{kind}", 0, rest),
        ]
    if layer not in _LAYERS:
        return [Piece(f"{before}.{layer}.{parameter}", 0, tensor)]  # to be refused by its name
    if layer in ("ffn.layers.0", "ffn.layers.4") and tensor.shape[2:] == (1, 1):
        tensor = tensor[:, :, 0, 0]  # a 1x1 convolution is a linear layer
    name = f"{before}.{_LAYERS[layer]}.{parameter}"
    return [Piece(name, _HALVES.get(layer, 0), tensor)]


_TRANSFORMERS_4 = Layout(
    "transformers",
    ("patch_embeddings.0.proj.weight",),
    _mit(r"patch_embeddings\.(\d)\.(\w+)", r"block\.(\d)\.(\d+)\.(.+)", r"layer_norm\.(\d)"),
)
_TRANSFORMERS_5 = Layout(
    "transformers 5",
    ("stages.0.patch_embeddings.proj.weight",),
    _mit(
        r"stages\.(\d)\.patch_embeddings\.(\w+)",
        r"stages\.(\d)\.blocks\.(\d+)\.(.+)",
        r"stages\.(\d)\.layer_norm",
    ),
)
_MMSEGMENTATION = Layout(
    "mmsegmentation",
    ("layers.0.0.projection.weight",),
    _mit(
        r"layers\.(\d)\.0\.(\w+)",
        r"layers\.(\d)\.1\.(\d+)\.(.+)",
        r"layers\.(\d)\.2",
    ),
)


# --- EfficientNet: the older packages' names; ours are timm's

_PLAIN_BLOCK = {  # the first stage's, which does not expand
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_se_reduce": "se.conv_reduce",
    "_se_expand": "se.conv_expand",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
_EXPANDING_BLOCK = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_se_reduce": "se.conv_reduce",
    "_se_expand": "se.conv_expand",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_ENDS = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}


def _efficientnet_pytorch(wanted: Collection[str], before: str) -> Layout:
    """The names of EfficientNet-PyTorch and of the packages made after it.

    There blocks are counted through; timm counts them within their stage.

    Args:
        before: what stands before timm's names in the encoder.
    """
    found = (re.match(rf"{re.escape(before)}blocks\.(\d+)\.(\d+)\.", name) for name in wanted)
    blocks = sorted({(int(match[1]), int(match[2])) for match in found if match})
    expanding = {
        block for block in blocks if f"{before}blocks.{block[0]}.{block[1]}.bn3.weight" in wanted
    }

    def translate(name: str, tensor: Tensor) -> list[Piece]:
        path, _, parameter = name.rpartition(".")
        if path in _ENDS:
            own = f"{before}{_ENDS[path]}.{parameter}"
            return [Piece(own, 0, tensor)] if own in wanted else []
        match = re.fullmatch(r"_blocks\.(\d+)\.(\w+)", path)
        if not match or int(match[1]) >= len(blocks):
            return [Piece(name, 0, tensor)] if match else []  # one too many is refused by its name
        stage, number = block = blocks[int(match[1])]
        layers = _EXPANDING_BLOCK if block in expanding else _PLAIN_BLOCK
        layer = layers.get(match[2], match[2])
        return [Piece(f"{before}blocks.{stage}.{number}.{layer}.{parameter}", 0, tensor)]

    return Layout("EfficientNet-PyTorch", ("_conv_stem.weight",), translate)
