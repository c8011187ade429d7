"""Which controls a training example may see: the model learns to live without each, as a whole and over spans."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .frames import CONTROLS, FrameConditions

PLAN_ONLY = tuple(group for group in CONTROLS if group != "phonemes")


def drop_controls(
    conditions: FrameConditions,
    rng: np.random.Generator,
    whole: float = 0.15,
    span: float = 0.15,
    everything: float = 0.1,
) -> FrameConditions:
    """One example (no batch dimension) with controls dropped at random.

    ``everything``: chance that no control is left (the unconditional branch of guidance); as often again only the
    phonemes are left, at whatever grain they are timed (``planner="none"`` needs them by line). Otherwise each group is
    dropped as a whole with chance ``whole`` and, with chance ``span``, over a random span.
    """
    draw = rng.random()
    if draw < everything:
        return conditions.drop(CONTROLS)
    if draw < 2 * everything:
        return conditions.drop(PLAN_ONLY)
    conditions = conditions.drop(tuple(group for group in CONTROLS if rng.random() < whole))
    for group in CONTROLS:
        if rng.random() < span:
            start, stop = sorted(rng.integers(0, conditions.num_frames + 1, 2).tolist())
            conditions = conditions.drop((group,), start, stop)
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
