"""Spectra → waveform: a network restores fine magnitudes, fast Griffin-Lim restores the phase.

The stereo image comes from the mid signal's own phase: in each width band the side is the mid times its width, with
alternating signs along frequency, so that both channels stay coherent and the mono sum is untouched.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from .autoencoder import MONO, Spectra
from .blocks import ConvNeXtBlock
from .spectra import istft, mel_filterbank, stft


class SpectralVocoder(ModelMixin, ConfigMixin):
    """:class:`Spectra` (B, M, J), (B, W, J) → waveform (B, 2, J · hop_length)."""

    @register_to_config
    def __init__(
        self,
        sample_rate: int = 44100,
        n_fft: int = 2048,
        hop_length: int = 512,
        num_mels: int = 100,
        linear_bands: int = 36,
        num_width_bands: int = 20,
        f_min: float = 20.0,
        f_max: float = 20000.0,
        floor: float = 3e-5,
        hidden_size: int = 224,
        num_layers: int = 5,
        griffin_lim_iterations: int = 24,
    ) -> None:
        super().__init__()
        filterbank = mel_filterbank(n_fft, num_mels, f_min, f_max, sample_rate, linear_bands)
        expand = (filterbank / filterbank.sum(0).clamp(min=1e-8)).T  # each bin: the mean of its bands
        self.register_buffer("expand", expand, persistent=False)
        self.register_buffer("outside", (expand.sum(1) == 0).float()[:, None], persistent=False)  # bins in no band
        self.embed = nn.Conv1d(num_mels, hidden_size, 7, padding=3)
        self.blocks = nn.Sequential(*(ConvNeXtBlock(hidden_size) for _ in range(num_layers)))
        self.norm = nn.LayerNorm(hidden_size)
        self.out = nn.Linear(hidden_size, n_fft // 2 + 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def log_magnitudes(self, log_mel: Tensor) -> Tensor:
        """(B, M, J) → natural log of the mid signal's fine magnitudes (B, n_fft/2 + 1, J)."""
        centre = math.log(self.config.floor) / 2
        x = self.embed((log_mel - centre) / -centre).transpose(1, 2)
        coarse = self.expand @ log_mel + self.outside * math.log(self.config.floor)
        return coarse + self.out(self.norm(self.blocks(x))).transpose(1, 2)

    @torch.no_grad()
    def decode(self, spectra: Spectra, generator: torch.Generator | None = None) -> Tensor:
        """:class:`Spectra` → waveform (B, 2, J · hop_length). The first phase is drawn on the CPU."""
        c = self.config
        log_mel, log_width = spectra
        gate = ((log_mel.exp() / c.floor - 1.5) / 1.5).clamp(0, 1)  # what lies at the floor is silence
        magnitude = self.log_magnitudes(log_mel).float().exp() * (self.expand @ gate)
        phase = 2 * math.pi * torch.rand(magnitude.shape, generator=generator)
        mid = griffin_lim(magnitude, phase.to(magnitude.device), c.n_fft, c.hop_length, c.griffin_lim_iterations)
        side = istft(stft(mid, c.n_fft, c.hop_length) * self._side_ratio(log_width), c.n_fft, c.hop_length)
        return torch.stack([mid + side, mid - side], dim=1)

    forward = decode

    def _side_ratio(self, log_width: Tensor) -> Tensor:
        """(B, W, J) → signed ratio of side to mid per bin (B, n_fft/2 + 1, J)."""
        per_mel = (
            (log_width.exp() - math.exp(MONO))
            .clamp(min=0)
            .repeat_interleave(self.config.num_mels // self.config.num_width_bands, dim=1)
        )
        sign = torch.ones(self.config.num_mels, device=log_width.device)
        sign[1::2] = -1
        return self.expand @ (per_mel * sign[None, :, None])


def griffin_lim(magnitude: Tensor, phase: Tensor, n_fft: int, hop_length: int, iterations: int) -> Tensor:
    """Fast Griffin-Lim with momentum 0.99 (Perraudin et al., WASPAA 2013): magnitude and first phase
    (B, n_fft/2 + 1, J) → (B, J · hop_length)."""
    estimate = torch.polar(magnitude, phase)
    previous = torch.zeros_like(estimate)
    for _ in range(iterations):
        projected = stft(istft(estimate, n_fft, hop_length), n_fft, hop_length)
        accelerated = projected + 0.99 * (projected - previous)
        previous = projected
        estimate = magnitude * accelerated / accelerated.abs().clamp(min=1e-12)
    return istft(estimate, n_fft, hop_length)


def vocoder_loss(vocoder: SpectralVocoder, log_mel: Tensor, magnitude: Tensor) -> dict[str, Tensor]:
    """L1 between logarithms of fine magnitudes, over the bins where either is audible; both floored alike.

    ``log_mel`` (B, M, J) as the autoencoder decodes it; ``magnitude`` (B, n_fft/2 + 1, J) of the true mid signal.
    """
    floor = math.log(vocoder.config.floor)
    target = magnitude.clamp(min=vocoder.config.floor).log()
    predicted = floor + F.softplus(vocoder.log_magnitudes(log_mel).float() - floor, beta=4)
    audible = (target > floor) | (predicted.detach() > floor + 0.5)
    return {"log_l1": ((predicted - target).abs() * audible).sum() / audible.sum().clamp(min=1)}
