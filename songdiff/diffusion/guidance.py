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


class Guidance(NamedTuple):
    """Scales (1 = none) and the interval of t, ``low ≤ t ≤ high``, in which they act."""

    score: float = 2.5
    style: float = 2.5
    low: float = 0.0
    high: float = 1.0

    def velocity(self, denoise: Denoiser, latents: Tensor, time: float) -> Tensor:
        """Guided velocity of ``latents`` (B, channels, T) at one time; one batched evaluation."""
        active = self.low <= time <= self.high
        if not active or (self.score == 1.0 and self.style == 1.0):
            terms = [(True, True, 1.0)]
        elif self.score == self.style:
            terms = [(True, True, self.score), (False, False, 1 - self.score)]
        else:
            terms = [(True, True, self.style), (True, False, self.score - self.style), (False, False, 1 - self.score)]
        terms = [term for term in terms if term[2] != 0]
        batch, count = len(latents), len(terms)

        def flags(index: int) -> Tensor:
            return torch.tensor([bool(term[index]) for term in terms]).repeat_interleave(batch)

        velocities = denoise(
            latents.repeat(count, 1, 1), torch.full((count * batch,), time, dtype=torch.float32), flags(0), flags(1)
        )
        weights = torch.tensor([term[2] for term in terms], dtype=velocities.dtype, device=velocities.device)
        return (velocities.unflatten(0, (count, batch)) * weights.reshape(-1, 1, 1, 1)).sum(0)
