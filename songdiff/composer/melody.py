"""Pitches for the syllables: a contour from a motif, then the smoothest path that follows it and the chords."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..score import Singer
from .genre import Genre
from .harmony import Harmony, Key

RANGES: dict[str, tuple[int, int]] = {"female": (55, 74), "male": (45, 67)}
_CEILING = {"female": 76, "male": 68}
_HEIGHT = {"verse": 0.38, "prechorus": 0.5, "chorus": 0.62, "bridge": 0.56, "solo": 0.6, "intro": 0.45}
_SCHEMES = ("abac", "aaba", "abab", "aabc", "abcd")
_LEAPS = {0: 0.45, 1: 0.05, 2: 0.0, 3: 0.35, 4: 0.45, 5: 0.9, 6: 3.0, 7: 1.5, 8: 2.8, 9: 2.8, 12: 2.6}
_UNSINGABLE = 6.0
_VOICE_LIFT = {"belted": 1.6, "soft": -1.4, "airy": -0.8}  # semitones by vocal style
_VOICE_REACH = {"belted": 1.15, "soft": 0.85, "airy": 0.9}  # how far melodies move
_TURNS = {  # what follows what: no third repetition, no zigzag of leaps; a step back after a leap is welcome
    ("same", "still"): 0.9,
    ("still", "still"): 1.8,
    ("leap up", "leap down"): 0.8,
    ("leap down", "leap up"): 0.8,
    ("leap up", "leap up"): 0.5,
    ("leap down", "leap down"): 0.5,
    ("leap up", "step up"): 0.25,
    ("leap down", "step down"): 0.25,
    ("step up", "step down"): 0.12,
    ("step down", "step up"): 0.12,
}


@dataclass(frozen=True)
class Seat:
    """What a syllable offers its pitch: slot, slots it lasts, stress 0 … 1, metrical accent 0 … 1, the chord."""

    slot: int
    length: int
    stress: float
    accent: float
    chord: Harmony


@dataclass(frozen=True)
class Phrase:
    """``letter`` names the motif within sections called ``label``; ``close`` 0 open, 1 end of section, 2 end of the
    song."""

    label: str
    letter: str
    close: int


def vocal_range(singer: Singer) -> tuple[int, int]:
    """Lowest and highest MIDI pitch of a melody for ``singer``; ranges left at their defaults come from the gender."""
    gender = singer.gender or "male"
    low, high = RANGES[gender]
    low = singer.low if "low" in singer.model_fields_set else low
    high = singer.high if "high" in singer.model_fields_set else high
    if singer.gender:
        high = min(high, _CEILING[singer.gender])
    return (low, high) if high - low >= 7 else (min(low, high), min(low, high) + 7)


def _move(interval: int, before: str) -> str:
    if interval == 0:
        return "still" if before in ("same", "still") else "same"
    size = "step" if abs(interval) <= 2 else "leap"
    return f"{size} {'up' if interval > 0 else 'down'}"


class Melodist:
    """Writes phrases for one song. One theme returns in every section, varied; a section label and a letter name its
    form, so what returns in like sections returns the same.

    ``theme`` seeds the theme (None: ``seed`` does), so that players can take up the singer's; ``style`` is a vocal
    style of the Score's singer.
    """

    def __init__(
        self,
        key: Key,
        genre: Genre,
        low: int,
        high: int,
        arousal: float,
        seed: str,
        theme: str | None = None,
        style: str | None = None,
    ) -> None:
        self.key, self.genre, self.low, self.high, self.seed = key, genre, low, high, seed
        self.theme, self.style = theme or seed, style
        self.lift = 1.2 * arousal + _VOICE_LIFT.get(style or "", 0.0)
        self.reach = genre.contour * _VOICE_REACH.get(style or "", 1.0)
        self._scheme: dict[str, str] = {}

    def letter(self, label: str, index: int) -> str:
        """Which motif line ``index`` of a section called ``label`` uses."""
        if label not in self._scheme:
            self._scheme[label] = random.Random(f"{self.seed}/scheme/{label}").choice(_SCHEMES)
        return self._scheme[label][index % 4]

    def phrase(self, seats: Sequence[Seat], phrase: Phrase, shift: int = 0) -> list[int]:
        """One MIDI pitch for every seat, within ``low`` … ``high``; where the key has gone up by ``shift`` semitones,
        the same phrase so much higher."""
        if shift:
            seats = [replace(seat, chord=seat.chord.up(-shift)) for seat in seats]
        pitches = self._spoken(seats, phrase) if self.style == "rap" else self._sung(seats, phrase)
        return [pitch + shift for pitch in pitches]

    def _spoken(self, seats: Sequence[Seat], phrase: Phrase) -> list[int]:
        """Rap: most syllables on one pitch, accents two to four semitones up, the end of the phrase falls."""
        rng = random.Random(f"{self.seed}/speech/{phrase.label}/{phrase.letter}/{len(seats)}")
        height = self.low + 0.4 * (self.high - self.low) + 0.5 * self.lift
        homes = [p for p in range(self.low, self.high + 1) if p % 12 in (self.key.stable[0], self.key.stable[2])]
        base = min(homes, key=lambda pitch: abs(pitch - height)) + (2 if phrase.label == "chorus" else 0)
        scale = [p for p in range(self.low, self.high + 1) if p % 12 in self.key.pitch_classes]
        pitches: list[int] = []
        for i, seat in enumerate(seats):
            left = len(seats) - 1 - i
            if left < 2 and len(seats) > 2:
                wish = base - (rng.choice((3, 4)) if left == 0 else rng.choice((0, 2)))
            elif seat.stress >= 0.6 and seat.accent >= 0.7 and rng.random() < 0.6:
                wish = base + rng.choice((2, 3, 4))
            else:
                wish = base + rng.choice((0, 0, 0, 0, 0, -1, 1, -2)) * (seat.stress < 0.6)
            pitches.append(min((abs(pitch - wish), pitch) for pitch in scale)[1])
        return pitches

    def _sung(self, seats: Sequence[Seat], phrase: Phrase) -> list[int]:
        targets = self._targets(len(seats), phrase)
        scale = set(self.key.pitch_classes)
        rng = random.Random(f"{self.seed}/taste/{phrase.label}/{phrase.letter}/{len(seats)}")
        costs: dict[tuple[int, str], float] = {}
        back: list[dict[tuple[int, str], tuple[int, str]]] = []
        for i, seat in enumerate(seats):
            last = i == len(seats) - 1
            taste = [rng.uniform(0.0, 0.35) for _ in range(12)]
            row: dict[tuple[int, str], float] = {}
            origin: dict[tuple[int, str], tuple[int, str]] = {}
            for pitch in self._candidates(targets[i], seat, scale):
                cost = 0.09 * (pitch - targets[i]) ** 2 + taste[pitch % 12]
                cost += self._fit(pitch, seat, phrase, last, scale)
                if not i:
                    row[pitch, "start"] = cost
                for state, before in costs.items():
                    move = _move(pitch - state[0], state[1])
                    total = cost + before + _LEAPS.get(abs(pitch - state[0]), _UNSINGABLE)
                    total += _TURNS.get((state[1], move), 0.0)
                    if total < row.get((pitch, move), math.inf):
                        row[pitch, move], origin[pitch, move] = total, state
            costs = row
            back.append(origin)
        path = [min(costs, key=lambda state: costs[state])]
        for origin in reversed(back[1:]):
            path.append(origin[path[-1]])
        return [pitch for pitch, _ in reversed(path)]

    def _candidates(self, target: float, seat: Seat, scale: set[int]) -> list[int]:
        """Pitches of the scale or the chord around ``target``; enough of them to hold every chord tone."""
        centre = min(max(target, self.low + 6.0), self.high - 6.0) if self.high - self.low >= 12 else target
        reach = 7.0 if self.high - self.low >= 12 else 99.0
        names = scale | set(seat.chord.tones)
        return [p for p in range(self.low, self.high + 1) if abs(p - centre) <= reach and p % 12 in names]

    def _targets(self, count: int, phrase: Phrase) -> list[float]:
        rng = random.Random(f"{self.seed}/arch/{phrase.label}")
        motif = self._motif(phrase.label)
        arch = rng.uniform(3.0, 5.5)
        peak = rng.uniform(0.3, 0.7)
        variant = random.Random(f"{self.seed}/variant/{phrase.label}/{phrase.letter}")
        shift = 0.0
        if phrase.letter == "b":
            motif, shift = [-step for step in motif], variant.choice((-1.5, 1.5))
        elif phrase.letter in "cd":
            motif, shift, peak = motif[::-1], variant.choice((-1.0, 1.0, 2.0)), 0.25
        centre = self.low + (self.high - self.low) * _HEIGHT.get(phrase.label, 0.45) + self.lift - arch * 0.5
        targets: list[float] = []
        for i in range(count):
            u = i / max(count - 1, 1)
            bend = u / peak * 0.5 if u < peak else 0.5 + (u - peak) / (1 - peak) * 0.5
            height = arch * math.sin(math.pi * bend) * self.reach
            targets.append(centre + shift + height + motif[i % len(motif)] * self.reach)
        return targets

    def _motif(self, label: str) -> list[float]:
        """The theme of the song (semitones around the line's arch) as sections called ``label`` vary it."""
        rng = random.Random(f"{self.theme}/theme")
        theme = [rng.choice((-2.5, -1.5, 0.0, 0.0, 1.5, 2.5)) for _ in range(rng.choice((4, 5, 6, 7)))]
        vary = random.Random(f"{self.theme}/theme/{label}")
        if label == "verse":
            return theme
        if label == "chorus":
            return [1.3 * step for step in theme]
        turn = vary.randrange(1, len(theme))
        return vary.choice(([-step for step in theme], theme[::-1], theme[turn:] + theme[:turn]))

    def _fit(self, pitch: int, seat: Seat, phrase: Phrase, last: bool, scale: set[int]) -> float:
        name = pitch % 12
        weight = 0.35 + 0.9 * seat.accent + (0.6 if seat.length >= 6 else 0.0) + 0.3 * seat.stress
        cost = 0.0
        if name not in seat.chord.tones:
            cost += 0.9 * weight
            if (name - 1) % 12 in seat.chord.tones:
                cost += 0.8 * weight
            if any((name + d) % 12 in seat.chord.tones and (name + d) % 12 not in scale for d in (-1, 1)):
                cost += 2.0
        if last:
            if phrase.close == 2 and name != self.key.tonic:
                cost += 4.0
            elif phrase.close == 1 and name not in self.key.stable:
                cost += 2.0
            if name not in seat.chord.tones:
                cost += 8.0
        return cost
