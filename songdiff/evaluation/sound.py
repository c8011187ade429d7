"""Is it sound as it should be? Levels, defects, distances between waveforms and between sets of songs.

Knows samples, and nothing of what was asked for. Spectra are magnitudes on which a full-scale sine reads 1.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from scipy.fft import dct
from scipy.linalg import eigh
from scipy.ndimage import median_filter

from ..audio.loudness import integrated_loudness, true_peak
from ..models.spectra import mel_filterbank, stft
from .errors import EvaluationError, Figure, check_waveform

SAMPLE_RATE = 44100
FLOOR = 1e-4  # of a spectral magnitude: −80 dB
SILENT = 1e-3  # of a sample: −60 dBFS
_RESOLUTIONS = (512, 1024, 2048, 4096)
_WINDOW, _STEP = 5.0, 2.5  # seconds that one row of features describes, and from one to the next
_COEFFICIENTS = 20
_CLICK, _ISOLATED = 0.05, 0.025  # smallest second difference that counts; seconds without another like it

FIGURES = {
    "loudness_lufs": Figure("LUFS", "target", "integrated loudness (ITU-R BS.1770); None for silence"),
    "true_peak_dbtp": Figure("dBTP", "target", "highest peak between samples; above −1 is too high"),
    "clipped_share": Figure("share", "low", "of samples at or over full scale, or flat at their channel's extreme"),
    "dc_offset": Figure("of full scale", "low", "largest mean of a channel"),
    "rolloff_95_hz": Figure("Hz", "target", "frequency below which 95 % of the power lies"),
    "rolloff_99_hz": Figure("Hz", "target", "frequency below which 99 % of the power lies"),
    "bandwidth_hz": Figure("Hz", "high", "highest frequency above −60 dB of the strongest in the mean spectrum"),
    "stereo_correlation": Figure("−1 … 1", "target", "of left and right: 1 is mono, below 0 cancels in mono"),
    "silent_head_s": Figure("s", "low", "before the first sample above −60 dBFS"),
    "silent_tail_s": Figure("s", "low", "after the last sample above −60 dBFS"),
    "silent_middle_s": Figure("s", "low", "the longest stretch in between without one"),
    "nonfinite_samples": Figure("samples", "low", "that are NaN or infinite (taken as 0 by the other figures)"),
    "clicks_per_minute": Figure("per minute", "low", "lone outliers of the second difference; 0 to 20 in most songs, a"
                                " hundred where square waves play (chiptune): read it beside the same genre's"),
    "stems_error_db": Figure("dB", "low", "what is left of the mix when the stems are taken away, against the mix"),
}  # fmt: skip
"""What :func:`measure_sound` returns."""


def measure_sound(
    mix: np.ndarray, stems: dict[str, np.ndarray] | None = None, sample_rate: int = SAMPLE_RATE
) -> dict[str, float | None]:
    """The figures of :data:`FIGURES` for ``mix`` (2, samples); NaN and infinite samples are counted, not refused.

    With ``stems``, each of the mix's shape, also whether they add up to it. Raises :class:`EvaluationError`.
    """
    check_waveform(mix, "mix", finite=False)
    figures: dict[str, float | None] = dict.fromkeys(FIGURES)
    figures["nonfinite_samples"] = float((~np.isfinite(mix)).sum())
    mix = np.nan_to_num(mix.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    figures["loudness_lufs"] = _finite(integrated_loudness(mix, sample_rate))
    figures["true_peak_dbtp"] = _finite(true_peak(mix))
    figures["clipped_share"] = _clipped(mix)
    figures["dc_offset"] = float(np.abs(mix.mean(1, dtype=np.float64)).max())
    figures |= _bandwidth(mix, sample_rate)
    if mix.std(1).min() > 1e-6:
        figures["stereo_correlation"] = float(np.corrcoef(mix)[0, 1])
    figures |= _silences(mix, sample_rate)
    figures["clicks_per_minute"] = len(clicks(mix, sample_rate)) * 60 * sample_rate / mix.shape[1]
    if stems:
        for track, stem in stems.items():
            check_waveform(stem, f"stem {track}", finite=False)
            if stem.shape != mix.shape:
                raise EvaluationError(f"stem {track}: {stem.shape[1]} samples, the mix {mix.shape[1]}; give one length")
        left = mix - np.nan_to_num(sum(stems.values()), nan=0.0, posinf=0.0, neginf=0.0)
        if mix.any():
            figures["stems_error_db"] = _decibels(float(np.square(left).mean() / np.square(mix).mean()))
    return figures


def clicks(waveform: np.ndarray, sample_rate: int = SAMPLE_RATE) -> list[float]:
    """Seconds of the clicks: second differences 20 times their median both shortly before and shortly after (33 samples
    each), with none like them within 25 ms.

    A stroke of a drum goes on after its first sample, and waves with edges (a sawtooth) have one in every period; a
    click, or a splice, is over at once and stands alone.
    """
    bend = np.abs(np.diff(waveform, 2, axis=1)).max(0, initial=0.0)
    usual = np.pad(median_filter(bend, 33, mode="reflect"), 24, mode="edge")
    usual = np.maximum(usual[:-48], usual[48:])
    at = np.flatnonzero((bend > _CLICK) & (bend > 20 * usual))
    found = []
    for group in np.split(at, np.flatnonzero(np.diff(at) > 8) + 1) if len(at) else []:
        near = (np.abs(at - group[0]) < _ISOLATED * sample_rate) & ((at < group[0]) | (at > group[-1]))
        if bend[at[near]].max(initial=0.0) < 0.3 * bend[group].max():
            found.append((group[0] + 1) / sample_rate)
    return found


def _clipped(mix: np.ndarray) -> float:
    """At full scale, or in a run of four equal samples within 2 % of the channel's extreme."""
    over = np.abs(mix) >= 1.0
    peak = np.abs(mix).max(1, keepdims=True)
    equal = (np.abs(np.diff(mix, axis=1)) < 1e-7) & (np.abs(mix[:, 1:]) > 0.98 * peak) & (peak > SILENT)
    runs = equal[:, :-2] & equal[:, 1:-1] & equal[:, 2:]
    for shift in range(4):
        over[:, shift : shift + runs.shape[1]] |= runs
    return float(over.mean())


def _bandwidth(mix: np.ndarray, sample_rate: int) -> dict[str, float | None]:
    power = np.square(spectrum(mix[0], 4096, 2048)).mean(1) + np.square(spectrum(mix[1], 4096, 2048)).mean(1)
    if power.max(initial=0.0) < 1e-14:
        return {}
    share = np.cumsum(power) / power.sum()
    bin_width = sample_rate / 4096
    return {
        "rolloff_95_hz": float(np.searchsorted(share, 0.95) * bin_width),
        "rolloff_99_hz": float(np.searchsorted(share, 0.99) * bin_width),
        "bandwidth_hz": float(np.flatnonzero(power > power.max() * 1e-6)[-1] * bin_width),
    }


def _silences(mix: np.ndarray, sample_rate: int) -> dict[str, float | None]:
    loud = np.flatnonzero(np.abs(mix).max(0) > SILENT)
    samples = mix.shape[1]
    if not len(loud):
        return {"silent_head_s": samples / sample_rate, "silent_tail_s": samples / sample_rate, "silent_middle_s": 0.0}
    return {
        "silent_head_s": float(loud[0] / sample_rate),
        "silent_tail_s": float((samples - 1 - loud[-1]) / sample_rate),
        "silent_middle_s": float(np.diff(loud, prepend=loud[0]).max() / sample_rate),
    }


# --- two waveforms ----------------------------------------------------------------------------------------------------

COMPARED = {
    "log_spectral_db": Figure("dB", "low", "root mean square over bins of the difference of log spectra, mean of frames"
                              " and of windows of 512, 1024, 2048 and 4096 samples, magnitudes from −80 dB up"),
    "mel_l1": Figure("nats", "low", "mean difference of log-mel spectra: 80 bands, window 2048, hop 512, floor 1e-4"),
    "si_sdr_db": Figure("dB", "high", "scale-invariant signal-to-distortion ratio; None for silence"),
}  # fmt: skip
"""What :func:`compare_waveforms` returns."""


def compare_waveforms(reference: np.ndarray, estimate: np.ndarray) -> dict[str, float | None]:
    """How far ``estimate`` is from ``reference``, both (2, samples) at 44.1 kHz; channels are averaged.

    SI-SDR: Le Roux et al., ICASSP 2019 (arXiv:1811.02508). Raises :class:`EvaluationError` where lengths differ.
    """
    check_waveform(reference, "reference")
    check_waveform(estimate, "estimate")
    if reference.shape != estimate.shape:
        raise EvaluationError(
            f"estimate: {estimate.shape[1]} samples, the reference {reference.shape[1]}; cut to one length"
        )
    distances = []
    for n_fft in _RESOLUTIONS:
        for a, b in zip(reference, estimate, strict=True):
            levels = [20 * np.log10(np.maximum(spectrum(x, n_fft, n_fft // 4), FLOOR)) for x in (a, b)]
            distances.append(np.sqrt(np.square(levels[0] - levels[1]).mean(0)).mean())
    mels = [np.abs(log_mel(a) - log_mel(b)).mean() for a, b in zip(reference, estimate, strict=True)]
    figures = {"log_spectral_db": float(np.mean(distances)), "mel_l1": float(np.mean(mels)), "si_sdr_db": None}
    a, b = reference.astype(np.float64).ravel(), estimate.astype(np.float64).ravel()
    if a.any() and b.any():
        target = a * (a @ b) / (a @ a)
        figures["si_sdr_db"] = _decibels(float((target @ target) / max(np.square(b - target).sum(), 1e-20)))
    return figures


def spectrum(mono: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """(samples,) → magnitudes (n_fft/2 + 1, frames); frame j is centred on sample hop · (j + ½)."""
    padded = torch.from_numpy(np.pad(mono.astype(np.float32), (0, -len(mono) % hop)))
    return stft(padded[None], n_fft, hop)[0].abs().numpy()


def log_mel(mono: np.ndarray, bands: int = 80, n_fft: int = 2048, hop: int = 512) -> np.ndarray:
    """(samples,) at 44.1 kHz → natural logarithms (bands, frames), 20 Hz to 16 kHz, from ``log(FLOOR)`` up."""
    return np.log(np.maximum(_filters(bands, n_fft) @ spectrum(mono, n_fft, hop), FLOOR))


@cache
def _filters(bands: int, n_fft: int) -> np.ndarray:
    return mel_filterbank(n_fft, bands, 20.0, 16000.0, SAMPLE_RATE).numpy()


# --- sets of songs ----------------------------------------------------------------------------------------------------


def audio_features(mix: np.ndarray) -> np.ndarray:
    """Fixed features of a song (2, samples) at 44.1 kHz: (n, 57), a row for every 5 s, 2.5 s apart.

    No trained network is in them, so that a distance over them needs no download and means the same everywhere. A row:
      20  means and
      20  standard deviations over time of the first cosine coefficients of the log-mel spectrum (80 bands; "MFCC"),
          divided by 5 and by 2;
      12  chroma (60–1000 Hz), as shares, turned so that the strongest pitch class comes first: keys do not matter;
       5  the logarithm of how strongly the mean of the log-mel bands moves at 0.4–1, 1–2, 2–4, 4–8 and 8–16 Hz.

    A song shorter than 5 s gives one row. Raises :class:`EvaluationError` for a wrong shape.
    """
    check_waveform(mix, "mix")
    mono, rate = mix.mean(0), SAMPLE_RATE / 512
    mel = log_mel(mono)
    chroma = chroma_features(mono)
    width, step = int(_WINDOW * rate), _STEP * rate
    rows = []
    for number in range(max(1, int((mel.shape[1] - width) // step) + 1)):
        first = round(number * step)
        here = mel[:, first : first + width]
        cepstrum = dct(here, axis=0, norm="ortho")[:_COEFFICIENTS]
        tones = chroma[:, first // 4 : max(first // 4 + 1, (first + width) // 4)].sum(1)
        tones = np.roll(tones, -int(tones.argmax())) / max(tones.sum(), 1e-9)
        moves = np.square(np.abs(np.fft.rfft(here.mean(0) - here.mean(), n=width))) / width**2
        hertz = np.arange(len(moves)) * rate / width
        bands = [moves[(hertz >= low) & (hertz < high)].sum() for low, high in _MODULATION]
        parts = (cepstrum.mean(1) / 5, cepstrum.std(1) / 2, 5 * tones, np.log10(np.array(bands) + 1e-6))
        rows.append(np.concatenate(parts))
    return np.stack(rows)


_MODULATION = ((0.39, 1), (1, 2), (2, 4), (4, 8), (8, 16))


def chroma_features(mono: np.ndarray, low: float = 60.0, high: float = 1000.0) -> np.ndarray:
    """(samples,) at 44.1 kHz → (12, frames), one every 2048 samples, window 8192; C comes first.

    Peaks of the spectrum between ``low`` and ``high`` Hz, their frequencies refined by a parabola (a bass's semitones
    are no wider than a bin), less where they fall between two semitones; roots of magnitudes, so that no partial
    dominates.
    """
    magnitude = spectrum(mono, 8192, 2048) + 1e-9
    bin_width = SAMPLE_RATE / 8192
    first, last = max(1, int(low / bin_width)), int(high / bin_width) + 1
    here, below, above = magnitude[first:last], magnitude[first - 1 : last - 1], magnitude[first + 1 : last + 1]
    row, frame = np.nonzero((here > below) & (here >= above) & (here > 1e-5))
    log_below, log_here, log_above = (np.log(part[row, frame]) for part in (below, here, above))
    offset = 0.5 * (log_below - log_above) / np.minimum(log_below - 2 * log_here + log_above, -1e-9)
    pitch = 69 + 12 * np.log2((first + row + offset) * bin_width / 440)
    nearest = np.round(pitch).astype(int)
    weight = here[row, frame] ** 0.5 * np.exp(-0.5 * np.square((pitch - nearest) / 0.25))
    features = np.zeros((12, magnitude.shape[1]))
    np.add.at(features, (nearest % 12, frame), weight)
    return features


def frechet_distance(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Fréchet distance on log-mel statistics, between two sets (n, d) and (m, d) of :func:`audio_features`.

    Of the two Gaussians with the sets' means and covariances (Dowson & Landau 1982): |μa − μb|² + tr(A + B − 2 (AB)^½).
    0 where they are the same; it shrinks with n, so compare only sets of like size. It is not FAD, whose features are a
    network's. Raises :class:`EvaluationError` where a set has fewer than two rows or the widths differ.
    """
    for features in (features_a, features_b):
        if features.ndim != 2 or len(features) < 2 or features.shape[1] != features_a.shape[1]:
            shapes = f"{features_a.shape} and {features_b.shape}"
            raise EvaluationError(f"features: {shapes} are not two sets (n, d) of two rows or more; give more songs")
    a, b = (np.atleast_2d(np.cov(features, rowvar=False)) for features in (features_a, features_b))
    values, vectors = eigh(a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(eigh(root @ b @ root, eigvals_only=True), 0)).sum()
    moved = float(np.square(features_a.mean(0) - features_b.mean(0)).sum())
    return max(0.0, moved + float(np.trace(a) + np.trace(b) - 2 * cross))


def _decibels(power: float) -> float:
    return 10 * math.log10(max(power, 1e-20))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
