"""Where the Score says that a track rests: cells that need no model, because they are known to be silent."""

from __future__ import annotations

import torch
from torch import Tensor

from ..score import TRACKS, Score

REST_AFTER = 3.0  # seconds after its last note in which a track still sounds; the corpus fades its tails by then
REST_BEFORE = {"vocals": 0.75, "drums": 0.1, "bass": 0.1, "other": 0.1}
"""Seconds before the next note: a breath and consonants, an attack that comes early."""


def resting_cells(score: Score, num_frames: int, frame_rate: float) -> Tensor:
    """(K, T), True = the track rests there; False throughout where the notes of a track are unknown."""
    cells = torch.zeros(len(TRACKS), num_frames, dtype=torch.bool)
    for k, track in enumerate(TRACKS):
        notes = score.track_notes(track)
        if notes is None or (track == "vocals" and score.phonemes is None and score.lines):
            continue
        sounding = [*notes, *((score.phonemes or []) if track == "vocals" else [])]
        sounding += [note for part in score.backing or [] for note in part.notes] if track == "vocals" else []
        cells[k] = True
        for event in sounding:
            first = max(0, int((event.start - REST_BEFORE[track]) * frame_rate))
            cells[k, first : int((event.end + REST_AFTER) * frame_rate) + 1] = False
    return cells
