"""Who plays when: the bars as the players see them, their intensity, and how a note is played."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..score import Note
from .form import Form, SectionPlan
from .genre import Genre
from .grid import Grid
from .harmony import Harmony, Key

INTENSITY = {"intro": 0, "verse": 1, "prechorus": 2, "chorus": 3, "bridge": 2, "solo": 3, "break": 1, "outro": 1}
_JITTER = 0.006  # seconds
_STOPS_WITHIN = 1.8  # seconds left after the last bar line; with more, even a song that stops dead rings out


@dataclass(frozen=True)
class Bar:
    """One bar for the players; ``intensity`` 0 … 3; ``chords`` in order, slots counted from bar 0.

    ``key`` holds here; ``energy`` −1 … 1 thins or fills what is played; ``sung`` says that its section has words;
    ``stop`` that the song ends dead on its first beat. Tracks in ``resting`` ("drums", "bass") have not come in yet.
    """

    index: int
    slot: int
    label: str
    intensity: int
    opening: bool
    closing: bool
    final: bool
    chords: tuple[Harmony, ...]
    key: Key
    energy: float = 0.0
    sung: bool = False
    stop: bool = False
    resting: tuple[str, ...] = ()

    def chord_at(self, slot: int) -> Harmony:
        """The chord that sounds at a slot of this bar."""
        return next((c for c in reversed(self.chords) if c.slot <= slot), self.chords[0])


def bars_of(form: Form, chords: list[Harmony], key: Key, genre: Genre, arousal: float, rng: random.Random) -> list[Bar]:
    """All bars of the song. Later verses and the last chorus are played fuller; arousal −1 … 1 shifts everything."""
    size = form.grid.slots_per_bar
    bars: list[Bar] = []
    verses = 0
    energy = max(-1.0, min(1.0, 0.5 * arousal + 0.9 * (arousal - genre.mood[1])))
    shift = 1 if energy > 0.55 else -1 if energy < -0.55 else 0
    entry = _entry(genre, arousal, rng)
    ringing = form.duration - form.grid.bar_time(form.final_bar)
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
                    key=key.up(section.shift),
                    energy=energy,
                    sung=bool(section.lines),
                    resting=_resting(section, offset, entry, genre),
                    stop=genre.ending == "stop" and ringing < _STOPS_WITHIN,
                )
            )
    return bars


def _entry(genre: Genre, arousal: float, rng: random.Random) -> str:
    """How the band comes in: "together", one after the other ("build"), or the rhythm section with the verse."""
    likes = {"together": 1.0 + 2.0 * max(arousal, 0.0), "build": 4.0 if genre.electronic else 1.0}
    likes["late"] = 1.0 + 2.0 * max(-arousal, 0.0)
    return rng.choices(list(likes), list(likes.values()))[0]


def _resting(section: SectionPlan, offset: int, entry: str, genre: Genre) -> tuple[str, ...]:
    """Who rests in bar ``offset`` of a section: intros may start bare, and clubs drop the drums in a break."""
    if section.label == "break" and genre.electronic and not section.lines:
        return ("drums",) if 0 < offset < section.bars - 1 else ()
    if section.label != "intro" or section.bars < 2 or entry == "together":
        return ()
    if entry == "late":
        return ("drums", "bass")
    return ("drums", "bass") if offset < section.bars // 4 else ("bass",) if offset < section.bars // 2 else ()


def fuller(bar: Bar) -> bool:
    """Whether a player takes the busier of two patterns here."""
    return bar.intensity + (bar.energy > 0.35) - (bar.energy < -0.35) >= 2


def thinned(position: int, bar: Bar, grid: Grid, seed: str) -> bool:
    """Whether calm players leave out their stroke at ``position``: weak ones first, the same ones in every bar."""
    if bar.energy >= 0:
        return False
    weak = 1.0 - grid.accent(position)
    return random.Random(f"{seed}/{position}").random() < -0.75 * bar.energy * weak


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
        """The note that ends the song from the final bar's line: it rings until the end, or stops dead."""
        start = self.grid.time(bar.slot)
        end = min(start + max(0.75 * self.grid.beat, 0.3), self.duration - 0.08) if bar.stop else self.duration - 0.08
        self.sound(start, end, pitch, velocity)

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
