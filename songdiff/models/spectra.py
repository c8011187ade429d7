"""Short-time spectra on the latent grid.

Frame ``j`` is centred on sample ``hop·j + hop/2``, so that each latent frame covers exactly its own samples and a
waveform of ``T`` latent frames has exactly ``T · frames_per_latent`` spectral frames, none of them partial.
Magnitudes are scaled so that a full-scale sine reads 1.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def stft(waveform: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """(B, samples) with samples a multiple of ``hop_length`` → complex (B, n_fft/2 + 1, samples / hop_length)."""
    if waveform.shape[-1] % hop_length:
        raise ValueError(f"{waveform.shape[-1]} samples are not a multiple of the hop of {hop_length}")
    window = torch.hann_window(n_fft, device=waveform.device) * (4.0 / n_fft)
    pad = (n_fft - hop_length) // 2
    frames = F.pad(waveform, (pad, pad)).unfold(-1, n_fft, hop_length)
    return torch.fft.rfft(frames * window).transpose(1, 2)


def istft(spectrum: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """Inverse of :func:`stft`, for a hop of a quarter: complex (B, n_fft/2 + 1, frames) → (B, frames · hop_length)."""
    if n_fft != 4 * hop_length:
        raise ValueError(f"a hop of {hop_length} is not a quarter of {n_fft}")
    window = torch.hann_window(n_fft, device=spectrum.device) * (n_fft / 6.0)  # squared windows at this hop sum to 1.5
    frames = (torch.fft.irfft(spectrum.transpose(1, 2), n_fft) * window).unflatten(-1, (4, hop_length))
    count = frames.shape[1]
    summed = frames.new_zeros(len(frames), count + 3, hop_length)
    for k in range(4):
        summed[:, k : k + count] += frames[:, :, k]
    return summed.flatten(1)[:, hop_length * 3 // 2 :][:, : count * hop_length]


def mel_filterbank(
    n_fft: int, num_mels: int, f_min: float, f_max: float, sample_rate: int, linear_bands: int = 0
) -> Tensor:
    """Triangular filters of unit sum, (num_mels, n_fft/2 + 1), on the HTK mel scale between ``f_min`` and ``f_max``.

    With ``linear_bands`` the lowest that many bands are the bins 1, 2 … themselves and the others widen in equal ratios
    up to ``f_max``: the mel scale blurs the low harmonics that tell chords apart. Unit sum turns a band into a weighted
    mean of magnitudes, so that a flat spectrum gives flat bands. Bands narrower than a bin take the nearest bin.
    """

    def mel(hertz: float) -> float:
        return 2595.0 * math.log10(1.0 + hertz / 700.0)

    if linear_bands:
        bin_width = sample_rate / n_fft
        ratios = torch.linspace(0, 1, num_mels - linear_bands + 2, dtype=torch.float64)
        corner = linear_bands * bin_width
        hertz = torch.cat([torch.arange(linear_bands) * bin_width, corner * (f_max / corner) ** ratios])
    else:
        edges = torch.linspace(mel(f_min), mel(f_max), num_mels + 2, dtype=torch.float64)
        hertz = 700.0 * (10.0 ** (edges / 2595.0) - 1.0)
    bins = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    rising = (bins - hertz[:-2, None]) / (hertz[1:-1] - hertz[:-2])[:, None]
    falling = (hertz[2:, None] - bins) / (hertz[2:] - hertz[1:-1])[:, None]
    filters = torch.minimum(rising, falling).clamp(min=0)
    nearest = (bins[None] - hertz[1:-1, None]).abs().argmin(dim=1)
    narrow = filters.sum(1) < 1e-6
    filters[narrow, nearest[narrow]] = 1.0
    return (filters / filters.sum(1, keepdim=True)).float()
