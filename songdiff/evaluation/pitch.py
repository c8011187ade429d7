"""Sung pitch against the notes that were asked for."""

from __future__ import annotations

import numpy as np

from ..score import Note

HOP_SECONDS = 0.01


def pitch_track(waveform: np.ndarray, sample_rate: int = 44100, block: float = 60.0) -> np.ndarray:
    """(2, samples) → fundamental frequency in Hz every 10 ms, 0 where unvoiced.

    WORLD's Harvest (Morise, Interspeech 2017, doi:10.21437/Interspeech.2017-68), which takes 20 MB a second: longer
    songs go through it in pieces of ``block`` seconds (a multiple of 10 ms), each with a second of its neighbours.
    """
    import pyworld

    mono = np.ascontiguousarray(waveform.mean(0), dtype=np.float64)
    count, size, margin = int(len(mono) / sample_rate / HOP_SECONDS) + 1, round(block / HOP_SECONDS), 100
    pieces = []
    for start in range(0, count, size):
        first = max(0, start - margin)
        low, high = (round(frame * HOP_SECONDS * sample_rate) for frame in (first, start + size + margin))
        f0, _ = pyworld.harvest(
            mono[low:high], sample_rate, f0_floor=60.0, f0_ceil=900.0, frame_period=1000 * HOP_SECONDS
        )
        pieces.append(f0[start - first : min(start + size, count) - first])
    return np.concatenate(pieces)


def pitch_accuracy(f0: np.ndarray, melody: list[Note], cents: float = 50.0) -> tuple[int, int]:
    """(frames within ``cents`` of the note sounding there, voiced frames under a note)."""
    times = np.arange(len(f0)) * HOP_SECONDS
    target = np.zeros(len(f0))
    for note in melody:
        target[(times >= note.start) & (times < note.end)] = note.pitch
    both = (f0 > 0) & (target > 0)
    error = 100 * np.abs(69 + 12 * np.log2(f0[both] / 440.0) - target[both])
    return int((error <= cents).sum()), int(both.sum())
