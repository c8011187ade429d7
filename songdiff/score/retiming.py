"""A Score on other beats: every time in it goes through one map, so that a plan at a steady tempo fits a recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from .score import Note, Score, Span

_LEAST = 0.02  # seconds of a note that the song's ends have cut
_S = TypeVar("_S", bound=Span)


def retime(score: Score, steady: Sequence[float], heard: Sequence[float], duration: float) -> Score:
    """``score`` with what lies at ``steady[i]`` seconds moved to ``heard[i]``, linear between and beyond them.

    Both rise, and have two times or more. The result lasts ``duration`` seconds; notes that would lie outside are left
    out, and all else is cut there. Its tempo is that of the beats that were heard.
    """
    old, new = np.asarray(steady, float), np.asarray(heard, float)

    def at(time: float) -> float:
        if time <= old[0]:
            moved = new[0] + (time - old[0]) * (new[1] - new[0]) / (old[1] - old[0])
        elif time >= old[-1]:
            moved = new[-1] + (time - old[-1]) * (new[-1] - new[-2]) / (old[-1] - old[-2])
        else:
            moved = np.interp(time, old, new)
        return float(moved)

    def spans(row: Sequence[_S] | None) -> list[_S] | None:
        return None if row is None else [_placed(span, at, duration) for span in row]

    def notes(row: Sequence[Note] | None) -> list[Note] | None:
        return None if row is None else [n for n in spans(row) or [] if n.end - n.start >= _LEAST]

    def points(row: Sequence[Any] | None) -> list[Any] | None:
        return None if row is None else [p.model_copy(update={"time": _within(at(p.time), duration)}) for p in row]

    beats = None if score.beats is None else [(at(beat.time), beat) for beat in score.beats]
    parts = [part.model_copy(update={"notes": notes(part.notes)}) for part in score.parts or []]
    backing = [b.model_copy(update={"notes": notes(b.notes)}) for b in spans(score.backing) or []]
    return score.model_copy(
        update={
            "duration": duration,
            "tempo": None if score.tempo is None else score.tempo * float((old[-1] - old[0]) / (new[-1] - new[0])),
            "beats": None
            if beats is None
            else [b.model_copy(update={"time": max(0.0, t)}) for t, b in beats if -_LEAST < t < duration],
            "sections": _sounding(spans(score.sections)),
            "chords": _sounding(spans(score.chords)),
            "lines": spans(score.lines),
            "words": spans(score.words),
            "phonemes": spans(score.phonemes),
            "melody": notes(score.melody),
            "parts": None if score.parts is None else parts,
            "backing": None if score.backing is None else backing,
            "emotion": points(score.emotion),
            "dynamics": None
            if score.dynamics is None
            else {track: points(row) for track, row in score.dynamics.items()},
        }
    )


def _within(time: float, duration: float) -> float:
    return min(max(time, 0.0), duration)


def _placed(span: _S, at: Callable[[float], float], duration: float) -> _S:
    return span.model_copy(update={"start": _within(at(span.start), duration), "end": _within(at(span.end), duration)})


def _sounding(row: list[_S] | None) -> list[_S] | None:
    return None if row is None else [span for span in row if span.end - span.start >= _LEAST]
