"""A loss on how loud, how bright and how lively each track is over a whole crop: mean and deviation of its latents.

What squared error leaves of sounds that cannot be foreseen is their mean, which is duller and steadier than any of
them, and an offset that lasts weighs no more than one that changes. So the data that the velocity points at is also
held against the true data's mean and deviation of every channel (the statistics of a style loss, arXiv:1701.01036).
B batch, K tracks, C latent channels, T latent frames.
"""

from __future__ import annotations

from torch import Tensor

_LEAST = 32  # frames that must count in a track


def moment_loss(data: Tensor, predicted: Tensor, counted: Tensor, scale: Tensor, times: Tensor) -> Tensor:
    """``data``, ``predicted`` (B, K, C, T), ``counted`` (B, K, T) the frames that count, ``scale`` (K, C) the channels'
    usual deviation, ``times`` (B,) → mean square difference of mean and deviation over time, in units of ``scale``; by
    (1 − t)², since early in denoising the data pointed at are rightly a mean of many songs."""
    (mean, deviation), (wanted_mean, wanted_deviation) = _moments(predicted, counted), _moments(data, counted)
    differences = (mean - wanted_mean).square() + (deviation - wanted_deviation).square()
    enough = counted.sum(-1) >= _LEAST
    errors = (differences / scale.square()).mean(-1) * enough * (1 - times).square()[:, None]
    return errors.sum() / enough.sum().clamp(min=1)


def _moments(latents: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (B, K, C) over the frames that count."""
    weights = (counted / counted.sum(-1, keepdim=True).clamp(min=1))[:, :, None]
    mean = (latents.float() * weights).sum(-1)
    variance = ((latents.float() - mean[..., None]).square() * weights).sum(-1)
    return mean, (variance + 1e-6).sqrt()
