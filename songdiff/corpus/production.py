"""How songs are produced: levels, rooms, echoes and loudness by genre, and presets. Data; mixing.py applies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

LEVELS = {  # RMS of the active stretches, dBFS before mastering
    "vocals": -15.5,
    "drums": -19.0,
    "bass": -20.0,
    "chords": -23.0,
    "arpeggio": -26.0,
    "pad": -28.0,
    "lead": -27.0,
}
BACKING = -8.0  # dB of backing vocals against the lead
PAN = {"chords": 0.3, "arpeggio": 0.45, "lead": 0.2}  # 0 centre … 1 one side; players take sides in turn
SEND = {"pad": 2.0, "lead": 2.0, "arpeggio": 1.0}  # dB into the room against the other instruments


@dataclass(frozen=True)
class Production:
    """A way to produce a song. Decibels and Hz; ``room`` and ``width`` multiply decay times and panning.

    ``wet`` and ``echo`` are added to the amounts of reverb and of repeats, ``drive`` to the saturation of drums and
    bass; ``ceiling`` is a low-pass over the instruments, ``glue`` the most that the bus compressor takes.
    """

    room: float = 1.0
    wet: float = 0.0
    echo: float = 0.0
    drive: float = 0.0
    ceiling: float = 20000.0
    width: float = 1.0
    glue: float = 2.0


PRODUCTIONS: dict[str, Production] = {
    "polished": Production(),
    "dry": Production(room=0.45, wet=-7.0, echo=-12.0, width=0.8),
    "roomy": Production(room=0.75, wet=3.0, echo=-12.0, glue=1.5),
    "lush": Production(room=1.35, wet=4.0, echo=3.0, width=1.2, glue=1.5),
    "lo-fi": Production(room=0.7, wet=-2.0, echo=-4.0, drive=5.0, ceiling=7000.0, width=0.65, glue=3.0),
}


@dataclass(frozen=True)
class GenreMix:
    """What a genre's mixes have in common.

    ``levels``: decibels on top of :data:`LEVELS`, by role; ``room``: decay to −60 dB in seconds; ``repeats``: the echo
    of the voice in beats, 0 for a slap of 0.1 s; ``duck``: how far (dB) the kick pushes chords and pads down;
    ``drive``: saturation of drums and bass (dB); ``loudness``: dB on the level of the whole mix; ``productions``: how
    often each of :data:`PRODUCTIONS` is chosen.
    """

    levels: Mapping[str, float] = field(default_factory=dict)
    room: float = 1.5
    repeats: float = 0.75
    duck: float = 0.0
    drive: float = 0.0
    loudness: float = 0.0
    productions: Mapping[str, float] = field(
        default_factory=lambda: {"polished": 4, "dry": 2, "roomy": 2, "lush": 2, "lo-fi": 1}
    )


_ACOUSTIC = {"polished": 2, "dry": 3, "roomy": 4, "lush": 1}
_CLUB = {"polished": 5, "dry": 3, "lush": 2}
_RAP = {"polished": 5, "dry": 4, "lo-fi": 2}  # many words leave no room for a room
_BIG = {"polished": 2, "roomy": 2, "lush": 5}

GENRE_MIXES: dict[str, GenreMix] = {
    "pop": GenreMix({"bass": 0.5, "pad": 1.0}, duck=1.0),
    "rock": GenreMix({"drums": 1.5, "chords": 2.0, "bass": 0.5}, 1.2, 0.0, drive=2.0, loudness=0.5),
    "metal": GenreMix({"drums": 2.0, "chords": 3.0, "bass": 1.0}, 1.0, 0.0, drive=4.0, loudness=1.0),
    "punk": GenreMix({"drums": 2.0, "chords": 2.5, "bass": 1.0}, 0.8, 0.0, drive=3.0, loudness=1.0),
    "house": GenreMix(
        {"drums": 2.0, "bass": 1.5, "vocals": -0.5}, duck=4.0, drive=1.0, loudness=0.5, productions=_CLUB
    ),
    "techno": GenreMix(
        {"drums": 3.0, "bass": 1.5, "vocals": -1.5, "arpeggio": 2.0, "pad": 1.0},
        1.8, duck=4.5, drive=3.0, loudness=1.0, productions=_CLUB,
    ),
    "drum and bass": GenreMix(
        {"drums": 2.5, "bass": 3.0, "vocals": -1.0, "pad": 1.5}, 1.8, 1.0, 2.0, 2.0, 1.0, productions=_CLUB
    ),
    "trap": GenreMix(
        {"drums": 1.5, "bass": 3.5, "chords": -1.0, "pad": 0.5}, 1.4, 1.0, drive=3.0, loudness=0.5, productions=_RAP
    ),
    "hip-hop": GenreMix({"drums": 2.0, "bass": 2.5, "chords": -1.5}, 0.9, 0.5, drive=1.5, productions=_RAP),
    "r&b": GenreMix({"drums": 0.5, "bass": 1.5, "pad": 1.5, "chords": -0.5}, 1.6, 0.5),
    "disco": GenreMix({"drums": 1.0, "bass": 1.5, "pad": 2.0, "chords": 0.5}, 1.3, 0.5, duck=1.5),
    "funk": GenreMix({"drums": 1.0, "bass": 2.0}, 0.9, 0.0, drive=1.0),
    "soul": GenreMix({"bass": 1.0, "pad": 1.0, "lead": 1.0}, 1.4, 0.0, drive=1.5),
    "reggae": GenreMix({"bass": 2.5, "chords": -0.5}, 1.3, 0.75),
    "ska": GenreMix({"drums": 0.5, "bass": 1.5, "chords": 1.5, "lead": 2.0}, 1.0, 0.0, drive=1.0),
    "synthwave": GenreMix(
        {"drums": 1.0, "bass": 1.0, "pad": 2.0, "arpeggio": 1.0}, 2.0, duck=2.0, drive=1.0, productions=_BIG
    ),
    "chiptune": GenreMix(
        {"vocals": -0.5, "arpeggio": 2.5, "lead": 3.0, "drums": -1.0}, 0.7, 0.5,
        productions={"polished": 2, "dry": 6, "lo-fi": 1},
    ),
    "lo-fi": GenreMix(
        {"vocals": -1.0, "drums": 0.5}, 1.2, drive=2.0, loudness=-0.5, productions={"lo-fi": 7, "roomy": 1, "dry": 1}
    ),
    "folk": GenreMix(
        {"drums": -4.0, "bass": -2.0, "chords": 1.5, "arpeggio": 3.0}, 1.1, 0.0, loudness=-0.5, productions=_ACOUSTIC
    ),
    "celtic": GenreMix(
        {"drums": -2.0, "chords": 0.5, "lead": 3.0, "arpeggio": 2.0}, 1.4, 0.0, loudness=-0.5, productions=_ACOUSTIC
    ),
    "country": GenreMix({"drums": -1.0, "chords": 1.0}, 1.1, 0.0),
    "blues": GenreMix({"lead": 1.5, "bass": 0.5}, 1.1, 0.0, drive=1.5, productions=_ACOUSTIC),
    "bossa nova": GenreMix({"drums": -3.0, "chords": 1.5}, 1.3, 0.0, loudness=-0.5, productions=_ACOUSTIC),
    "jazz": GenreMix(
        {"drums": -3.5, "bass": 0.5, "chords": 0.5, "lead": 1.0}, 1.3, 0.0, loudness=-1.0, productions=_ACOUSTIC
    ),
    "waltz": GenreMix({"drums": -4.0, "chords": 1.0}, 1.6, 0.0, loudness=-0.5, productions=_ACOUSTIC),
    "ballad": GenreMix({"drums": -3.0, "bass": -1.5, "pad": 1.5, "arpeggio": 3.0}, 2.4, productions=_BIG),
    "orchestral": GenreMix(
        {"drums": -4.0, "bass": -1.0, "pad": 5.0, "lead": 3.5, "chords": 1.5}, 2.4, 0.0, loudness=-1.5,
        productions={"roomy": 3, "lush": 4, "polished": 1},
    ),
    "ambient": GenreMix(
        {"drums": -6.0, "bass": -2.0, "pad": 4.0, "arpeggio": 2.0}, 3.0, 1.0, loudness=-1.0, productions=_BIG
    ),
}  # fmt: skip


def choose_production(genre: str | None, rng: np.random.Generator) -> str:
    """One of :data:`PRODUCTIONS` that suits the genre; any genre's name will do."""
    weights = GENRE_MIXES.get(genre or "", GenreMix()).productions
    odds = np.array(list(weights.values()), float)
    return str(rng.choice(list(weights), p=odds / odds.sum()))
