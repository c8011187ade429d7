"""A voice as numbers: how its latents are spread while it sounds."""

from __future__ import annotations

import torch
from torch import Tensor

VOICE_SECONDS = 3.0  # of a clip, at least
_LEAST = 1 / 3  # share of the clip's frames in which the voice must sound


def sounding_frames(latents: Tensor, silence: Tensor) -> Tensor:
    """Latents (C, T) and the latent of silence (C,) → (T,) True where the track sounds: further from silence than half
    the way to its loudest tenth."""
    distance = (latents - silence[:, None]).square().mean(0).sqrt()
    return distance > 0.5 * torch.quantile(distance, 0.9).clamp(min=1e-3)


def voice_statistics(latents: Tensor, sounding: Tensor) -> Tensor | None:
    """Latents (C, T) of a clip and where it sounds (T,) → (2·C,): means, then standard deviations, over those frames.

    ``None`` where the clip is mostly silent.
    """
    if sounding.float().mean() < _LEAST:
        return None
    voiced = latents[:, sounding].float()
    return torch.cat([voiced.mean(1), voiced.std(1)])
