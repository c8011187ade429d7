"""How loud each track plays, section by section: the curve a mixer would draw."""

from __future__ import annotations

import random
from typing import Literal

from ..score import Level, Section
from .genre import Genre

Track = Literal["vocals", "drums", "bass", "other"]
LIMIT = 6.0  # decibels either side of the track's own level
_SECTION = {
    "intro": -3.0, "verse": -2.0, "prechorus": -0.5, "chorus": 1.5, "bridge": -0.5, "solo": 0.8, "break": -3.5,
    "outro": -2.0,
}  # fmt: skip
_SHARE: dict[Track, float] = {"vocals": 0.5, "drums": 1.0, "bass": 0.8, "other": 1.0}
_RISE = 3.0  # decibels of the crescendo into the last chorus
_TURN = 0.12  # seconds from one section's level to the next
_TAPER = 1.5  # decibels that a ringing end falls


def plan_dynamics(
    sections: list[Section], tracks: list[Track], genre: Genre, arousal: float, rng: random.Random
) -> dict[Track, list[Level]]:
    """A curve for each of ``tracks`` over ``sections`` (which cover the song), within ±:data:`LIMIT` decibels.

    Choruses stand out, breaks and ends step back; the section before the last chorus swells; arousal (−1 … 1) lifts
    the whole and widens the contrast, by the genre's taste for it.
    """
    contrast = genre.contrast * (0.85 + 0.3 * (arousal + 1) / 2) * rng.uniform(0.85, 1.15)
    choruses = [i for i, section in enumerate(sections) if section.label == "chorus" and i]
    last = choruses[-1] if len(choruses) > 1 else None
    verses = 0
    curve: list[tuple[float, float]] = []
    for i, section in enumerate(sections):
        level = _SECTION[section.label]
        if section.label == "verse":
            level += 0.6 * min(verses, 2)
            verses += 1
        level += 0.8 if i == last else 0.0
        end = level
        if last is not None and i == last - 1:
            level, end = level - 0.3 * _RISE, min(level + 0.7 * _RISE, 1.5)
        elif i == len(sections) - 1 and genre.ending == "ring":
            end -= _TAPER
        elif section.label == "intro":
            end += 0.8
        turn = min(_TURN, (section.end - section.start) / 3)
        curve += [(section.start + (turn if i else 0.0), level), (section.end, end)]
    levels: dict[Track, list[Level]] = {}
    for track in tracks:
        levels[track] = [
            Level(time=time, decibels=max(-LIMIT, min(LIMIT, _SHARE[track] * contrast * level + arousal)))
            for time, level in curve
        ]
    return levels
