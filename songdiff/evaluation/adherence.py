"""Two plain shares of how well a song keeps to its Score: sung pitch, and chords bar by bar."""

from __future__ import annotations

import numpy as np

from ..score import Score
from .chords import chord_accuracy, chroma
from .pitch import pitch_accuracy, pitch_track


def measure_adherence(score: Score, stems: dict[str, np.ndarray]) -> dict[str, float | None]:
    """Figures of one song, None where the Score does not say what to hear.

    ``pitch_within_50_cents`` of voiced frames under a note, ``voiced`` share of the notes' time in which any pitch is
    heard, ``chords_right`` share of bars whose best triad in bass + other is the one asked for. ``stems`` are
    (2, samples) at 44.1 kHz.
    """
    figures: dict[str, float | None] = {"pitch_within_50_cents": None, "voiced": None, "chords_right": None}
    if score.melody:
        right, voiced = pitch_accuracy(pitch_track(stems["vocals"]), score.melody)
        asked = sum(note.end - note.start for note in score.melody)
        figures["pitch_within_50_cents"] = right / voiced if voiced else 0.0
        figures["voiced"] = min(1.0, voiced / 100 / max(asked, 0.01))
    if score.chords and score.parts:
        right, bars = chord_accuracy(chroma(stems["other"] + stems["bass"]), score)
        figures["chords_right"] = right / bars if bars else None
    return figures
