"""Who plays when: the bars as the players see them, their intensity, and how a note is played."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..score import Note
from .form import Form
from .grid import Grid
from .harmony import Harmony

INTENSITY = {"intro": 0, "verse": 1, "prechorus": 2, "chorus": 3, "bridge": 2, "solo": 3, "break": 1, "outro": 1}
_JITTER = 0.006  # seconds


@dataclass(frozen=True)
class Bar:
    """One bar for the players; ``intensity`` 0 … 3; ``chords`` in order, slots counted from bar 0."""

    index: int
    slot: int
    label: str
    intensity: int
    opening: bool
    closing: bool
    final: bool
    chords: tuple[Harmony, ...]

    def chord_at(self, slot: int) -> Harmony:
        """The chord that sounds at a slot of this bar."""
        return next((c for c in reversed(self.chords) if c.slot <= slot), self.chords[0])


def bars_of(form: Form, chords: list[Harmony], arousal: float) -> list[Bar]:
    """All bars of the song. Later verses and the last chorus are played fuller; arousal −1 … 1 shifts everything."""
    size = form.grid.slots_per_bar
    bars: list[Bar] = []
    verses = 0
    shift = 1 if arousal > 0.6 else -1 if arousal < -0.6 else 0
    for section in form.sections:
        level = INTENSITY[section.label]
        if section.label == "verse":
            verses += 1
            level += verses > 1
        level = max(0, min(3, level + (shift if section.label not in ("intro", "break") else 0)))
        for offset in range(section.bars):
            index = section.bar + offset
            bars.append(
                Bar(
                    index=index,
                    slot=index * size,
                    label=section.label,
                    intensity=level,
                    opening=offset == 0,
                    closing=offset == section.bars - 1 and section.bars > 1,
                    final=index == form.final_bar,
                    chords=tuple(c for c in chords if index * size <= c.slot < (index + 1) * size),
                )
            )
    return bars


class Hand:
    """A player's hands: slots become seconds with a human spread, and nothing sounds outside the song."""

    def __init__(self, grid: Grid, duration: float, rng: random.Random, spread: int = 6) -> None:
        self.grid, self.duration, self.rng, self.spread = grid, duration, rng, spread
        self.notes: list[Note] = []

    def play(self, slot: float, length: float, pitch: int, velocity: int, early: float = 0.98) -> None:
        """Add a note of ``length`` slots at ``slot``; ``early`` is the share of it that sounds."""
        start = self.grid.time(slot)
        end = start + (self.grid.time(slot + length) - start) * early
        self.sound(start, end, pitch, velocity)

    def sound(self, start: float, end: float, pitch: int, velocity: int) -> None:
        """Add a note by seconds, with a little jitter. What lies outside the song is cut off or left out."""
        start += self.rng.gauss(0.0, 1.0) * _JITTER / 2.5 if start > 0.01 else 0.0
        start = max(0.0, start)
        end = min(end, self.duration - 0.02)
        if end - start < 0.02:
            return
        loud = max(1, min(127, velocity + self.rng.randint(-self.spread, self.spread)))
        self.notes.append(Note(start=start, end=end, pitch=pitch, velocity=loud))

    def last(self, pitch: int, velocity: int, bar: Bar) -> None:
        """The note that ends the song: from the final bar's line to just before the end, softly let go."""
        self.sound(self.grid.time(bar.slot), self.duration - 0.08, pitch, velocity)

    def done(self) -> list[Note]:
        """The notes in order of time, one string a pitch: a note ends where the same pitch starts again."""
        notes = sorted(self.notes, key=lambda note: (note.start, note.pitch, -note.end))
        following: dict[int, Note] = {}
        kept: list[Note] = []
        for note in reversed(notes):
            after = following.get(note.pitch)
            if after is not None and note.end > after.start:
                if after.start - note.start < 0.02:
                    continue
                note = note.model_copy(update={"end": after.start})
            following[note.pitch] = note
            kept.append(note)
        return kept[::-1]
