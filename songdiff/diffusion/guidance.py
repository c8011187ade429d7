"""Classifier-free guidance with separate scales for the score and the style, on an interval of time.

v = v(∅, ∅) + score·[v(score, ∅) − v(∅, ∅)] + style·[v(score, style) − v(score, ∅)]   (as in JAM, arXiv:2507.20880);
with equal scales the middle term falls out and two evaluations suffice (arXiv:2207.12598). Outside the interval
(arXiv:2404.07724) the conditional velocity is used alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""(latents (N, …), times (N,), has_score (N,) bool, has_style (N,) bool) → velocity (N, …)."""


class Limits(NamedTuple):
    """How far the latents of a track may lie from their mean: ``mean`` and ``std`` of each channel (K·C,), and ``norm``
    (K,), how many deviations, root mean square over a track's channels, a frame may be away."""

    mean: Tensor
    std: Tensor
    norm: Tensor

    def keep(self, data: Tensor) -> Tensor:
        """Frames of ``data`` (B, K·C, T) that are farther away are drawn in towards the mean."""
        mean, std, norm = (x.to(data) for x in self)
        away = ((data - mean[:, None]) / std[:, None]).unflatten(1, (len(norm), -1))
        near = (norm[:, None] / away.square().mean(2).sqrt()).clamp(max=1)
        return (away * near[:, :, None]).flatten(1, 2) * std[:, None] + mean[:, None]


class Guidance(NamedTuple):
    """Scales (1 = none), a number or one for each channel (channels,), and the interval of t, ``low ≤ t ≤ high``, in
    which they act. ``match_moments``: the data that the guided velocity points at keeps the mean and deviation over
    time, channel by channel, of what the conditional one points at, so that much guidance makes a track neither louder
    nor duller (after the rescaling of arXiv:2305.08891, section 3.4). ``limits`` keep that data where latents have
    been seen (as thresholding does, arXiv:2205.11487, section 2.3)."""

    score: float | Tensor = 2.5
    style: float | Tensor = 2.5
    low: float = 0.0
    high: float = 1.0
    match_moments: bool = False
    limits: Limits | None = None

    def velocity(self, denoise: Denoiser, latents: Tensor, time: float | Tensor) -> Tensor:
        """Guided velocity of ``latents`` (B, channels, T) at one time, or at one each (B,); one batched evaluation."""
        one, batch = torch.ones(1), len(latents)
        times = torch.as_tensor(time, dtype=torch.float32).expand(batch)
        if self.low <= times.min() and times.max() <= self.high:
            score, style = self.score * one, self.style * one
            terms = [(True, True, style), (True, False, score - style), (False, False, 1 - score)]
        else:
            terms = [(True, True, one)]
        terms = [term for term in terms if term[2].any()]
        count = len(terms)

        def flags(index: int) -> Tensor:
            return torch.tensor([bool(term[index]) for term in terms]).repeat_interleave(batch)

        velocities = denoise(latents.repeat(count, 1, 1), times.repeat(count), flags(0), flags(1))
        weights = (weight.to(velocities)[None, :, None] for _, _, weight in terms)
        each = velocities.chunk(count)
        velocity = torch.stack([w * v for w, v in zip(weights, each, strict=True)]).sum(0)
        match = self.match_moments and count > 1
        if not match and self.limits is None:
            return velocity
        since = times.to(latents)[:, None, None]
        data = latents - since * velocity
        if match:
            wanted = latents - since * each[0]
            data = (data - data.mean(-1, keepdim=True)) / (data.std(-1, keepdim=True) + 1e-3)
            data = data * (wanted.std(-1, keepdim=True) + 1e-3) + wanted.mean(-1, keepdim=True)
        if self.limits is not None:
            data = self.limits.keep(data)
        return (latents - data) / since


def vocals_apart(scale: float, vocals_scale: float | None, num_tracks: int, latent_channels: int) -> float | Tensor:
    """``scale`` for all, or one for each channel, where the vocals, the first track, have their own."""
    if vocals_scale is None:
        return scale
    scales = torch.full((num_tracks,), float(scale))
    scales[0] = vocals_scale
    return scales.repeat_interleave(latent_channels)
