"""Keys, scales and chords: roman numerals in, chord names of the Score out."""

from __future__ import annotations

import itertools
import math
import random
import re
from dataclasses import dataclass

from ..score import CHORD_QUALITIES, PITCH_CLASSES, chord_pitch_classes
from .form import Form
from .genre import Genre
from .progressions import COMMON

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
_DEGREES = {"I": 0, "II": 2, "III": 4, "IV": 5, "V": 7, "VI": 9, "VII": 11}
COLOUR, ASKED_COLOUR = 3.0, 8.0  # how strongly valence leans the choice of chords: by itself, and asked for
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

    def up(self, semitones: int) -> Key:
        """The key ``semitones`` higher."""
        return Key((self.tonic + semitones) % 12, self.mode)

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

    def up(self, semitones: int) -> Harmony:
        """The chord ``semitones`` higher."""
        if not semitones:
            return self
        root, _, quality = self.label.partition(":")
        name = PITCH_CLASSES[(PITCH_CLASSES.index(root) + semitones) % 12]
        return harmony(self.slot, self.end, f"{name}:{quality}")


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


def brightness(progression: str) -> float:
    """−1 … 1: the share of major chords less that of minor and diminished ones, in ``"I | V | vi"``."""
    numerals = progression.replace("|", " ").split()
    colours = []
    for numeral in numerals:
        match = _NUMERAL.fullmatch(numeral)
        degree, quality = (match[2], match[3]) if match else ("I", "")
        dark = degree.islower() or "dim" in quality
        colours.append(-1.0 if dark else 0.0 if quality == "5" else 1.0)
    return sum(colours) / len(colours)


def progression(
    label: str, genre: Genre, mode: str, seed: str, valence: float = 0.0, colour: float = COLOUR
) -> list[list[str]]:
    """The chord progression of all sections called ``label``: numerals bar by bar; equal arguments, equal chords.

    ``valence`` −1 … 1 leans the choice towards dark or bright chords, ``colour`` says how strongly.
    """
    table = genre.progressions.get(mode) or COMMON[mode]
    kind = {"intro": "verse", "solo": "chorus", "break": "verse", "outro": "chorus"}.get(label, label)
    if kind not in table:
        kind = "any" if "any" in table else "chorus" if kind == "bridge" else "verse"
    choices = table[kind]
    weights = [math.exp(colour * valence * brightness(choice)) for choice in choices]
    choice = random.Random(f"{seed}/progression/{kind}").choices(choices, weights)[0]
    return [bar.split() for bar in choice.split("|")]


def plan_chords(
    form: Form, key: Key, genre: Genre, seed: str, valence: float = 0.0, colour: float = COLOUR
) -> list[Harmony]:
    """A chord (or several) for every bar of ``form``, in the key of its section; the final bar has the tonic.

    ``valence`` and ``colour``: as of :func:`progression`."""
    chords: list[Harmony] = []
    size = form.grid.slots_per_bar
    darker = random.Random(f"{seed}/borrowed").random() < -0.8 * valence - 0.1 and key.mode == "major"
    for section, following in itertools.zip_longest(form.sections, form.sections[1:]):
        bars = progression(section.label, genre, key.mode, seed, valence, colour)
        for offset, phase in enumerate(section.phases[: section.bars]):
            bar = section.bar + offset
            numerals = bars[phase % len(bars)]
            if darker and phase % 4 == 3:  # the minor subdominant, borrowed from the minor key
                numerals = ["iv" if numeral == "IV" else numeral for numeral in numerals]
            home = key.up(section.shift)
            if bar == form.final_bar:
                numerals = [_tonic(genre, key)]
            elif bar == form.final_bar - 1 and chord_label(numerals[-1], 0).startswith("C:"):
                numerals = [_before_the_end(_tonic(genre, key))]
            elif offset == section.bars - 1 and following and following.shift != section.shift and not section.lines:
                numerals, home = ["V7"], key.up(following.shift)  # the dominant opens the door to the new key
            beats = form.grid.beats_per_bar
            for n, numeral in enumerate(numerals):
                start, stop = (round(k * beats / len(numerals)) * form.grid.slots_per_beat for k in (n, n + 1))
                if stop > start:
                    chords.append(harmony(bar * size + start, bar * size + stop, chord_label(numeral, home.tonic)))
    return chords


def _tonic(genre: Genre, key: Key) -> str:
    return genre.tonic.get(key.mode) or ("i" if key.mode in ("minor", "dorian") else "I")


def _before_the_end(tonic: str) -> str:
    return "bVII5" if tonic.endswith("5") else "bVII" if tonic.startswith("i") else "V7"
