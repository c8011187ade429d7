"""Phase for magnitudes: integration of its gradient, and fast Griffin-Lim.

A short-time phase is known, up to one number, from how it advances over time (instantaneous frequency) and along
frequency (group delay). Both can be read from the slopes of the logarithmic magnitude (phase gradient heap integration,
Průša, Balazs and Søndergaard, IEEE TASLP 2017), or predicted by a network. The integration here is done without a heap,
frame by frame for all bins at once: every spectral peak goes on from the frame before, and the bins around it follow it
along frequency. Shapes: B batch, F bins, J frames.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .spectra import istft, stft

_GAUSSIAN = 0.25645  # of the Gaussian window nearest to a Hann window, as a share of its length squared


class PhaseGradient(NamedTuple):
    """Radians, both (B, F, J): ``advance`` from the frame before, less that of the bin's centre frequency; ``delay``
    from the bin below, less the −π of a pulse in the middle of the window."""

    advance: Tensor
    delay: Tensor


def true_gradient(spectrum: Tensor) -> PhaseGradient:
    """Gradient of the phase of a complex spectrum of :func:`.spectra.stft`, wrapped to −π … π."""
    phase = spectrum.angle()
    hop = torch.arange(phase.shape[1], device=phase.device)[:, None] * (math.pi / 2)  # a quarter of n_fft
    advance = F.pad(phase[..., 1:] - phase[..., :-1], (1, 0)) - hop
    delay = F.pad(phase[:, 1:] - phase[:, :-1], (0, 0, 1, 0)) + math.pi
    return PhaseGradient(*(torch.remainder(x + math.pi, 2 * math.pi) - math.pi for x in (advance, delay)))


def magnitude_gradient(log_magnitude: Tensor) -> PhaseGradient:
    """Gradient of the phase as the slopes of the natural logarithm of magnitude (B, F, J) give it, for a Hann window
    and a hop of a quarter of its length."""
    frequency_slope, time_slope = torch.zeros_like(log_magnitude), torch.zeros_like(log_magnitude)
    frequency_slope[:, 1:-1] = (log_magnitude[:, 2:] - log_magnitude[:, :-2]) / 2
    time_slope[..., 1:-1] = (log_magnitude[..., 2:] - log_magnitude[..., :-2]) / 2
    advance, delay = frequency_slope / (4 * _GAUSSIAN), time_slope * (-4 * _GAUSSIAN)
    advance = F.pad((advance[..., 1:] + advance[..., :-1]) / 2, (1, 0))
    delay = F.pad((delay[:, 1:] + delay[:, :-1]) / 2, (0, 0, 1, 0))
    return PhaseGradient(advance, delay)


def integrate_phase(magnitude: Tensor, gradient: PhaseGradient, before: Tensor | None = None) -> Tensor:
    """Magnitude (B, F, J) and the gradient of its phase → phase (B, F, J).

    ``before`` (B, F) is the phase of the frame before the first; None where the signal begins.
    """
    magnitude, advance, delay = (x.transpose(1, 2).contiguous() for x in (magnitude, *gradient))  # (B, J, F)
    bins = magnitude.shape[2]
    index = torch.arange(bins, device=magnitude.device, dtype=torch.int32)
    peaks = torch.zeros_like(magnitude, dtype=torch.bool)
    inner = magnitude[..., 1:-1]
    peaks[..., 1:-1] = (inner >= magnitude[..., :-2]) & (inner > magnitude[..., 2:])
    below = torch.where(peaks, index, -bins).cummax(2).values
    above = torch.where(peaks, index, 2 * bins).flip(2).cummin(2).values.flip(2)
    peak = torch.where(above - index < index - below, above, below).clamp(0, bins - 1).long()
    along = (delay - math.pi).cumsum(2)
    along = along - along.gather(2, peak)
    step = torch.remainder((advance + index * (math.pi / 2)).gather(2, peak) + along, 2 * math.pi)
    state = torch.zeros_like(magnitude[:, 0]) if before is None else before
    phases = []
    for own, turn in zip(peak.unbind(1), step.unbind(1), strict=True):
        state = torch.remainder(state.gather(1, own) + turn, 2 * math.pi)
        phases.append(state)
    return torch.stack(phases, dim=1).transpose(1, 2)


def griffin_lim(magnitude: Tensor, phase: Tensor, n_fft: int, hop_length: int, iterations: int) -> Tensor:
    """Fast Griffin-Lim with momentum 0.99 (Perraudin et al., WASPAA 2013): magnitude and first phase
    (B, n_fft/2 + 1, J) → (B, J · hop_length)."""
    magnitude, phase = (x.transpose(1, 2).contiguous().transpose(1, 2) for x in (magnitude, phase))  # frame by frame
    estimate = torch.polar(magnitude, phase)
    previous: Tensor | None = None
    for _ in range(iterations):
        projected = stft(istft(estimate, n_fft, hop_length), n_fft, hop_length)
        estimate = projected if previous is None else torch.lerp(previous, projected, 1.99)
        previous = projected
        power = torch.addcmul(estimate.real.square(), estimate.imag, estimate.imag)
        estimate = estimate * (magnitude * (power + 1e-20).rsqrt())
    return istft(estimate, n_fft, hop_length)
