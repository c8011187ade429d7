"""A listener that learns beside the transformer which phoneme every quarter of a latent frame sings.

Squared error on latents cares about what is loud and broad; words hang on details. So the song that the transformer's
velocity points at is also held against the phonemes it was asked for, through a small classifier of vocal latents that
hears nothing but true ones while it learns (a perceptual loss, arXiv:1603.08155, as the recogniser losses of speech
synthesis are). It is part of the training only, and never of a checkpoint. B batch, C latent channels, T latent frames,
L = 4·T fine frames.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from ..conditioning.frames import PHONEME_TOKENS
from ..conditioning.groups import FINE, GRAINS, OFFSETS

IGNORED = -100  # the label of fine frames that say nothing


class PhonemeListener(nn.Module):
    """Vocal latents (B, C, T) → logits (B, L, phonemes)."""

    def __init__(self, latent_channels: int, hidden_size: int = 192) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(latent_channels, hidden_size, 5, padding=2),
            nn.GELU(),
            nn.Conv1d(hidden_size, hidden_size, 5, padding=2),
            nn.GELU(),
            nn.Conv1d(hidden_size, FINE * PHONEME_TOKENS, 1),
        )

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents).transpose(1, 2).unflatten(-1, (FINE, -1)).flatten(1, 2)


def phoneme_labels(phonemes: Tensor, features: Tensor) -> Tensor:
    """Conditions ``phonemes`` (B, L) and ``features`` (B, T, …) → (B, L): :data:`IGNORED` where they are unknown, or
    timed no finer than by word."""
    exact = features[..., OFFSETS["phonemes"] + GRAINS.index("phoneme")] > 0
    return phonemes.masked_fill(~exact.repeat_interleave(FINE, dim=1), IGNORED)


def alignment_losses(
    listener: PhonemeListener, data: Tensor, predicted: Tensor, labels: Tensor, times: Tensor, noise: Tensor
) -> dict[str, Tensor]:
    """``listening``: cross-entropy of the listener on true vocals ``data`` (B, C, T), slightly noisy, which alone
    teaches it. ``alignment``: that of the unchanged listener on the ``predicted`` ones, by (1 − t)², since early in
    denoising they are a mean of many songs, and by the listener's own accuracy, so that it must learn first."""
    heard = listener(data + 0.25 * noise)
    listening = F.cross_entropy(heard.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED)
    told = labels != IGNORED
    accuracy = ((heard.argmax(-1) == labels) & told).sum() / told.sum().clamp(min=1)
    frozen = {name: parameter.detach() for name, parameter in listener.named_parameters()}
    logits = functional_call(listener, frozen, (predicted,)).float()
    errors = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none").mean(1)
    none = labels.new_zeros((), dtype=torch.float32)
    return {
        "listening": torch.where(told.any(), listening, none),
        "alignment": accuracy * ((1 - times).square() * errors).mean(),
    }
