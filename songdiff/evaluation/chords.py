"""Chords per bar from chroma, by templates (Fujishima, ICMC 1999), against the chords that were asked for."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from ..models.spectra import stft
from ..score import PITCH_CLASSES, Score, chord_pitch_classes

N_FFT, HOP = 8192, 2048


def chroma(waveform: np.ndarray, sample_rate: int = 44100) -> np.ndarray:
    """(2, samples) → (12, frames) energy per pitch class between 55 Hz and 1760 Hz, a frame every 2048 samples."""
    mono = torch.from_numpy(np.ascontiguousarray(waveform.mean(0), dtype=np.float32))
    mono = torch.nn.functional.pad(mono, (0, -len(mono) % HOP))
    magnitude = stft(mono[None], N_FFT, HOP)[0].abs().numpy()
    frequencies = np.arange(len(magnitude)) * sample_rate / N_FFT
    bins = np.flatnonzero((frequencies > 55) & (frequencies < 1760))
    pitch_class = np.round(69 + 12 * np.log2(frequencies[bins] / 440)).astype(int) % 12
    result = np.zeros((12, magnitude.shape[1]))
    np.add.at(result, pitch_class, magnitude[bins] ** 2)
    return np.sqrt(result)


def bars(score: Score) -> list[tuple[float, float]]:
    """(start, end) in seconds of each whole bar within the song."""
    downbeats = [beat.time for beat in score.beats or [] if beat.position == 1 and beat.time <= score.duration]
    return list(itertools.pairwise(downbeats))


def asked_chords(score: Score, spans: list[tuple[float, float]]) -> list[int | None]:
    """Root + 12·minor of the chord that fills most of each span; None where there is none, or it has no third."""
    labels: list[int | None] = []
    for start, end in spans:
        overlaps = [(min(end, c.end) - max(start, c.start), c.label) for c in score.chords or []]
        length, label = max(overlaps, default=(0.0, "N"))
        root, pitch_classes = chord_pitch_classes(label)
        thirds = [] if root is None else [step for step in (4, 3) if (root + step) % 12 in pitch_classes]
        labels.append(None if length <= 0 or root is None or not thirds else root + (12 if thirds[0] == 3 else 0))
    return labels


def heard_chords(features: np.ndarray, spans: list[tuple[float, float]], sample_rate: int = 44100) -> list[int | None]:
    """The best of 24 major and minor triads for each span of chroma frames; None where it is silent."""
    templates = np.zeros((24, 12))
    for root in range(len(PITCH_CLASSES)):
        for minor, third in enumerate((4, 3)):
            templates[root + 12 * minor, [root, (root + third) % 12, (root + 7) % 12]] = 1
    templates -= templates.mean(1, keepdims=True)
    labels: list[int | None] = []
    for start, end in spans:
        total = features[:, int(start * sample_rate / HOP) : int(end * sample_rate / HOP) + 1].sum(1)
        labels.append(int((templates @ total).argmax()) if total.sum() > 1e-3 else None)
    return labels


def chord_accuracy(features: np.ndarray, score: Score) -> tuple[int, int]:
    """(bars whose heard chord is the one asked for, bars with a chord of known third), silent bars counted as wrong."""
    spans = bars(score)
    pairs = [
        (a, h) for a, h in zip(asked_chords(score, spans), heard_chords(features, spans), strict=True) if a is not None
    ]
    return sum(a == h for a, h in pairs), len(pairs)
