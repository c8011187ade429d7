"""A listener that says what a song sounds like: genre, mood, who sings, which instruments play.

It is trained on corpus audio alone and knows neither prompts nor the style encoder, so that it can judge whether a
song has the style that was asked for. B batch, J spectral frames of 11.6 ms, D width.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from .blocks import ConvNeXtBlock
from .spectra import mel_filterbank, stft

GENDERS = ("none", "female", "male")
CHROMA = 12  # rows of the features below the mel bands: pitch classes, from C
_LONG = 4  # times the window and hop of the mel spectrum, for pitch classes


class StyleHeard(NamedTuple):
    """Logits (B, genres), (B, 3) of :data:`GENDERS`, (B, instruments); ``mood`` (B, 2): valence and arousal, −1 … 1."""

    genre: Tensor
    gender: Tensor
    instruments: Tensor
    mood: Tensor


class StyleProbe(ModelMixin, ConfigMixin):
    """Log-mel and pitch classes of a mix, or of a voice alone (B, num_mels + 12, J) → :class:`StyleHeard`.

    Gender is learned from both; a voice alone tells it better.
    """

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
        semitones = semitone_filters(_LONG * n_fft, sample_rate)
        self.register_buffer("semitones", semitones, persistent=False)
        self.down = nn.Sequential(
            nn.Conv1d(num_mels + CHROMA, hidden_size, 6, stride=2, padding=2),
            nn.GELU(),
            nn.Conv1d(hidden_size, hidden_size, 6, stride=2, padding=2),
        )
        self.blocks = nn.Sequential(*(ConvNeXtBlock(hidden_size) for _ in range(num_layers)), nn.LayerNorm(hidden_size))
        self.sizes = (len(genres), len(GENDERS), len(instruments), 2)
        self.out = nn.Linear(2 * hidden_size, sum(self.sizes))

    def spectra(self, waveform: Tensor) -> Tensor:
        """(B, N) → (B, num_mels + 12, J): natural logarithm of mel, magnitude of pitch classes; J a multiple of 4."""
        c = self.config
        waveform = F.pad(waveform.float(), (0, -waveform.shape[-1] % (_LONG * c.hop_length)))
        mel = self.filterbank.float() @ stft(waveform, c.n_fft, c.hop_length).abs()
        classes = self.semitones.float() @ stft(waveform, _LONG * c.n_fft, _LONG * c.hop_length).abs().sqrt()
        return torch.cat([mel.clamp(min=c.floor).log(), classes.repeat_interleave(_LONG, dim=-1)], dim=1)

    def features(self, waveform: Tensor) -> Tensor:
        """(B, N) → what :meth:`forward` takes."""
        return level(self.spectra(waveform))

    def forward(self, features: Tensor) -> StyleHeard:
        x = self.blocks(self.down(features.to(self.out.weight.dtype)).transpose(1, 2))
        out = self.out(torch.cat([x.mean(1), x.amax(1)], dim=-1)).float()
        genre, gender, instruments, mood = out.split(self.sizes, dim=-1)
        return StyleHeard(genre, gender, instruments, mood.tanh())


def level(spectra: Tensor) -> Tensor:
    """(B, M, J) without its loudness, which says nothing of style: log-mel less its mean, pitch classes over theirs."""
    log_mel, classes = spectra[:, :-CHROMA], spectra[:, -CHROMA:]
    loudness = classes.mean((1, 2), keepdim=True).clamp(min=1e-4)
    return torch.cat([log_mel - log_mel.mean((1, 2), keepdim=True), classes / loudness], dim=1)


def semitone_filters(n_fft: int, sample_rate: int, low: float = 100.0, high: float = 2000.0) -> Tensor:
    """(12, n_fft/2 + 1): how much of each bin belongs to each pitch class, from C; bells a quarter tone wide."""
    hertz = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1).clamp(min=1.0)
    pitch = 69 + 12 * (hertz / 440).log2()
    distance = torch.remainder(pitch - torch.arange(12)[:, None] + 6, 12) - 6
    inside = (hertz >= low) & (hertz <= high)
    return torch.exp(-0.5 * (distance / 0.3).square()) * inside / math.sqrt(n_fft)
