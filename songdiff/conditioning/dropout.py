"""Which controls a training example may see: the model learns to live without each, as a whole and over spans."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .frames import FrameConditions
from .groups import ATTRIBUTES, CONTROLS, GROUP_NAMES, GROUPS, VOICE

WORDS = ("phonemes", "language")  # what lyrics alone tell
SPARE = ("melody", "chords", "emotion", "dynamics", "tempo", "key", "time_signature", "singer", "singer_name", VOICE)
"""What a user may say without a plan of the song (``planner="none"``)."""
RARE = {"singer_name": 0.5, VOICE: 0.6}  # chance of being dropped of what most songs are made without


def drop_controls(
    conditions: FrameConditions,
    rng: np.random.Generator,
    whole: float = 0.15,
    span: float = 0.15,
    everything: float = 0.1,
) -> FrameConditions:
    """One example (no batch dimension) with controls dropped at random.

    ``everything``: chance that no control is left (the unconditional branch of guidance); as often again the song has
    no plan: the words are left, at whatever grain they are timed (``planner="none"`` needs them by line), and half of
    the time some of :data:`SPARE`. Otherwise each group is dropped as a whole with chance ``whole`` (or :data:`RARE`)
    and, with chance ``span``, over a random span; with chance ``whole`` the clip of the voice alone says who sings;
    each attribute of the singer and each track's level is dropped by itself with chance ``whole``.
    """
    draw = rng.random()
    if draw < everything:
        return conditions.drop(CONTROLS)
    if draw < 2 * everything:
        some = 0.3 * (rng.random() < 0.5)
        kept = WORDS + tuple(group for group in SPARE if rng.random() < some)
        dropped = [group for group in CONTROLS if group not in kept]
    else:
        dropped = [group for group in CONTROLS if rng.random() < RARE.get(group, whole)]
        if rng.random() < whole:
            dropped = [group for group in dropped if group != VOICE] + ["singer", "singer_name"]
    keep = np.ones((conditions.num_frames, len(GROUPS)), bool)
    for index, group in enumerate(GROUP_NAMES):
        if group in dropped:
            keep[:, index] = False
        elif group in CONTROLS and rng.random() < span:
            start, stop = sorted(rng.integers(0, conditions.num_frames + 1, 2).tolist())
            keep[start:stop, index] = False
    conditions = conditions.keep(torch.from_numpy(keep))
    if VOICE in dropped:
        conditions.voice = torch.zeros_like(conditions.voice)
    for group, attributes in ATTRIBUTES.items():
        for attribute in range(len(attributes)):
            if group not in dropped and rng.random() < whole:
                conditions.drop_attribute(group, attribute)
    return conditions


def draw_known_mask(num_tracks: int, num_frames: int, rng: np.random.Generator) -> Tensor:
    """A known-cell mask (K, T), True = known: nothing (half the time), all but a span, a beginning, an end, some
    tracks, or some tracks over a span."""
    known = torch.zeros(num_tracks, num_frames, dtype=torch.bool)
    task = rng.choice(
        ["song", "repaint", "extend", "extend before", "accompany", "mixed"], p=[0.5, 0.15, 0.1, 0.05, 0.1, 0.1]
    )
    start, stop = sorted(rng.integers(0, num_frames + 1, 2).tolist())
    tracks = torch.from_numpy(rng.random(num_tracks) < 0.5)
    if task == "repaint":
        known[:] = True
        known[:, start:stop] = False
    elif task == "extend":
        known[:, :start] = True
    elif task == "extend before":
        known[:, stop:] = True
    elif task == "accompany":
        known[tracks] = True
    elif task == "mixed":
        known[:] = True
        known[tracks, start:stop] = False
    return known
