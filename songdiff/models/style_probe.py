"""A listener that says what a song sounds like: genre, mood, who sings, which instruments play.

It is trained on corpus audio alone and knows neither prompts nor the style encoder, so that it can judge whether a
song has the style that was asked for. B batch, J spectral frames of 11.6 ms, D width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from .blocks import ConvNeXtBlock
from .spectra import mel_filterbank, stft

GENDERS = ("none", "female", "male")


class StyleHeard(NamedTuple):
    """Logits (B, genres), (B, 3) of :data:`GENDERS`, (B, instruments); ``mood`` (B, 2): valence and arousal, −1 … 1."""

    genre: Tensor
    gender: Tensor
    instruments: Tensor
    mood: Tensor


class StyleProbe(ModelMixin, ConfigMixin):
    """Log-mel of a mix (B, num_mels, J) → :class:`StyleHeard`."""

    @register_to_config
    def __init__(
        self,
        genres: list[str],
        instruments: list[str],
        sample_rate: int = 44100,
        n_fft: int = 2048,
        hop_length: int = 512,
        num_mels: int = 80,
        f_min: float = 30.0,
        f_max: float = 16000.0,
        floor: float = 1e-4,
        hidden_size: int = 160,
        num_layers: int = 4,
    ) -> None:
        super().__init__()
        self.register_buffer("filterbank", mel_filterbank(n_fft, num_mels, f_min, f_max, sample_rate), persistent=False)
        self.down = nn.Sequential(
            nn.Conv1d(num_mels, hidden_size, 6, stride=2, padding=2),
            nn.GELU(),
            nn.Conv1d(hidden_size, hidden_size, 6, stride=2, padding=2),
        )
        self.blocks = nn.Sequential(*(ConvNeXtBlock(hidden_size) for _ in range(num_layers)), nn.LayerNorm(hidden_size))
        self.sizes = (len(genres), len(GENDERS), len(instruments), 2)
        self.out = nn.Linear(2 * hidden_size, sum(self.sizes))

    def features(self, waveform: Tensor) -> Tensor:
        """(B, N) → (B, num_mels, J) log-mel; J a multiple of 4. Loudness is taken out: it says nothing of style."""
        c = self.config
        waveform = F.pad(waveform, (0, -waveform.shape[-1] % (4 * c.hop_length)))
        mel = self.filterbank.float() @ stft(waveform.float(), c.n_fft, c.hop_length).abs()
        log_mel = mel.clamp(min=c.floor).log()
        return log_mel - log_mel.mean((1, 2), keepdim=True)

    def forward(self, features: Tensor) -> StyleHeard:
        x = self.blocks(self.down(features.to(self.out.weight.dtype)).transpose(1, 2))
        out = self.out(torch.cat([x.mean(1), x.amax(1)], dim=-1)).float()
        genre, gender, instruments, mood = out.split(self.sizes, dim=-1)
        return StyleHeard(genre, gender, instruments, mood.tanh())
