"""The Score: who sings and plays what, when.

The one object between words and sound. It knows seconds, MIDI pitches and chord names; no tensors and no audio.
Every field except ``duration`` may be unknown: ``None`` says "unknown" (the transformer decides), an empty list says
"known to be empty" (an instrumental song has ``phonemes == []`` and ``melody == []``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import InputError
from ..lyrics.phonemes import INVENTORY

TRACKS = ("vocals", "drums", "bass", "other")
SECTION_LABELS = ("intro", "verse", "prechorus", "chorus", "bridge", "solo", "break", "outro")
PITCH_CLASSES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
CHORD_QUALITIES: dict[str, tuple[int, ...]] = {  # semitones above the root; names after Harte et al., ISMIR 2005
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "hdim7": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "6": (0, 4, 7, 9),
    "min6": (0, 3, 7, 9),
    "9": (0, 4, 7, 10, 2),
    "5": (0, 7),
}


class ScoreError(InputError):
    """A Score that cannot be read; the message names the file, the field and the remedy."""


class Span(BaseModel):
    """A stretch of time in seconds, ``0 <= start <= end``."""

    model_config = ConfigDict(extra="forbid")
    start: float = Field(ge=0, allow_inf_nan=False)
    end: float = Field(ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _ordered(self) -> Span:
        if self.end < self.start:
            raise ValueError(f"end {self.end:g} s lies before start {self.start:g} s")
        return self


class Section(Span):
    """A part of the form. ``key`` where it is not the song's (a modulation): ``"D major"``."""

    label: Literal["intro", "verse", "prechorus", "chorus", "bridge", "solo", "break", "outro"]
    key: str | None = None


class Chord(Span):
    """``label`` is ``root:quality`` such as ``Db:maj`` or ``A:min7``, or ``N`` for no chord."""

    label: str

    @model_validator(mode="after")
    def _known(self) -> Chord:
        chord_pitch_classes(self.label)
        return self


class Line(Span):
    """One sung line; ``section`` is the label of the section it belongs to, if any."""

    text: str
    section: str | None = None


class Word(Span):
    """One sung word; ``line`` indexes ``Score.lines``."""

    text: str
    line: int = Field(ge=0)


class Phoneme(Span):
    """One sung phoneme of :data:`songdiff.lyrics.phonemes.INVENTORY`; ``word`` indexes ``Score.words``.

    ``syllable`` counts the syllables of the word from 0. Consonants of an onset lie before the note's start.
    """

    symbol: str
    word: int = Field(ge=0)
    syllable: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _known(self) -> Phoneme:
        if self.symbol not in INVENTORY:
            raise ValueError(f"unknown phoneme {self.symbol!r}; `songdiff lyrics phonemes` lists the inventory")
        return self


class Note(Span):
    """A note of the melody or of a part: MIDI pitch (60 = C4; drums: General MIDI drum keys), velocity 1–127.

    ``word`` and ``syllable`` tie a sung note to a syllable; several notes on one syllable are a melisma.
    """

    pitch: int = Field(ge=0, le=127)
    velocity: int = Field(default=90, ge=1, le=127)
    word: int | None = Field(default=None, ge=0)
    syllable: int | None = Field(default=None, ge=0)


class Part(BaseModel):
    """What one instrument plays, on one of the tracks ``drums, bass, other``.

    ``instrument`` is a plain name ("acoustic guitar", "synth pad"); ``program`` its General MIDI program (0–127,
    ignored for drums); ``role`` what it does in the arrangement ("chords", "pad", "lead", "arpeggio", "bass", "drums").
    """

    model_config = ConfigDict(extra="forbid")
    track: Literal["drums", "bass", "other"]
    instrument: str
    role: str = "chords"
    program: int = Field(default=0, ge=0, le=127)
    notes: list[Note] = []


class Beat(BaseModel):
    """A beat at ``time`` seconds; ``position`` counts from 1 (the downbeat) within its bar."""

    model_config = ConfigDict(extra="forbid")
    time: float = Field(ge=0, allow_inf_nan=False)
    position: int = Field(ge=1)


class Emotion(BaseModel):
    """A point of the emotion curve: valence and arousal in −1 … 1 at ``time`` seconds (Russell's circumplex)."""

    model_config = ConfigDict(extra="forbid")
    time: float = Field(ge=0, allow_inf_nan=False)
    valence: float = Field(ge=-1, le=1)
    arousal: float = Field(ge=-1, le=1)


class Level(BaseModel):
    """Loudness of a track at ``time`` seconds, in decibels against the track's own usual level."""

    model_config = ConfigDict(extra="forbid")
    time: float = Field(ge=0, allow_inf_nan=False)
    decibels: float = Field(ge=-40, le=20)


class Backing(Span):
    """A second voice under the lead: a ``double`` sings its notes again, a ``harmony`` other ones.

    It sings the words of the lead that lie within the span, at the lead's own phoneme times, on ``notes``.
    """

    kind: Literal["double", "harmony"]
    notes: list[Note]


class Singer(BaseModel):
    """Who sings: attributes, and the MIDI range a melody should keep to.

    ``style`` is how this song is sung; ``timbre`` holds plain words ("warm", "nasal"); ``brightness`` −1 … 1,
    ``breathiness`` and ``vibrato`` 0 … 1.
    """

    model_config = ConfigDict(extra="forbid")
    name: str | None = None
    gender: Literal["female", "male"] | None = None
    low: int = Field(default=48, ge=0, le=127)
    high: int = Field(default=67, ge=0, le=127)
    style: Literal["plain", "soft", "belted", "airy", "rap"] | None = None
    timbre: list[str] = []
    brightness: float | None = Field(default=None, ge=-1, le=1)
    breathiness: float | None = Field(default=None, ge=0, le=1)
    vibrato: float | None = Field(default=None, ge=0, le=1)


class Score(BaseModel):
    """A song as a plan. Times in seconds, pitches in MIDI numbers; ``None`` means unknown, ``[]`` known to be empty."""

    model_config = ConfigDict(extra="forbid", validate_assignment=False)
    version: Literal[1] = 1
    duration: float = Field(gt=0, allow_inf_nan=False)
    title: str | None = None
    language: str = "en-us"
    genre: str | None = None
    tempo: float | None = Field(default=None, gt=0)
    time_signature: str | None = None
    key: str | None = None
    """``"Db major"``, ``"A minor"``, ``"D dorian"`` …"""
    beats: list[Beat] | None = None
    sections: list[Section] | None = None
    chords: list[Chord] | None = None
    lines: list[Line] | None = None
    words: list[Word] | None = None
    phonemes: list[Phoneme] | None = None
    melody: list[Note] | None = None
    parts: list[Part] | None = None
    singer: Singer | None = None
    backing: list[Backing] | None = None
    emotion: list[Emotion] | None = None
    dynamics: dict[Literal["vocals", "drums", "bass", "other"], list[Level]] | None = None
    """Planned loudness curves by track, linear between their points."""

    @model_validator(mode="after")
    def _consistent(self) -> Score:
        words, lines = len(self.words or []), len(self.lines or [])
        for word in self.words or []:
            if word.line >= lines:
                raise ValueError(f"word {word.text!r} names line {word.line}, but there are {lines} lines")
        for phoneme in self.phonemes or []:
            if phoneme.word >= words:
                raise ValueError(f"phoneme {phoneme.symbol!r} names word {phoneme.word}, but there are {words} words")
        return self

    def track_notes(self, track: str) -> list[Note] | None:
        """All notes of one track of :data:`TRACKS`, in order of time; ``None`` where unknown."""
        if track == "vocals":
            return self.melody
        if self.parts is None:
            return None
        return sorted((n for p in self.parts if p.track == track for n in p.notes), key=lambda n: (n.start, n.pitch))

    @property
    def mood(self) -> tuple[float, float] | None:
        """Valence and arousal, the means over the points of ``emotion``; ``None`` where unknown."""
        points = self.emotion
        if not points:
            return None
        return sum(p.valence for p in points) / len(points), sum(p.arousal for p in points) / len(points)

    def to_json(self) -> str:
        """The Score as JSON text with unknown fields left out."""
        return json.dumps(_rounded(self.model_dump(exclude_none=True)), ensure_ascii=False) + "\n"

    def canonical(self) -> Score:
        """The Score as its own JSON says it: times to a hundredth of a millisecond. What is sung is what is written."""
        return Score.from_json(self.to_json())

    @classmethod
    def from_json(cls, text: str, source: str = "score") -> Score:
        """Read JSON text. Raises :class:`ScoreError` naming ``source`` and the field."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or "top level"
            raise ScoreError(f"{source}: field {field}: {first['msg']}") from None

    @classmethod
    def load(cls, path: str | Path) -> Score:
        """Read a JSON file. Raises :class:`ScoreError` naming the file and the field."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ScoreError(f"{path}: cannot be read as a score: {error}") from None
        return cls.from_json(text, str(path))


def chord_pitch_classes(label: str) -> tuple[int | None, tuple[int, ...]]:
    """``"A:min7"`` → (root pitch class 9, pitch classes (9, 0, 4, 7)); ``"N"`` → (None, ()). Raises ValueError."""
    if label == "N":
        return None, ()
    root, _, quality = label.partition(":")
    if root not in PITCH_CLASSES or quality not in CHORD_QUALITIES:
        raise ValueError(
            f"unknown chord {label!r}; roots {', '.join(PITCH_CLASSES)}; qualities {', '.join(CHORD_QUALITIES)}"
        )
    pitch_class = PITCH_CLASSES.index(root)
    return pitch_class, tuple((pitch_class + step) % 12 for step in CHORD_QUALITIES[quality])


def _rounded(value: object) -> object:
    """Seconds to a hundredth of a millisecond: a readable file, finer than a sample."""
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
