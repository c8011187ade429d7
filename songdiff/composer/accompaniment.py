"""A plan for the tracks that a recording lacks: composed at a steady tempo, then laid on the beats of the recording."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..lyrics import Lyrics
from ..score import Beat, Chord, Note, Score, Section
from ..score.retiming import retime
from .compose import compose
from .given import Take
from .grid import METERS
from .text import ComposeError

_ON = 0.03  # seconds: a bar line as near to the start counts as there


def accompaniment(
    prompt: str,
    *,
    duration: float,
    beats: Sequence[Beat],
    chords: Sequence[Chord],
    key: str | None,
    time_signature: str,
    melody: Sequence[Note] | None = None,
    sections: Sequence[Section] | None = None,
    lyrics: Lyrics | None = None,
    seed: int = 0,
    **controls: Any,
) -> Score:
    """Compose a song in the style of ``prompt`` for ``duration`` seconds that are given in part.

    ``beats`` (a downbeat has position 1) and ``chords`` are the recording's and cover it; beats need not be regular,
    and without chords the band plays its own. ``melody``: notes of the recording's voice, to which the players leave
    room; ``sections``: its form. ``lyrics`` are sung where there is no such voice, from the first whole bar on.
    ``controls``: further arguments of :func:`compose`. Raises :class:`ComposeError`.
    """
    times, downbeats = _grid(beats, METERS[time_signature][0], duration, whole=lyrics is not None)
    period = float((times[-1] - times[0]) / (len(times) - 1))
    steady = period * np.arange(len(times))
    length = float(np.interp(duration, times, steady))
    bars = [_names(chords, a, b) for a, b in itertools.pairwise(downbeats)] if chords else []
    sung = [
        note.model_copy(update={"start": float(a), "end": float(b)})
        for note in melody or []
        if (a := np.interp(note.start, times, steady)) < (b := np.interp(note.end, times, steady))
    ]
    form: list[tuple[str, int]] = []
    for section in sections or []:
        bar = 0 if not form else int(np.abs(np.array(downbeats) - section.start).argmin())
        form = [(label, at) for label, at in form if at < bar] + [(section.label, bar)]
    if length < 2:
        raise ComposeError(f"the given audio has {length:.1f} s after its first bar line; at least 2 s are needed")
    tempo = 60 / period
    score = compose(
        lyrics,
        prompt,
        duration=length,
        seed=seed,
        tempo=tempo,
        key=key,
        time_signature=time_signature,
        take=Take(bars, sung, form),
        **controls,
    )
    score = retime(score, list(steady), list(times), duration)
    known: dict[str, Any] = {"beats": list(beats), "chords": list(chords), "sections": list(sections or [])}
    return score.model_copy(update={name: rows for name, rows in known.items() if rows})


def _grid(beats: Sequence[Beat], per_bar: int, duration: float, whole: bool) -> tuple[np.ndarray, list[float]]:
    """Times of all beats from a bar line on to beyond the duration, and of the bar lines among them.

    The first bar line lies at or before 0, in front of a bar that the recording cuts; the first one in it for
    ``whole``.
    """
    times = [beat.time for beat in beats]
    if len(times) < 2:
        raise ComposeError("the beats of the given audio are unknown; give its tempo and the first beat")
    first = next((i for i, beat in enumerate(beats) if beat.position == 1), 0)
    before, after = (float(np.diff(part).mean()) for part in (times[:9], times[-9:]))
    if whole:
        times = times[first:]
    else:
        lead = -first % per_bar
        lead += per_bar if times[0] - lead * before > _ON else 0
        times = [times[0] - before * k for k in range(lead, 0, -1)] + times
    more = math.ceil((duration - times[-1]) / after) + per_bar
    times = times + [times[-1] + after * k for k in range(1, more + 1)]
    lines = times[::per_bar]
    return np.array(times), lines[: bisect.bisect_left(lines, duration) + 1]


def _names(chords: Sequence[Chord], start: float, end: float) -> list[str]:
    """The chords of a bar: one, or one for each half."""

    def at(time: float) -> str:
        return next((c.label for c in reversed(chords) if c.start <= time), chords[0].label)

    halves = [at(start + share * (end - start)) for share in (0.25, 0.75)]
    return halves[:1] if halves[0] == halves[1] else halves
