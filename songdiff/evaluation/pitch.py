"""Sung pitch against the notes that were asked for."""

from __future__ import annotations

import numpy as np

from ..score import Note

HOP_SECONDS = 0.01


def pitch_track(waveform: np.ndarray, sample_rate: int = 44100) -> np.ndarray:
    """(2, samples) → fundamental frequency in Hz every 10 ms, 0 where unvoiced.

    WORLD's Harvest (Morise, Interspeech 2017, doi:10.21437/Interspeech.2017-68).
    """
    import pyworld

    mono = np.ascontiguousarray(waveform.mean(0), dtype=np.float64)
    f0, _ = pyworld.harvest(mono, sample_rate, f0_floor=60.0, f0_ceil=900.0, frame_period=1000 * HOP_SECONDS)
    return f0


def pitch_accuracy(f0: np.ndarray, melody: list[Note], cents: float = 50.0) -> tuple[int, int]:
    """(frames within ``cents`` of the note sounding there, voiced frames under a note)."""
    times = np.arange(len(f0)) * HOP_SECONDS
    target = np.zeros(len(f0))
    for note in melody:
        target[(times >= note.start) & (times < note.end)] = note.pitch
    both = (f0 > 0) & (target > 0)
    error = 100 * np.abs(69 + 12 * np.log2(f0[both] / 440.0) - target[both])
    return int((error <= cents).sum()), int(both.sum())
