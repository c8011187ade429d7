"""Keys, scales and chords: roman numerals in, chord names of the Score out."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from ..score import CHORD_QUALITIES, PITCH_CLASSES, chord_pitch_classes
from .form import Form
from .genres import COMMON, Genre

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
_DEGREES = {"I": 0, "II": 2, "III": 4, "IV": 5, "V": 7, "VI": 9, "VII": 11}
_NUMERAL = re.compile(r"([b#]?)([IV]+|[iv]+)(.*)")


@dataclass(frozen=True)
class Key:
    """``tonic`` pitch class 0 … 11 and ``mode`` of :data:`SCALES`."""

    tonic: int
    mode: str

    @classmethod
    def parse(cls, text: str) -> Key:
        """``"Db major"`` → Key. Raises ValueError naming what is known."""
        root, _, mode = text.partition(" ")
        if root not in PITCH_CLASSES or mode not in SCALES:
            raise ValueError(f"unknown key {text!r}: a tonic of {', '.join(PITCH_CLASSES)} and {', '.join(SCALES)}")
        return cls(PITCH_CLASSES.index(root), mode)

    def __str__(self) -> str:
        return f"{PITCH_CLASSES[self.tonic]} {self.mode}"

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """The scale from the tonic up."""
        return tuple((self.tonic + step) % 12 for step in SCALES[self.mode])

    @property
    def stable(self) -> tuple[int, ...]:
        """Pitch classes a phrase may rest on: the tonic triad."""
        scale = self.pitch_classes
        return scale[0], scale[2], scale[4]


@dataclass(frozen=True)
class Harmony:
    """A chord from ``slot`` to ``end`` (sixteenths from bar 0); ``root`` and ``tones`` are pitch classes."""

    slot: int
    end: int
    label: str
    root: int
    tones: tuple[int, ...]


def chord_label(numeral: str, tonic: int) -> str:
    """``"bVImaj7"`` in C → ``"Ab:maj7"``. Raises ValueError for a numeral that cannot be read."""
    match = _NUMERAL.fullmatch(numeral)
    if match is None or match[2].upper() not in _DEGREES:
        raise ValueError(f"unknown roman numeral {numeral!r}")
    accidental, degree, quality = match.groups()
    lower = degree.islower()
    root = tonic + _DEGREES[degree.upper()] + {"b": -1, "#": 1, "": 0}[accidental]
    if not quality:
        quality = "min" if lower else "maj"
    elif lower:
        quality = {"7": "min7", "6": "min6", "9": "min7"}.get(quality, quality)
    if quality not in CHORD_QUALITIES:
        raise ValueError(f"unknown chord quality in {numeral!r}")
    return f"{PITCH_CLASSES[root % 12]}:{quality}"


def harmony(slot: int, end: int, label: str) -> Harmony:
    """A chord of the Score over the slots ``slot`` … ``end``."""
    root, tones = chord_pitch_classes(label)
    return Harmony(slot, end, label, root if root is not None else 0, tones)


def progression(label: str, genre: Genre, mode: str, seed: str) -> list[list[str]]:
    """The chord progression of all sections called ``label``: numerals bar by bar; equal arguments, equal chords."""
    table = genre.progressions.get(mode) or COMMON[mode]
    kind = {"intro": "verse", "solo": "chorus", "break": "verse", "outro": "chorus"}.get(label, label)
    if kind not in table:
        kind = "any" if "any" in table else "chorus" if kind == "bridge" else "verse"
    choices = table[kind]
    choice = random.Random(f"{seed}/progression/{kind}").choice(choices)
    return [bar.split() for bar in choice.split("|")]


def plan_chords(form: Form, key: Key, genre: Genre, seed: str) -> list[Harmony]:
    """A chord (or several) for every bar of ``form``; the final bar has the tonic."""
    chords: list[Harmony] = []
    size = form.grid.slots_per_bar
    tonic = genre.tonic.get(key.mode) or ("i" if key.mode in ("minor", "dorian") else "I")
    for section in form.sections:
        bars = progression(section.label, genre, key.mode, seed)
        for offset, phase in enumerate(section.phases[: section.bars]):
            bar = section.bar + offset
            numerals = bars[phase % len(bars)]
            if bar == form.final_bar:
                numerals = [tonic]
            elif bar == form.final_bar - 1 and chord_label(numerals[-1], 0).startswith("C:"):
                numerals = ["bVII5"] if tonic.endswith("5") else ["bVII"] if tonic.startswith("i") else ["V7"]
            beats = form.grid.beats_per_bar
            for n, numeral in enumerate(numerals):
                start, stop = (round(k * beats / len(numerals)) * form.grid.slots_per_beat for k in (n, n + 1))
                if stop > start:
                    chords.append(harmony(bar * size + start, bar * size + stop, chord_label(numeral, key.tonic)))
    return chords
