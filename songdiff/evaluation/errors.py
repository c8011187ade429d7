"""What the measures refuse, each with one clear line."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import InputError
from ..score import TRACKS


class EvaluationError(InputError):
    """A song that cannot be measured; the message names what is wrong with it and the remedy."""


class Figure(NamedTuple):
    """What a figure says. ``better`` is "high", "low", or "target" where a value in between is wanted."""

    unit: str
    better: str
    meaning: str


def check_waveform(waveform: np.ndarray, name: str, finite: bool = True) -> None:
    """Raise :class:`EvaluationError` unless ``waveform`` is (2, samples) of floating point, finite if it must be."""
    if not isinstance(waveform, np.ndarray) or waveform.ndim != 2 or waveform.shape[0] != 2 or not waveform.shape[1]:
        shape = getattr(waveform, "shape", type(waveform).__name__)
        raise EvaluationError(
            f"{name}: {shape} is not the shape (2, samples) of a stereo song; double mono, or transpose"
        )
    if not np.issubdtype(waveform.dtype, np.floating):
        raise EvaluationError(f"{name}: samples are {waveform.dtype}; give floating point between -1 and 1")
    if finite and not np.isfinite(waveform).all():
        count = int((~np.isfinite(waveform)).sum())
        raise EvaluationError(f"{name}: {count} samples are not numbers; render the song again")


def check_stems(stems: dict[str, np.ndarray]) -> int:
    """Samples of each stem. Raises :class:`EvaluationError` unless all four are there, finite and of one length."""
    missing = [track for track in TRACKS if track not in stems]
    if missing:
        raise EvaluationError(f"stems: no {', '.join(missing)}; give all of {', '.join(TRACKS)}, silent where unused")
    for track in TRACKS:
        check_waveform(stems[track], f"stem {track}")
    lengths = {track: stems[track].shape[1] for track in TRACKS}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{track} {length}" for track, length in lengths.items())
        raise EvaluationError(f"stems: lengths differ ({said} samples); cut or pad them to one length")
    return lengths["vocals"]
