"""MiT, the Mix Transformer encoder of SegFormer (Xie et al. 2021, arXiv 2105.15203).

Parameters have their published names. Between the layers, tokens are (N, H, W, C): for a
convolution that is a channels-last image, so that nothing is copied into another order.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEADS = (1, 2, 5, 8)  # per stage
REDUCTIONS = (8, 4, 2, 1)  # of keys and values, per side
MLP_RATIO = 4  # inner width of Mix-FFN, in widths of the block


def convolve(conv: nn.Module, tokens: Tensor) -> Tensor:
    """An image convolution over tokens: (N, H, W, C) -> (N, H', W', C')."""
    out: Tensor = conv(tokens.permute(0, 3, 1, 2))
    return out.permute(0, 2, 3, 1)


def init_mit_weights(module: nn.Module) -> None:
    """The official start: linears truncated normal (std 0.02), convolutions normal by fan-out."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
    elif isinstance(module, nn.Conv2d):
        fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=math.sqrt(2.0 / fan_out))
    if isinstance(module, (nn.Linear, nn.Conv2d)) and module.bias is not None:
        nn.init.zeros_(module.bias)


class PatchEmbed(nn.Module):
    """Overlapping patches: strided convolution, then LayerNorm: (N, H, W, C) -> (N, h, w, C')."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2)
        self.norm = nn.LayerNorm(width)  # eps 1e-5, unlike the blocks' norms

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.norm(convolve(self.proj, tokens))
        return out


class Attention(nn.Module):
    """Efficient self-attention: keys and values have `1 / reduction` of the queries' resolution."""

    def __init__(self, width: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)
        self.reduces = reduction > 1
        if self.reduces:
            self.sr = nn.Conv2d(width, width, reduction, stride=reduction)
            self.norm = nn.LayerNorm(width)  # eps 1e-5

    def forward(self, tokens: Tensor) -> Tensor:
        n, h, w, c = tokens.shape
        source = self.norm(convolve(self.sr, tokens)) if self.reduces else tokens
        query = self.q(tokens).view(n, h * w, self.heads, c // self.heads).transpose(1, 2)
        key_value = self.kv(source).view(n, -1, 2, self.heads, c // self.heads)
        key, value = key_value.permute(2, 0, 3, 1, 4)  # each (N, heads, positions, C / heads)
        mixed = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.proj(mixed.transpose(1, 2).reshape(n, h, w, c))
        return out


class DepthwiseConv(nn.Module):
    """3x3 depthwise convolution, by which tokens know their position."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, tokens: Tensor) -> Tensor:
        return convolve(self.dwconv, tokens)


class MixFFN(nn.Module):
    """Linear, 3x3 depthwise convolution, GELU, linear."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, MLP_RATIO * width)
        self.dwconv = DepthwiseConv(MLP_RATIO * width)
        self.fc2 = nn.Linear(MLP_RATIO * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.fc2(F.gelu(self.dwconv(self.fc1(tokens))))
        return out


class DropPath(nn.Module):
    """Stochastic depth (Huang et al. 2016, arXiv 1603.09382).

    Args:
        rate: probability that a sample's branch is dropped in training, 0 to 1.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, tokens: Tensor, branch: Tensor) -> Tensor:
        """Tokens plus what remains of the branch, both (N, H, W, C); the mean is kept."""
        if not self.training or self.rate == 0:
            return tokens + branch
        keep = 1 - self.rate
        mask = branch.new_empty(len(branch), 1, 1, 1).bernoulli_(keep)
        return torch.addcmul(tokens, branch, mask.div_(keep))


class Block(nn.Module):
    """Transformer block: attention, then Mix-FFN, each normalized before and added to its input."""

    def __init__(self, width: int, heads: int, reduction: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads, reduction)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = MixFFN(width)
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = self.drop_path(tokens, self.attn(self.norm1(tokens)))
        out: Tensor = self.drop_path(tokens, self.mlp(self.norm2(tokens)))
        return out


class MixTransformer(nn.Module):
    """Four stages of patch embedding, blocks and norm; each gives one map of tokens.

    Args:
        widths: channels of the four stages.
        depths: blocks of the four stages.
        stem_kernel, stem_stride: of the first patch embedding, in pixels.
        drop_path: rate of stochastic depth in the last block, rising linearly from 0 in the first.
    """

    def __init__(
        self,
        widths: tuple[int, ...],
        depths: tuple[int, ...],
        stem_kernel: int = 7,
        stem_stride: int = 4,
        drop_path: float = 0.1,
    ) -> None:
        super().__init__()
        self.min_size = 7 * stem_stride + 1  # pixels: leaves 8 tokens per side, one reduced key
        rates = iter(drop_path * i / (sum(depths) - 1) for i in range(sum(depths)))
        inputs = (3, *widths[:-1])
        stages = zip(inputs, widths, depths, HEADS, REDUCTIONS, strict=True)
        for stage, (channels, width, depth, heads, reduction) in enumerate(stages, start=1):
            kernel, stride = (stem_kernel, stem_stride) if stage == 1 else (3, 2)
            blocks = [Block(width, heads, reduction, next(rates)) for _ in range(depth)]
            self.add_module(f"patch_embed{stage}", PatchEmbed(channels, width, kernel, stride))
            self.add_module(f"block{stage}", nn.Sequential(*blocks))
            self.add_module(f"norm{stage}", nn.LayerNorm(width, eps=1e-6))
        self.apply(init_mit_weights)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (N, 3, H, W) to four token maps (N, h, w, C), finest first, sizes rounded up.

        Raises:
            ValueError: the images are too small for the stem.
        """
        if min(images.shape[-2:]) < self.min_size:
            size = "x".join(map(str, images.shape[-2:]))
            raise ValueError(
                f"SegFormer with this stem needs images of at least {self.min_size} pixels per "
                f"side, but {size} were given: resize them or pad them."
            )
        tokens = images.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
        features = []
        for stage in range(1, 5):
            for part in ("patch_embed", "block", "norm"):
                tokens = self.get_submodule(f"{part}{stage}")(tokens)
            features.append(tokens)
        return features
