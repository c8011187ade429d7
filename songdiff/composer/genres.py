"""What makes genres differ: tempo, metre, feel, chords, grooves, bass, band. Data; the players read it.

Chords are roman numerals against the major scale of the tonic (so minor keys spell ``bVI``), ``|`` between bars.
Grooves are one bar of sixteenths per General MIDI drum key: ``X`` accent, ``x`` hit, ``o`` ghost, ``.`` rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .progressions import (
    BLUES,
    BOSSA,
    CLUB,
    COMMON,
    FOLK,
    FUNK,
    JAZZ,
    LOFI,
    METAL,
    REGGAE,
    ROCK,
    SOUL,
    WALTZ,
    Progressions,
)

KICK, RIM, SNARE, CLAP, HAT, PEDAL, OPEN, CRASH, RIDE = 36, 37, 38, 39, 42, 44, 46, 49, 51
LOW_TOM, MID_TOM, HIGH_TOM, TAMBOURINE, COWBELL, SHAKER = 45, 47, 50, 54, 56, 70

Groove = Mapping[int, str]


@dataclass(frozen=True)
class Voice:
    """One player: ``style`` is a pattern of :mod:`.comping`; it plays where the intensity (0–3) reaches ``enters``."""

    instrument: str
    role: str
    style: str
    enters: int = 0


@dataclass(frozen=True)
class Genre:
    """``tempo`` range in beats a minute; ``syllable_rate`` comfortable syllables a second; ``syncopation`` 0 … 1."""

    name: str
    tempo: tuple[int, int]
    modes: Mapping[str, float]
    progressions: Mapping[str, Progressions]
    grooves: Mapping[str, Groove]  # "light", "main", "full"
    bass: tuple[str, str]  # instrument, pattern of .bass
    voices: tuple[Voice, ...]
    time_signature: str = "4/4"
    swing: float = 0.0
    swing_unit: int = 2
    syllable_rate: float = 3.4
    bars_per_line: int = 2
    syncopation: float = 0.3
    mood: tuple[float, float] = (0.2, 0.1)  # usual valence, arousal
    contour: float = 1.0  # how far melodies move: 1 sung, less is nearer to speech
    tonic: Mapping[str, str] = field(default_factory=lambda: {"major": "I", "minor": "i"})
    fills: bool = True
    crash: bool = True


_ALL: Groove = {HAT: "x.x.x.x.x.x.x.x."}
_BACKBEAT: Groove = {KICK: "X.......X.x.....", SNARE: "....X.......X...", **_ALL}
_POP = {
    "light": {KICK: "X.......X.......", RIM: "....x.......x...", HAT: "x...x...x...x..."},
    "main": {KICK: "X......xX.x.....", SNARE: "....X.......X...", HAT: "X.x.X.x.X.x.X.x."},
    "full": {
        KICK: "X.....x.X.x...x.",
        SNARE: "....X.......X..o",
        OPEN: "..x...x...x...x.",
        TAMBOURINE: "x.x.X.x.x.x.X.x.",
    },
}
_ROCK_KIT = {
    "light": {KICK: "X.......X.......", SNARE: "....X.......X...", **_ALL},
    "main": {KICK: "X.......X.X.....", SNARE: "....X.......X...", HAT: "X.x.X.x.X.x.X.x."},
    "full": {KICK: "X..x....X.X...x.", SNARE: "....X.......X...", OPEN: "X...X...X...X..."},
}
_SHUFFLE = {
    "light": {KICK: "X.......X.......", RIM: "....X.......X...", HAT: "X...x.x.X...x.x."},
    "main": {KICK: "X.....x.X.......", SNARE: "....X.......X...", HAT: "X.x.X.x.X.x.X.x."},
    "full": {KICK: "X.....x.X.....x.", SNARE: "....X..o....X..o", RIDE: "X.x.X.x.X.x.X.x."},
}


def _genres() -> tuple[Genre, ...]:
    v = Voice
    return (
        Genre(
            "pop", (92, 128), {"major": 0.7, "minor": 0.3}, COMMON, _POP, ("bass guitar", "eighths"),
            (v("piano", "chords", "block"), v("synth pad", "pad", "pad", 2),
             v("electric guitar", "arpeggio", "pluck", 1)),
            syllable_rate=3.6, syncopation=0.45, mood=(0.4, 0.3),
        ),
        Genre(
            "rock", (104, 148), {"major": 0.5, "minor": 0.3, "mixolydian": 0.2}, ROCK, _ROCK_KIT,
            ("picked bass", "eighths"),
            (v("overdriven guitar", "chords", "power", 1), v("electric guitar", "arpeggio", "pluck"),
             v("distorted guitar", "lead", "fills", 2)),
            syllable_rate=3.5, syncopation=0.3, mood=(0.2, 0.6),
        ),
        Genre(
            "ballad", (58, 80), {"major": 0.65, "minor": 0.35}, COMMON,
            {
                "light": {HAT: "..............x."},
                "main": {KICK: "X.........x.....", RIM: "........X.......", HAT: "x.x.x.x.x.x.x.x."},
                "full": {KICK: "X.....x...x.....", SNARE: "........X.......", RIDE: "x.x.x.x.x.x.x.x."},
            },
            ("bass guitar", "sustained"),
            (v("piano", "arpeggio", "broken"), v("strings", "pad", "pad", 2), v("cello", "lead", "fills", 1)),
            syllable_rate=2.8, syncopation=0.2, mood=(-0.1, -0.5),
        ),
        Genre(
            "folk", (84, 124), {"major": 0.7, "minor": 0.2, "dorian": 0.1}, FOLK,
            {
                "light": {SHAKER: "x...x...x...x..."},
                "main": {KICK: "X.......X.......", SHAKER: "x.x.X.x.x.x.X.x."},
                "full": {KICK: "X.......X.......", TAMBOURINE: "....X.......X...", SHAKER: "x.x.X.x.x.x.X.x."},
            },
            ("upright bass", "root_fifth"),
            (v("acoustic guitar", "arpeggio", "fingerpick"), v("acoustic guitar", "chords", "strum", 2),
             v("fiddle", "lead", "fills", 1), v("harmonica", "lead", "fills", 3)),
            syllable_rate=3.2, syncopation=0.15, mood=(0.2, -0.2), fills=False, crash=False,
        ),
        Genre(
            "country", (96, 136), {"major": 0.9, "mixolydian": 0.1}, FOLK,
            {
                "light": {KICK: "X.......X.......", RIM: "....x.......x..."},
                "main": {KICK: "X.......X.......", SNARE: "..o.X.o...o.X.o.", HAT: "x.x.x.x.x.x.x.x."},
                "full": {KICK: "X.......X.x.....", SNARE: "..x.X.x...x.X.x.", HAT: "x.x.X.x.x.x.X.x."},
            },
            ("bass guitar", "root_fifth"),
            (v("acoustic guitar", "chords", "strum"), v("banjo", "arpeggio", "roll", 2),
             v("electric guitar", "lead", "fills", 1), v("fiddle", "pad", "pad", 3)),
            syllable_rate=3.4, syncopation=0.2, mood=(0.4, 0.2),
        ),
        Genre(
            "blues", (66, 104), {"major": 0.75, "minor": 0.25}, BLUES, _SHUFFLE, ("bass guitar", "boogie"),
            (v("organ", "pad", "pad", 2), v("overdriven guitar", "lead", "fills"), v("piano", "chords", "offbeat", 1)),
            swing=0.95, syllable_rate=3.0, syncopation=0.35, mood=(-0.3, 0.0), tonic={"major": "I7", "minor": "i7"},
        ),
        Genre(
            "jazz", (104, 168), {"major": 0.7, "minor": 0.3}, JAZZ,
            {
                "light": {RIDE: "X...x.x.X...x.x.", PEDAL: "....x.......x..."},
                "main": {RIDE: "X...X.x.X...X.x.", PEDAL: "....X.......X...", KICK: "o...o...o...o...",
                         RIM: "..............x."},
                "full": {RIDE: "X...X.x.X...X.x.", PEDAL: "....X.......X...", SNARE: "......o.....o.o.",
                         KICK: "o...o...o..xo..."},
            },
            ("upright bass", "walking"),
            (v("piano", "chords", "charleston"), v("tenor sax", "lead", "fills", 1),
             v("jazz guitar", "chords", "quarters", 3)),
            swing=0.85, syllable_rate=3.2, syncopation=0.5, mood=(0.2, 0.0), tonic={"major": "I6", "minor": "imin6"},
            crash=False,
        ),
        Genre(
            "bossa nova", (112, 144), {"major": 0.65, "minor": 0.35}, BOSSA,
            {
                "light": {SHAKER: "xoxoxoxoxoxoxoxo", RIM: "x.....x.....x..."},
                "main": {KICK: "X.....xxX.....xx", RIM: "x.....x...x.....", HAT: "xoxoxoxoxoxoxoxo"},
                "full": {KICK: "X.....xxX.....xx", RIM: "x.....x...x..x..", SHAKER: "XoxoXoxoXoxoXoxo"},
            },
            ("upright bass", "bossa"),
            (v("nylon guitar", "chords", "bossa"), v("flute", "lead", "fills", 1), v("strings", "pad", "pad", 3)),
            syllable_rate=3.2, syncopation=0.6, mood=(0.3, -0.3), tonic={"major": "Imaj7", "minor": "i7"},
            fills=False, crash=False,
        ),
        Genre(
            "reggae", (68, 88), {"major": 0.65, "minor": 0.35}, REGGAE,
            {
                "light": {HAT: "x.x.x.x.x.x.x.x.", RIM: "........X......."},
                "main": {KICK: "........X.......", RIM: "........X.....x.", HAT: "x.xxx.x.x.xxx.x."},
                "full": {KICK: "x...x...X...x...", SNARE: "........X.......", HAT: "x.xxX.x.x.xxX.x."},
            },
            ("bass guitar", "reggae"),
            (v("electric guitar", "chords", "skank"), v("organ", "chords", "bubble", 1),
             v("brass", "lead", "fills", 2)),
            swing=0.35, swing_unit=1, syllable_rate=3.3, syncopation=0.5, mood=(0.5, 0.0),
        ),
        Genre(
            "funk", (96, 118), {"dorian": 0.5, "mixolydian": 0.3, "minor": 0.2}, FUNK,
            {
                "light": {KICK: "X.....x.........", HAT: "x.x.x.x.x.x.x.x.", RIM: "....x.......x..."},
                "main": {KICK: "X.X....x..x..x..", SNARE: "....X..o.o..X..o", HAT: "XxxxXxxxXxxxXxxx"},
                "full": {KICK: "X.X....x..X..x..", SNARE: "....X..o.o.oX..o", HAT: "XxxxXx.xXxxxX.xx",
                         OPEN: "......x......x.."},
            },
            ("slap bass", "funk"),
            (v("muted guitar", "chords", "chank"), v("brass", "chords", "stabs", 2),
             v("electric piano", "chords", "clav", 1)),
            swing=0.25, swing_unit=1, syllable_rate=3.7, syncopation=0.75, mood=(0.5, 0.6),
            tonic={"major": "I9", "minor": "i7", "dorian": "i7", "mixolydian": "I9"},
        ),
        Genre(
            "hip-hop", (78, 98), {"minor": 0.8, "dorian": 0.2}, CLUB,
            {
                "light": {KICK: "X.........x.....", HAT: "x.x.x.x.x.x.x.x."},
                "main": {KICK: "X..x......x..x..", SNARE: "....X.......X...", HAT: "x.x.x.x.x.xxx.x."},
                "full": {KICK: "X..x...x..x..x..", SNARE: "....X.......X...", CLAP: "....X.......X...",
                         HAT: "x.xxx.x.x.xxxxxx"},
            },
            ("synth bass", "sub"),
            (v("electric piano", "chords", "sparse"), v("synth strings", "pad", "pad", 2),
             v("synth pluck", "arpeggio", "pluck", 3)),
            swing=0.4, swing_unit=1, syllable_rate=4.9, syncopation=0.6, mood=(-0.1, 0.3), contour=0.5, fills=False,
        ),
        Genre(
            "house", (118, 128), {"minor": 0.65, "major": 0.35}, CLUB,
            {
                "light": {KICK: "X...X...X...X...", SHAKER: "x.x.x.x.x.x.x.x."},
                "main": {KICK: "X...X...X...X...", OPEN: "..X...X...X...X.", CLAP: "....X.......X..."},
                "full": {KICK: "X...X...X...X...", OPEN: "..X...X...X...X.", CLAP: "....X.......X...",
                         HAT: "x.xxx.xxx.xxx.xx"},
            },
            ("synth bass", "offbeat"),
            (v("piano", "chords", "house"), v("synth pad", "pad", "pad", 1),
             v("synth pluck", "arpeggio", "sixteenths", 2)),
            syllable_rate=3.4, syncopation=0.5, mood=(0.4, 0.6),
        ),
        Genre(
            "synthwave", (86, 116), {"minor": 0.8, "major": 0.2}, CLUB,
            {
                "light": {KICK: "X...X...X...X..."},
                "main": {KICK: "X...X...X...X...", SNARE: "....X.......X...", HAT: "x.x.x.x.x.x.x.x."},
                "full": {KICK: "X...X...X...X...", SNARE: "....X.......X...", HAT: "xxxxxxxxxxxxxxxx",
                         CLAP: "....X.......X..."},
            },
            ("synth bass", "sixteenths"),
            (v("synth strings", "pad", "pad"), v("synth pluck", "arpeggio", "sixteenths", 1),
             v("saw lead", "lead", "fills", 2)),
            syllable_rate=3.2, syncopation=0.25, mood=(-0.1, 0.3),
        ),
        Genre(
            "lo-fi", (68, 90), {"major": 0.55, "minor": 0.45}, LOFI,
            {
                "light": {HAT: "x.x.x.x.x.x.x.x."},
                "main": {KICK: "X......x..x.....", RIM: "....X.......X...", HAT: "x.xox.x.x.xox.x."},
                "full": {KICK: "X......x..x....x", SNARE: "....x.......x...", HAT: "x.xox.xxx.xox.xo"},
            },
            ("bass guitar", "sustained"),
            (v("electric piano", "chords", "sparse"), v("nylon guitar", "arpeggio", "fingerpick", 2),
             v("vibraphone", "lead", "fills", 1)),
            swing=0.55, swing_unit=1, syllable_rate=2.9, syncopation=0.45, mood=(0.1, -0.6),
            tonic={"major": "Imaj7", "minor": "i7"}, crash=False, fills=False,
        ),
        Genre(
            "waltz", (92, 150), {"major": 0.75, "minor": 0.25}, WALTZ,
            {
                "light": {HAT: "....x...x..."},
                "main": {KICK: "X...........", RIM: "....x...x...", RIDE: "x...x...x.x."},
                "full": {KICK: "X...........", SNARE: "....x...x..o", RIDE: "X...x...x.x."},
            },
            ("upright bass", "waltz"),
            (v("accordion", "chords", "oompah"), v("piano", "arpeggio", "broken", 1), v("violin", "lead", "fills", 2)),
            time_signature="3/4", syllable_rate=3.0, syncopation=0.0, mood=(0.3, -0.1), fills=False, crash=False,
        ),
        Genre(
            "soul", (50, 72), {"major": 0.8, "minor": 0.2}, SOUL,
            {
                "light": {HAT: "x.x.x.x.x.x.", RIM: "......x....."},
                "main": {KICK: "X.......x...", SNARE: "......X.....", HAT: "x.x.x.x.x.x."},
                "full": {KICK: "X...x...x...", SNARE: "......X...o.", RIDE: "x.x.x.x.x.x.", TAMBOURINE: "......X....."},
            },
            ("bass guitar", "compound"),
            (v("organ", "pad", "pad"), v("electric guitar", "arpeggio", "broken", 1),
             v("piano", "chords", "triplets", 2), v("brass", "lead", "fills", 3)),
            time_signature="6/8", syllable_rate=3.2, syncopation=0.2, mood=(0.3, 0.1),
        ),
        Genre(
            "metal", (120, 170), {"minor": 1.0}, METAL,
            {
                "light": {KICK: "X.......X.......", RIDE: "x...x...x...x..."},
                "main": {KICK: "X.xxX.xxX.xxX.xx", SNARE: "....X.......X...", HAT: "X...X...X...X..."},
                "full": {KICK: "XxxxXxxxXxxxXxxx", SNARE: "....X.......X...", RIDE: "X...X...X...X..."},
            },
            ("picked bass", "gallop"),
            (v("distorted guitar", "chords", "gallop"), v("choir", "pad", "pad", 3), v("saw lead", "lead", "fills", 3)),
            syllable_rate=3.3, syncopation=0.2, mood=(-0.4, 0.9), tonic={"minor": "i5"},
        ),
        Genre(
            "punk", (160, 190), {"major": 0.8, "minor": 0.2}, ROCK,
            {
                "light": {KICK: "X.......X.......", SNARE: "....X.......X...", HAT: "X.x.X.x.X.x.X.x."},
                "main": {KICK: "X...x.x.X...x.x.", SNARE: "..X...X...X...X.", OPEN: "X...X...X...X..."},
                "full": {KICK: "X...x.x.X...x.x.", SNARE: "..X...X...X...X.", RIDE: "X.X.X.X.X.X.X.X."},
            },
            ("picked bass", "eighths"),
            (v("distorted guitar", "chords", "power"), v("overdriven guitar", "lead", "fills", 3)),
            syllable_rate=3.9, syncopation=0.15, mood=(0.1, 0.9),
        ),
        Genre(
            "ambient", (60, 84), {"major": 0.5, "minor": 0.5}, LOFI,
            {"light": {}, "main": {SHAKER: "o...x...o...x..."}, "full": {KICK: "x.......x.......",
            SHAKER: "o.x.x.x.o.x.x.x."}},
            ("synth bass", "sustained"),
            (v("synth pad", "pad", "pad"), v("bright pad", "arpeggio", "broken", 1), v("piano", "lead", "fills")),
            syllable_rate=2.6, syncopation=0.1, mood=(0.1, -0.8), fills=False, crash=False,
        ),
    )  # fmt: skip


GENRES: dict[str, Genre] = {genre.name: genre for genre in _genres()}
