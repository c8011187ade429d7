"""How far a waveform is from another, as heard: short-time spectra at several resolutions (arXiv:1910.11480)."""

from __future__ import annotations

import torch
from torch import Tensor

RESOLUTIONS = (2048, 1024, 512, 256, 128)
"""Samples in a window; the hop is a quarter of it."""
_SILENCE, _QUIET = 1e-5, 1e-3  # of a full-scale sine: where logarithms end, and what errors are at least compared with


def multi_resolution_stft_loss(
    predicted: Tensor, target: Tensor, resolutions: tuple[int, ...] = RESOLUTIONS
) -> tuple[Tensor, Tensor]:
    """Stereo waveforms (B, 2, samples) → (spectral convergence, L1 of log magnitudes), means over the resolutions.

    Mid and side are compared rather than left and right (arXiv:2010.10291), so that the stereo image counts. The
    convergence is taken over the whole batch, and a quiet batch counts for less: a silent one would divide by nothing.
    """
    convergence, log_l1 = [], []
    for n_fft in resolutions:
        ours, theirs = _magnitudes(predicted, n_fft), _magnitudes(target, n_fft)
        convergence.append((ours - theirs).norm() / (theirs.norm() + _QUIET * theirs.numel() ** 0.5))
        log_l1.append((ours.log() - theirs.log()).abs().mean())
    return torch.stack(convergence).mean(), torch.stack(log_l1).mean()


def _magnitudes(waveform: Tensor, n_fft: int) -> Tensor:
    """(B, 2, samples) → (2·B, n_fft/2 + 1, frames) of mid and side, a full-scale sine at 1, never below the floor."""
    left, right = waveform.float().unbind(1)
    with torch.autocast(waveform.device.type, enabled=False):
        window = torch.hann_window(n_fft, device=waveform.device)
        both = torch.cat([left + right, left - right]) / 2
        spectrum = torch.stft(both, n_fft, n_fft // 4, window=window, return_complex=True) * (4 / n_fft)
    return (spectrum.real.square() + spectrum.imag.square() + _SILENCE**2).sqrt()
