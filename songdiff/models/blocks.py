"""Layers that more than one network uses. Shapes: B batch, T frames, D width."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then a pointwise two-layer network, residual (ConvNeXt, arXiv:2201.03545).

    Starts as the identity: the last layer is zero. (B, T, D) → (B, T, D).
    """

    def __init__(self, hidden_size: int, mlp_ratio: float = 3.0, kernel_size: int = 7) -> None:
        super().__init__()
        inner = int(hidden_size * mlp_ratio)
        self.depthwise = nn.Conv1d(hidden_size, hidden_size, kernel_size, padding=kernel_size // 2, groups=hidden_size)
        self.norm = nn.LayerNorm(hidden_size)
        self.expand = nn.Linear(hidden_size, inner)
        self.project = nn.Linear(inner, hidden_size)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, x: Tensor) -> Tensor:
        y = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        return x + self.project(nn.functional.gelu(self.expand(self.norm(y)), approximate="tanh"))


class RMSNorm(nn.RMSNorm):
    """Root-mean-square norm (arXiv:1910.07467) in the input's own precision, so that the fused kernel serves."""

    def forward(self, x: Tensor) -> Tensor:
        weight = None if self.weight is None else self.weight.to(x.dtype)
        return nn.functional.rms_norm(x, self.normalized_shape, weight, self.eps)


def inference_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies it fast, else float32 (float16 is slow on every CPU)."""
    if device.type == "cpu":
        return torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32
    return torch.bfloat16
