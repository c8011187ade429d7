"""The straight path between data and noise, and where on it training looks.

t = 0 is data, t = 1 is noise: x_t = (1 − t)·data + t·noise, velocity = noise − data (rectified flow, arXiv:2209.03003;
the convention of flux and of diffusers' flow-matching schedulers).
"""

from __future__ import annotations

import torch
from torch import Tensor


def draw_times(count: int, generator: torch.Generator, mean: float = 0.0, deviation: float = 1.0) -> Tensor:
    """``count`` logit-normal times in (0, 1) (Stable Diffusion 3, arXiv:2403.03206, eq. 19)."""
    return torch.sigmoid(mean + deviation * torch.randn(count, generator=generator))


def interpolate(data: Tensor, noise: Tensor, times: Tensor) -> Tensor:
    """Points on the path: data and noise (B, …), times (B,)."""
    t = times.reshape(-1, *[1] * (data.ndim - 1))
    return (1 - t) * data + t * noise


def masked_velocity_loss(velocity: Tensor, data: Tensor, noise: Tensor, unknown: Tensor) -> Tensor:
    """Mean square error against noise − data over the unknown cells; all (B, channels, T), ``unknown`` bool."""
    error = (velocity.float() - (noise - data)).square() * unknown
    return error.sum() / unknown.sum().clamp(min=1)
