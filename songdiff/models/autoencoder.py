"""Waveform ⇄ latents: a variational autoencoder over log-mel patches that starts from principal components.

A patch is one latent frame of one stereo track: ``frames_per_latent`` log-mel frames of the mid signal and, in broad
bands, how wide the stereo image is. 64 principal components of such patches already keep every word; the networks
refine what the linear path leaves. Up to 775 Hz the bands are single bins, which tells chords apart
(recipes/autoencoder/tiny.yaml has the comparison). Phase is the vocoder's business.
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

MONO, WIDE = -4.0, 2.0  # log ratio of side to mid: what counts as mono, and the widest that is coded


class Spectra(NamedTuple):
    """What the decoder gives and the vocoder takes: ``log_mel`` (B, M, J) of the mid signal (natural log of magnitude)
    and ``log_width`` (B, W, J), the log ratio of side to mid; J spectral frames."""

    log_mel: Tensor
    log_width: Tensor


class Posterior(NamedTuple):
    """Diagonal Gaussian over latents: ``mean`` and ``log_variance``, each (B, C, T)."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        return self.mean + (0.5 * self.log_variance).exp() * noise

    def kl(self) -> Tensor:
        """Kullback–Leibler divergence to the unit Gaussian, mean over all numbers (arXiv:1312.6114, eq. 10)."""
        return 0.5 * (self.mean.square() + self.log_variance.exp() - self.log_variance - 1).mean()


class MelAutoencoder(ModelMixin, ConfigMixin):
    """``waveform (B, 2, samples)`` ⇄ ``latents (B, C, T)``, one track at a time; T = ceil(samples / downsampling)."""

    @register_to_config
    def __init__(
        self,
        sample_rate: int = 44100,
        n_fft: int = 2048,
        hop_length: int = 512,
        frames_per_latent: int = 4,
        num_mels: int = 100,
        linear_bands: int = 36,
        num_width_bands: int = 20,
        f_min: float = 20.0,
        f_max: float = 20000.0,
        floor: float = 3e-5,
        latent_channels: int = 64,
        hidden_size: int = 160,
        num_layers: int = 3,
    ) -> None:
        super().__init__()
        if num_mels % num_width_bands:
            raise ValueError(f"num_mels {num_mels} is not a multiple of num_width_bands {num_width_bands}")
        self.downsampling = hop_length * frames_per_latent
        self.context_frames = 2 * num_layers  # latent frames to either side that the networks see
        self.patch_size = frames_per_latent * num_mels + num_width_bands
        filterbank = mel_filterbank(n_fft, num_mels, f_min, f_max, sample_rate, linear_bands)
        self.register_buffer("filterbank", filterbank, persistent=False)
        self.register_buffer("patch_mean", torch.zeros(self.patch_size))
        self.register_buffer("silence_latent", torch.zeros(latent_channels))
        self.encode_linear = nn.Linear(self.patch_size, latent_channels)
        self.decode_linear = nn.Linear(latent_channels, self.patch_size)
        self.log_variance = nn.Parameter(torch.full((latent_channels,), -5.0))
        self.encode_refine = _Refinement(self.patch_size, hidden_size, num_layers, latent_channels)
        self.decode_refine = _Refinement(latent_channels, hidden_size, num_layers, self.patch_size)

    def patches(self, waveform: Tensor) -> Tensor:
        """(B, 2, samples) → (B, T, patch_size): log-mel frames of the mid, then the width bands. Pads with silence."""
        c = self.config
        if waveform.ndim != 3 or waveform.shape[1] != 2:
            raise ValueError(f"expected a stereo waveform (B, 2, samples), got {tuple(waveform.shape)}")
        waveform = F.pad(waveform, (0, -waveform.shape[-1] % self.downsampling))
        mid, side = (waveform[:, 0] + waveform[:, 1]) / 2, (waveform[:, 0] - waveform[:, 1]) / 2
        mid_mel, side_mel = (self.filterbank @ stft(x, c.n_fft, c.hop_length).abs() for x in (mid, side))
        frames = mid_mel.shape[-1] // c.frames_per_latent
        mel = mid_mel.clamp(min=c.floor).log().transpose(1, 2).reshape(len(mid), frames, -1)
        mid_band, side_band = (
            x.reshape(len(x), c.num_width_bands, -1, frames, c.frames_per_latent).mean((2, 4))
            for x in (mid_mel, side_mel)
        )
        width = torch.log((side_band + 1e-7) / (mid_band + c.floor)).clamp(MONO, WIDE).transpose(1, 2)
        return torch.cat([mel, width], dim=-1)

    def spectra(self, patches: Tensor) -> Spectra:
        """(B, T, patch_size) → :class:`Spectra` with T · frames_per_latent frames."""
        c, (B, T, _) = self.config, patches.shape
        mel, width = patches.split([c.frames_per_latent * c.num_mels, c.num_width_bands], dim=-1)
        log_mel = mel.reshape(B, T * c.frames_per_latent, c.num_mels).transpose(1, 2).clamp(min=math.log(c.floor))
        log_width = width.transpose(1, 2).clamp(MONO, WIDE).repeat_interleave(c.frames_per_latent, dim=-1)
        return Spectra(log_mel, log_width)

    def posterior(self, patches: Tensor) -> Posterior:
        """(B, T, patch_size) → distribution over latents (B, C, T)."""
        x = patches - self.patch_mean
        mean = (self.encode_linear(x) + self.encode_refine(x)).transpose(1, 2)
        return Posterior(mean, self.log_variance[None, :, None].expand_as(mean))

    def encode(self, waveform: Tensor) -> Tensor:
        """(B, 2, samples) → latents (B, C, T), the posterior's mean."""
        return self.posterior(self.patches(waveform)).mean

    def decode_patches(self, latents: Tensor) -> Tensor:
        """(B, C, T) → (B, T, patch_size)."""
        z = latents.transpose(1, 2)
        return self.decode_linear(z) + self.decode_refine(z) + self.patch_mean

    def decode(self, latents: Tensor) -> Spectra:
        """(B, C, T) → :class:`Spectra`; the vocoder turns them into a waveform."""
        return self.spectra(self.decode_patches(latents))

    forward = decode

    @torch.no_grad()
    def fit_principal_components(self, patches: Tensor) -> None:
        """Set the linear path to the leading principal components of ``patches`` (N, patch_size).

        Component i is divided by the square root of its standard deviation (half-whitening, then scaled to mean square
        one): the transformer's loss then weighs components between "all alike" and "as loud in log-mel", and early
        components, which carry the words, come first out of the noise.
        """
        self.patch_mean.copy_(patches.mean(0))
        centred = (patches - self.patch_mean).double()
        variance, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
        order = variance.argsort(descending=True)[: self.config.latent_channels]
        deviation = variance[order].clamp(min=1e-8).sqrt()
        scale = (deviation / deviation.mean()).sqrt() / deviation
        self.encode_linear.weight.copy_((vectors[:, order] * scale).T)
        self.decode_linear.weight.copy_(vectors[:, order] / scale)
        self.encode_linear.bias.zero_()
        self.decode_linear.bias.zero_()
        self.set_silence_latent()

    @torch.no_grad()
    def set_silence_latent(self) -> None:
        """Let ``silence_latent`` be what digital silence encodes to."""
        silence = torch.zeros(1, 2, 9 * self.downsampling, device=self.patch_mean.device)
        self.silence_latent.copy_(self.encode(silence)[0, :, 4])


class _Refinement(nn.Module):
    """ConvNeXt residual beside a linear path; gives zero until trained. (B, T, in_size) → (B, T, out_size)."""

    def __init__(self, in_size: int, hidden_size: int, num_layers: int, out_size: int) -> None:
        super().__init__()
        self.embed = nn.Linear(in_size, hidden_size)
        self.blocks = nn.Sequential(*(ConvNeXtBlock(hidden_size, kernel_size=5) for _ in range(num_layers)))
        self.norm = nn.LayerNorm(hidden_size)
        self.out = nn.Linear(hidden_size, out_size)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.norm(self.blocks(self.embed(x))))
