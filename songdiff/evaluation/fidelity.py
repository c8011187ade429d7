"""How a waveform differs from what it should be a copy of: spectra, stereo image, pitch, and the faults of vocoders.

Knows two waveforms at 44.1 kHz, and no Score. A perfect copy gives 0, or the value that :data:`FIGURES` names. Spectral
magnitudes are scaled so that a full-scale sine reads 1 (:mod:`songdiff.models.spectra`); mel bands are means of
magnitudes between 20 Hz and 16 kHz. "Audible" is what lies above −60 dB on that scale.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import welch

from .errors import Figure
from .sound import COMPARED, SAMPLE_RATE, compare_waveforms, log_mel, spectrum

AUDIBLE = 1e-3
WIDTH_EDGES = (100, 400, 1600, 6400, 16000)  # Hz: four bands of the stereo image
_MONO, _WIDE = -30.0, 10.0  # dB of side to mid: what counts as mono, and as wide as can be
_PRE = round(0.02 * SAMPLE_RATE)  # samples before and after an onset
_ATTACK, _QUIET = (
    -10.0,
    -40.0,
)  # dB, before against after: the least attack of an onset, and what counts as silent before

FIGURES = COMPARED | {
    "mel_l1_audible": Figure("nats", "low", "the same over the cells that are audible in either"),
    "width_error_db": Figure("dB", "low", "mean difference of the level of side to mid, in four bands, where audible"),
    "flux_ratio": Figure("ratio", "target", "mean rise of log-mel from frame to frame (hop 128), over the original's:"
                         " 1 is right, more is rough, less is smeared"),
    "modulation_db": Figure("dB", "low", "mean difference of the power of the envelopes' modulation at 4-8, 8-16, 16-32"
                            " and 32-64 Hz, of 20 mel bands"),
    "roughness_db": Figure("dB", "target", "modulation at 32-128 Hz against the original's: 0 is right, more is rough"),
    "pulse_db": Figure("dB", "target", "modulation at 80-400 Hz, the voice's own pulses, between 1 and 14 kHz, against"
                       " the original's: 0 is right, less is phasy (pulses smeared), more is a buzz"),
}  # fmt: skip
"""What :func:`compare_copy` returns."""


def compare_copy(original: np.ndarray, copy: np.ndarray) -> dict[str, float | None]:
    """The figures of :data:`FIGURES` of two (2, samples) of one length, None where there is nothing to measure.

    Raises :class:`~songdiff.evaluation.errors.EvaluationError` where shapes differ or samples are not numbers.
    """
    figures = compare_waveforms(original, copy)
    cells = []
    for a, b in zip(original, copy, strict=True):
        mels = log_mel(a), log_mel(b)
        cells.append(np.abs(mels[0] - mels[1])[np.maximum(*mels) > np.log(AUDIBLE)])
    audible = np.concatenate(cells)
    figures["mel_l1_audible"] = float(audible.mean()) if len(audible) else None

    levels, heard = stereo_width(original)
    figures["width_error_db"] = float(np.abs(levels - stereo_width(copy)[0])[heard].mean()) if heard.any() else None

    mono = original.mean(0), copy.mean(0)
    fluxes = [_flux(x) for x in mono]
    figures["flux_ratio"] = fluxes[1] / fluxes[0] if fluxes[0] > 1e-3 else None
    envelopes = [np.exp(log_mel(x, 20, 512, 128)) for x in mono]
    octaves = _modulation_change(envelopes, SAMPLE_RATE / 128, (4, 8, 16, 32, 64))
    figures["modulation_db"] = None if octaves is None else float(np.abs(octaves).mean())
    rough = _modulation_change(envelopes, SAMPLE_RATE / 128, (32, 128))
    figures["roughness_db"] = None if rough is None else float(rough.mean())
    fine = [spectrum(x, 128, 32)[3:41] for x in mono]
    pulses = _modulation_change(fine, SAMPLE_RATE / 32, (80, 400))
    figures["pulse_db"] = None if pulses is None else float(pulses.mean())
    return figures


def stereo_width(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2, samples) → level of side to mid in dB, −30 … 10, (4, frames), and where the band is audible, likewise.

    The bands of :data:`WIDTH_EDGES`, a frame every 512 samples, powers averaged over 0.1 s.
    """
    powers = []
    bins = np.searchsorted(np.arange(1025) * SAMPLE_RATE / 2048, WIDTH_EDGES)
    for x in (waveform[0] + waveform[1], waveform[0] - waveform[1]):
        power = np.add.reduceat(np.square(spectrum(x / 2, 2048, 512)), bins, axis=0)[:-1]
        powers.append(uniform_filter1d(power, 9, axis=1))
    mid, side = powers
    levels = 10 * np.log10((side + 1e-12) / (mid + 1e-12))
    return levels.clip(_MONO, _WIDE), mid + side > AUDIBLE**2


def pitch_difference(original: np.ndarray, copy: np.ndarray) -> dict[str, float | None]:
    """Of two pitch tracks in Hz, 0 where unvoiced, (frames,): ``pitch_cents``, the median difference in cents over the
    frames that are voiced in both, and ``voicing_changed``, the share of the original's voiced frames that the copy has
    no pitch in, and of its own that the original has none in, over the frames voiced in either."""
    length = min(len(original), len(copy))
    a, b = original[:length], copy[:length]
    both, either = (a > 0) & (b > 0), (a > 0) | (b > 0)
    return {
        "pitch_cents": float(np.median(1200 * np.abs(np.log2(b[both] / a[both])))) if both.any() else None,
        "voicing_changed": float((either & ~both).sum() / either.sum()) if either.any() else None,
    }


def pre_echo(original: np.ndarray, copy: np.ndarray, onsets: np.ndarray) -> float | None:
    """How much more sounds in the 20 ms before an onset, in dB against the 20 ms after it: the mean of the onsets.

    Args:
        original, copy: (2, samples).
        onsets: seconds; each is taken where the original rises most within 15 ms.

    Only attacks count, onsets before which the original is 10 dB and more below what follows; what lies 40 dB below
    counts as silent. None without attacks.
    """
    before = [_before_after(waveform) for waveform in (original, copy)]
    changes = []
    for onset in onsets:
        around = round(onset * SAMPLE_RATE) + np.arange(-660, 661, 22)
        around = around[(around >= _PRE) & (around <= original.shape[1] - _PRE)]
        if len(around) < 61:
            continue
        at = around[before[0][around].argmin()]
        if before[0][at] < _ATTACK:
            changes.append(max(before[1][at], _QUIET) - max(before[0][at], _QUIET))
    return float(np.mean(changes)) if changes else None


def _before_after(waveform: np.ndarray) -> np.ndarray:
    """Energy of the 20 ms before against that of the 20 ms after every sample, in dB; −80 dBFS is silence."""
    total = np.concatenate([[0.0], np.cumsum(np.square(waveform, dtype=np.float64).mean(0))])
    at = np.arange(waveform.shape[1])
    past = total[at] - total[np.maximum(at - _PRE, 0)]
    future = total[np.minimum(at + _PRE, len(at))] - total[at]
    return 10 * np.log10((past + 1e-8 * _PRE) / (future + 1e-8 * _PRE))


def _flux(mono: np.ndarray) -> float:
    levels = np.maximum(log_mel(mono, 40, 512, 128), np.log(AUDIBLE))
    return float(np.maximum(np.diff(levels, axis=1), 0).mean()) if levels.shape[1] > 1 else 0.0


def _modulation_change(envelopes: Sequence[np.ndarray], rate: float, edges: Sequence[int]) -> np.ndarray | None:
    """(bands, octaves) in dB: power between ``edges`` Hz of the second of ``envelopes``, over the first's.

    Both are (bands, frames), taken relative to their means; spectra are averaged over half-overlapping seconds (Welch,
    1967). Of the bands that are audible in the first; None where none is.
    """
    a, b = envelopes
    audible = a.mean(1) > AUDIBLE
    if not audible.any() or a.shape[1] < rate / 2:
        return None
    powers = []
    for envelope in (a[audible], b[audible]):
        relative = envelope / np.maximum(envelope.mean(1, keepdims=True), 1e-4) - 1
        hertz, density = welch(relative, rate, nperseg=min(round(rate), relative.shape[1]), axis=1)
        inside = [(hertz >= low) & (hertz < high) for low, high in itertools.pairwise(edges)]
        powers.append(np.stack([density[:, some].sum(1) * hertz[1] for some in inside], 1))
    return 10 * np.log10((powers[1] + 1e-4) / (powers[0] + 1e-4))
