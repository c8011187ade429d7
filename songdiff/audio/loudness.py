"""Loudness, true peaks, and bringing a song to a level (ITU-R BS.1770-4, EBU R 128). It knows nothing of models."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyloudnorm
from scipy.ndimage import minimum_filter1d, uniform_filter1d
from scipy.signal import resample_poly

_OVERSAMPLING = 4
_BLOCK, _MARGIN = 1 << 18, 64  # samples: oversampling runs in blocks, with a margin longer than its filter
_THREADS = 2
_GATE = 0.4  # seconds: the measuring block of BS.1770
_LOOK_AHEAD = 0.012  # seconds on either side of a peak over which the limiter bends the gain
_MAX_DRIVE = 9.0  # dB that limiting may be asked to make up; beyond it, the loudness target gives way


def integrated_loudness(waveform: np.ndarray, sample_rate: int) -> float:
    """Gated loudness of ``(channels, samples)`` in LUFS; ``-inf`` for silence.

    Anything shorter than one measuring block of 0.4 s is measured as if it went on repeating.
    """
    samples = waveform.shape[1]
    if not np.any(waveform):
        return -math.inf
    shortest = math.ceil(_GATE * sample_rate) + 1
    if samples < shortest:
        waveform = np.tile(waveform, (1, math.ceil(shortest / samples)))
    with np.errstate(divide="ignore", invalid="ignore"):
        loudness = pyloudnorm.Meter(sample_rate).integrated_loudness(waveform.T.astype(np.float64))
    return float(loudness) if math.isfinite(loudness) else -math.inf


def true_peak(waveform: np.ndarray) -> float:
    """The highest peak between and on the samples of ``(channels, samples)`` in dBTP, by 4× oversampling."""
    return _decibels(float(_peaks(waveform).max(initial=0.0)))


def normalize(waveform: np.ndarray, sample_rate: int, loudness: float = -14.0, peak: float = -1.0) -> np.ndarray:
    """``(channels, samples)`` at ``loudness`` LUFS with no true peak above ``peak`` dBTP; silence stays silent.

    One gain for the whole song, then a look-ahead limiter where peaks need it. A song of nothing but peaks comes out
    quieter than asked rather than crushed.
    """
    measured = integrated_loudness(waveform, sample_rate)
    if not math.isfinite(measured):
        return waveform.astype(np.float32)
    peaks = _peaks(waveform)
    ceiling = 10 ** ((peak - 0.05) / 20)
    gain = wanted = loudness - measured
    limited = waveform
    for _ in range(6):
        limited = _limit(waveform, peaks, 10 ** (gain / 20), ceiling, sample_rate)
        missing = loudness - integrated_loudness(limited, sample_rate)
        if abs(missing) < 0.1 or gain + missing > wanted + _MAX_DRIVE:
            break
        gain += missing
    over = true_peak(limited) - peak  # bending the gain may lift a peak between samples by a hair
    return (limited * 10 ** (min(0.0, -over - 0.01) / 20)).astype(np.float32)


def limit(waveform: np.ndarray, sample_rate: int, ceiling: float) -> np.ndarray:
    """``(channels, samples)`` with no peak, on or between samples, above the amplitude ``ceiling``; where there is none
    it stays as it is."""
    return _limit(waveform, _peaks(waveform), 1.0, ceiling, sample_rate)


def _limit(waveform: np.ndarray, peaks: np.ndarray, gain: float, ceiling: float, sample_rate: int) -> np.ndarray:
    """Apply ``gain`` and a gain curve that is low enough at every peak, and smooth around it."""
    needed = np.minimum(1.0, ceiling / np.maximum(peaks * gain, 1e-9))
    if needed.min(initial=1.0) == 1.0:
        return waveform * np.float32(gain)
    reach = max(1, round(_LOOK_AHEAD * sample_rate))
    lowest = minimum_filter1d(needed, 2 * reach + 1)  # its average over the same reach is never above `needed`
    curve = uniform_filter1d(uniform_filter1d(lowest, reach | 1), reach | 1)  # a triangle of that reach
    return (waveform * (gain * curve)).astype(np.float32)


def _peaks(waveform: np.ndarray) -> np.ndarray:
    """The largest magnitude over channels around every sample, 4× oversampled: ``(samples,)``."""
    samples = waveform.shape[1]
    peaks = np.empty(samples, dtype=np.float32)

    def fill(start: int) -> None:
        low, high = max(0, start - _MARGIN), min(samples, start + _BLOCK + _MARGIN)
        fine = resample_poly(waveform[:, low:high], _OVERSAMPLING, 1, axis=-1)
        highest = np.abs(fine).max(axis=0).reshape(-1, _OVERSAMPLING).max(axis=1)
        end = min(samples, start + _BLOCK)
        peaks[start:end] = highest[start - low : end - low]

    with ThreadPoolExecutor(_THREADS) as pool:  # the filter lets go of Python's lock
        list(pool.map(fill, range(0, samples, _BLOCK)))
    return peaks


def _decibels(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf
