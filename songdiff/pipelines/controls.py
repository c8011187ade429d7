"""What a user chose of a song beside its lyrics and style; each field may be left open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..composer import parse_chords, parse_dynamics, parse_emotion, parse_singer
from ..composer.grid import METERS
from ..composer.style import parse_key
from ..errors import InputError
from ..score import TRACKS, Chord, Emotion, Level, Note, Score, Singer, melody_from_midi

PLANNED = ("bpm", "key", "time_signature", "chords", "melody")  # what a score, once written, has for good


@dataclass(frozen=True)
class Controls:
    """``bpm`` felt beats a minute; ``key`` as in "D minor"; ``time_signature`` as in "3/4"; ``chords`` names of the
    Score, bar by bar, repeated; ``melody`` a note for every syllable; the rest as in the Score.

    Raises :class:`InputError` naming the field.
    """

    bpm: float | None = None
    key: str | None = None
    time_signature: str | None = None
    chords: list[list[str]] | None = None
    melody: list[Note] | None = None
    singer: Singer | None = None
    emotion: list[Emotion] | None = None
    dynamics: dict[str, list[Level]] | None = None

    def __post_init__(self) -> None:
        if self.bpm is not None and not 30 <= self.bpm <= 300:
            raise InputError(f"bpm: {self.bpm:g} is out of range; choose 30 to 300")
        if self.key is not None and parse_key(self.key) is None:
            raise InputError(f"key: {self.key!r} is not understood; write for example 'D minor' or 'Bb major'")
        if self.time_signature not in (None, *METERS):
            raise InputError(f"time_signature: {self.time_signature!r} is unknown; choose one of {', '.join(METERS)}")
        unknown = [track for track in self.dynamics or {} if track not in TRACKS]
        if unknown:
            raise InputError(f"dynamics: no track {', '.join(unknown)}; tracks are {', '.join(TRACKS)}")

    @classmethod
    def read(cls, singers: dict[str, dict[str, Any]] | None = None, **values: Any) -> Controls:
        """The same fields, where ``chords, singer, emotion, dynamics`` may be texts (:mod:`songdiff.composer.controls`)
        and ``melody`` a MIDI file. ``singers``: attributes of those known by name."""
        readers: dict[str, Callable[[Any], Any]] = {
            "chords": parse_chords,
            "singer": lambda text: parse_singer(text, singers),
            "emotion": parse_emotion,
            "dynamics": parse_dynamics,
            "melody": melody_from_midi,
        }
        texts = {name: value for name, value in values.items() if name in readers and isinstance(value, str | Path)}
        return cls(**values | {name: readers[name](value) for name, value in texts.items()})

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the fields that are not open."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is not None)

    def for_composer(self) -> dict[str, Any]:
        """Keywords of :func:`songdiff.composer.compose`."""
        return {{"bpm": "tempo"}.get(name, name): getattr(self, name) for name in self.given}

    def check_without_composer(self) -> None:
        """Refuse what only the composer can do."""
        if self.melody is not None:
            raise InputError(
                "melody: the composer lays the words under its notes; leave out planner none, or the melody"
            )
        if self.chords is not None and self.bpm is None:
            raise InputError("chords: without the composer their bars need a tempo; give bpm too")

    def on(self, score: Score) -> Score:
        """``score``, which knows nothing of these, with what was chosen; chords from 0 s on, a bar each."""
        chosen: dict[str, Any] = {
            "tempo": self.bpm,
            "key": None if self.key is None else parse_key(self.key),
            "time_signature": self.time_signature,
            "chords": self._chords(score.duration),
        }
        chosen = {name: value for name, value in chosen.items() if value is not None}
        return self.on_given(score.model_copy(update=chosen), of_a_plan=True)

    def on_given(self, score: Score, of_a_plan: bool = False) -> Score:
        """A score that the user gave, with what does not change its notes. Raises :class:`InputError` for the rest."""
        fixed = [name for name in PLANNED if name in self.given]
        if fixed and not of_a_plan:
            raise InputError(f"{', '.join(fixed)}: the score given has its own; edit it there, or leave out the score")
        chosen: dict[str, Any] = {"emotion": self.emotion} if self.emotion is not None else {}
        if self.dynamics is not None:
            chosen["dynamics"] = (score.dynamics or {}) | self.dynamics
        if self.singer is not None:
            kept = score.singer.model_dump(include={"low", "high", "style"}) if score.singer else {}
            chosen["singer"] = Singer.model_validate(kept | self.singer.model_dump(exclude_unset=True))
        return score.model_copy(update=chosen)

    def _chords(self, duration: float) -> list[Chord] | None:
        if self.chords is None or self.bpm is None:
            return None
        bar, start, chords = METERS[self.time_signature or "4/4"][0] * 60 / self.bpm, 0.0, []
        while start < duration:
            names = self.chords[round(start / bar) % len(self.chords)]
            for i, name in enumerate(names):
                first, last = (min(start + k * bar / len(names), duration) for k in (i, i + 1))
                if last > first:
                    chords.append(Chord(start=first, end=last, label=name))
            start += bar
        return chords
