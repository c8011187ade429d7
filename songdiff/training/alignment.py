"""A listener that learns beside the transformer which phoneme, at which pitch, every quarter of a latent frame sings.

Squared error on latents cares about what is loud and broad; words hang on details, and a whisper has them too. So the
voice that the transformer's velocity points at is also held against the phonemes and notes that were asked for, through
a small classifier of vocal latents that hears nothing but true ones while it learns (a perceptual loss,
arXiv:1603.08155, as the recogniser losses of speech synthesis are). It is part of the training only, and never of a
checkpoint. B batch, C latent channels, T latent frames, L = 4·T fine frames.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from ..conditioning.frames import PHONEME_TOKENS, PITCH_TOKENS
from ..conditioning.groups import FINE, GRAINS, OFFSETS

IGNORED = -100  # the label of fine frames that say nothing
HEARD = {"phonemes": PHONEME_TOKENS, "melody": PITCH_TOKENS}


class VocalListener(nn.Module):
    """Vocal latents (B, C, T) → for each of :data:`HEARD` its logits (B, tokens, L)."""

    def __init__(self, latent_channels: int, hidden_size: int = 192) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(latent_channels, hidden_size, 5, padding=2),
            nn.GELU(),
            nn.Conv1d(hidden_size, hidden_size, 5, padding=2),
            nn.GELU(),
            nn.Conv1d(hidden_size, FINE * sum(HEARD.values()), 1),
        )

    def forward(self, latents: Tensor) -> dict[str, Tensor]:
        logits = self.layers(latents).unflatten(1, (-1, FINE)).transpose(2, 3).flatten(2)
        return dict(zip(HEARD, logits.float().split(tuple(HEARD.values()), dim=1), strict=True))


def vocal_labels(phonemes: Tensor, melody: Tensor, features: Tensor) -> dict[str, Tensor]:
    """Conditions ``phonemes``, ``melody`` (B, L) and ``features`` (B, T, …) → what is to be heard, each (B, L):
    :data:`IGNORED` where it is unknown, and for phonemes that are timed no finer than by word."""
    exact = features[..., OFFSETS["phonemes"] + GRAINS.index("phoneme")] > 0
    return {
        "phonemes": phonemes.masked_fill(~exact.repeat_interleave(FINE, dim=1), IGNORED),
        "melody": melody.masked_fill(melody == 0, IGNORED),
    }


def alignment_losses(
    listener: VocalListener,
    data: Tensor,
    predicted: Tensor,
    labels: dict[str, Tensor],
    times: Tensor,
    noise: Tensor,
) -> dict[str, Tensor]:
    """``listening``: cross-entropy of the listener on true vocals ``data`` (B, C, T), slightly noisy, which alone
    teaches it. ``alignment``: by how much that of the unchanged listener on the ``predicted`` ones is higher, fine
    frame by fine frame, so that none is to be clearer than the true voice; by (1 − t)², since early in denoising they
    are a mean of many songs, and by the listener's own accuracy, so that it must learn first. Each is a sum over
    :data:`HEARD`."""
    true = listener(data + 0.25 * noise)
    frozen = {name: parameter.detach() for name, parameter in listener.named_parameters()}
    heard = functional_call(listener, frozen, (predicted,))
    listening = alignment = torch.zeros((), device=data.device)
    for name, asked in labels.items():
        told = asked != IGNORED
        count = told.sum().clamp(min=1)
        usual = F.cross_entropy(true[name], asked, ignore_index=IGNORED, reduction="none")
        accuracy = ((true[name].argmax(1) == asked) & told).sum() / count
        listening = listening + usual.sum() / count
        errors = F.cross_entropy(heard[name], asked, ignore_index=IGNORED, reduction="none")
        more = F.relu(errors - usual.detach()).mean(1)
        alignment = alignment + accuracy * ((1 - times).square() * more).mean()
    return {"listening": listening, "alignment": alignment}
