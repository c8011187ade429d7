"""An edited song against its source: is the rest untouched, and can one hear where the edit begins and ends?"""

from __future__ import annotations

import numpy as np

from .errors import EvaluationError, Figure, check_waveform
from .sound import spectrum

_HOP, _N_FFT = 256, 1024
_LEVEL = 0.2  # seconds on either side of a border whose levels are compared

FIGURES = {
    "outside_difference": Figure("of full scale", "low", "largest change of a sample outside; 0 is bit-exact"),
    "outside_changed_share": Figure("share", "low", "of samples outside that changed at all"),
    "inside_change_db": Figure("dB", "target", "what changed inside, against the source's level there"),
    "seam_flux_percentile": Figure("%", "low", "rank of the worst border's spectral flux among the song's own"),
    "seam_flux_ratio": Figure("ratio", "low", "the worst border's flux over the median of the song's own"),
    "seam_level_jump_db": Figure("dB", "low", "largest change of level from 0.2 s before a border to 0.2 s after"),
}
"""What :func:`measure_edit` returns."""


def measure_edit(
    source: np.ndarray,
    edited: np.ndarray,
    spans: list[tuple[float, float]],
    sample_rate: int,
    cross_fade: float = 0.1,
) -> dict[str, float | None]:
    """The figures of :data:`FIGURES`.

    Args:
        source, edited: (2, samples), of one length.
        spans: (start, end) in seconds of what was edited. "Outside" is what lies farther than ``cross_fade`` seconds
            from all of them.
        sample_rate: in Hz.
        cross_fade: seconds outside a span that the edit may touch.

    Borders at the very start or end of the song are none. The flux of a border is the largest within ``cross_fade`` of
    it (at least 20 ms); the song's own are those of all stretches as long, outside the spans. Raises
    :class:`EvaluationError` where lengths differ or a span lies outside the song.
    """
    check_waveform(source, "source")
    check_waveform(edited, "edited")
    samples, duration = source.shape[1], source.shape[1] / sample_rate
    if edited.shape != source.shape:
        raise EvaluationError(f"edited: {edited.shape[1]} samples, the source {samples}; an edit keeps the length")
    for start, end in spans:
        if not 0 <= start < end <= duration + 0.05:
            raise EvaluationError(
                f"span {start:g}-{end:g} s does not lie within the song of {duration:g} s; give start < end"
            )
    if not spans:
        raise EvaluationError("spans: none given; name what was edited as (start, end) in seconds")
    inside, touched = np.zeros(samples, bool), np.zeros(samples, bool)
    for start, end in spans:
        inside[round(start * sample_rate) : round(end * sample_rate)] = True
        touched[max(0, round((start - cross_fade) * sample_rate)) : round((end + cross_fade) * sample_rate)] = True
    change = np.abs(edited.astype(np.float64) - source).max(0)
    figures: dict[str, float | None] = dict.fromkeys(FIGURES)
    if not touched.all():
        figures["outside_difference"] = float(change[~touched].max())
        figures["outside_changed_share"] = float((change[~touched] > 0).mean())
    level = float(np.square(source[:, inside], dtype=np.float64).mean())
    if level > 0:
        figures["inside_change_db"] = float(10 * np.log10(max(np.square(change[inside]).mean() / level, 1e-20)))
    borders = [time for span in spans for time in span if 0.05 < time < duration - 0.05]
    if borders:
        figures |= _seams(edited, borders, touched, sample_rate, max(cross_fade, 0.02))
    return figures


def _seams(
    edited: np.ndarray, borders: list[float], touched: np.ndarray, sample_rate: int, reach: float
) -> dict[str, float | None]:
    flux = spectral_flux(edited.mean(0))
    width = max(1, round(reach * sample_rate / _HOP))
    padded = np.pad(flux, width)
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * width + 1).max(1)  # around every frame
    own = highest[~touched[np.minimum(np.arange(len(flux)) * _HOP, len(touched) - 1)]]
    at = [min(len(flux) - 1, int(time * sample_rate / _HOP)) for time in borders]
    worst = float(highest[at].max())
    jumps = []
    for time in borders:
        middle, length = round(time * sample_rate), round(_LEVEL * sample_rate)
        before, after = edited[:, max(0, middle - length) : middle], edited[:, middle : middle + length]
        levels = [10 * np.log10(np.square(part, dtype=np.float64).mean() + 1e-8) for part in (before, after)]
        jumps.append(abs(levels[1] - levels[0]))
    figures: dict[str, float | None] = {"seam_level_jump_db": float(max(jumps))}
    if len(own):
        figures["seam_flux_percentile"] = float(100 * (own < worst).mean())
        figures["seam_flux_ratio"] = worst / max(float(np.median(own)), 1e-9)
    return figures


def spectral_flux(mono: np.ndarray) -> np.ndarray:
    """(samples,) → (frames,), one every 256 samples: the mean rise of the log spectrum from one frame to the next."""
    levels = np.log(np.maximum(spectrum(mono, _N_FFT, _HOP), 1e-3))
    return np.maximum(np.diff(levels, axis=1, prepend=levels[:, :1]), 0).mean(0)
