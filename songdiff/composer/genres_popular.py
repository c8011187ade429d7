"""Popular genres played by bands: pop, rock and soul music and their kin."""

from __future__ import annotations

from .genre import CLAP, CONGA, HAT, KICK, OPEN, RIDE, RIM, SNARE, TAMBOURINE, Genre, Groove, Voice
from .progressions import COMMON, DISCO, FUNK, METAL, RNB, ROCK, SOUL

v = Voice
_ALL: Groove = {HAT: "x.x.x.x.x.x.x.x."}
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

POPULAR: tuple[Genre, ...] = (
    Genre(
        "pop", (92, 128), {"major": 0.7, "minor": 0.3}, COMMON, _POP, ("bass guitar", "eighths"),
        (v("piano", "chords", "block"), v("synth pad", "pad", "pad", 2),
         v("electric guitar", "arpeggio", "pluck", 1)),
        syllable_rate=3.6, syncopation=0.45, mood=(0.4, 0.3),
        vocal_styles={"plain": 0.7, "belted": 0.15, "airy": 0.15},
    ),
    Genre(
        "rock", (104, 148), {"major": 0.5, "minor": 0.3, "mixolydian": 0.2}, ROCK, _ROCK_KIT,
        ("picked bass", "eighths"),
        (v("overdriven guitar", "chords", "power", 1), v("electric guitar", "arpeggio", "pluck"),
         v("distorted guitar", "lead", "fills", 2)),
        syllable_rate=3.5, syncopation=0.3, mood=(0.2, 0.6),
        kit=("drum kit", 8), vocal_styles={"plain": 0.45, "belted": 0.55}, contrast=0.9,
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
        outro=2, fills="toms", vocal_styles={"plain": 0.4, "soft": 0.45, "belted": 0.15}, contrast=1.4, melisma=0.4,
    ),
    Genre(
        "metal", (120, 170), {"minor": 0.95, "dorian": 0.05}, METAL,
        {
            "light": {KICK: "X.......X.......", RIDE: "x...x...x...x..."},
            "main": {KICK: "X.xxX.xxX.xxX.xx", SNARE: "....X.......X...", HAT: "X...X...X...X..."},
            "full": {KICK: "XxxxXxxxXxxxXxxx", SNARE: "....X.......X...", RIDE: "X...X...X...X..."},
        },
        ("picked bass", "gallop"),
        (v("distorted guitar", "chords", "gallop"), v("choir", "pad", "pad", 3), v("saw lead", "lead", "fills", 3)),
        syllable_rate=3.3, syncopation=0.2, mood=(-0.4, 0.9), tonic={"minor": "i5"},
        kit=("drum kit", 16), fills="toms", ending="stop", vocal_styles={"belted": 0.9, "plain": 0.1}, contrast=0.6,
        form=("verse", "chorus", "verse", "chorus", "break", "solo", "chorus"),
    ),
    Genre(
        "punk", (150, 180), {"major": 0.8, "minor": 0.2}, ROCK,
        {
            "light": {KICK: "X.......X.......", SNARE: "....X.......X...", HAT: "X.x.X.x.X.x.X.x."},
            "main": {KICK: "X...x.x.X...x.x.", SNARE: "..X...X...X...X.", OPEN: "X...X...X...X..."},
            "full": {KICK: "X...x.x.X...x.x.", SNARE: "..X...X...X...X.", RIDE: "X.X.X.X.X.X.X.X."},
        },
        ("picked bass", "eighths"),
        (v("distorted guitar", "chords", "power"), v("overdriven guitar", "lead", "fills", 3)),
        syllable_rate=3.9, syncopation=0.15, mood=(0.1, 0.9),
        kit=("drum kit", 16), fills="snare", ending="stop", intro=2, outro=1,
        vocal_styles={"belted": 0.8, "plain": 0.2}, contrast=0.4,
    ),
    Genre(
        "soul", (55, 76), {"major": 0.8, "minor": 0.2}, SOUL,
        {
            "light": {HAT: "x.x.x.x.x.x.", RIM: "......x....."},
            "main": {KICK: "X.......x...", SNARE: "......X.....", HAT: "x.x.x.x.x.x."},
            "full": {KICK: "X...x...x...", SNARE: "......X...o.", RIDE: "x.x.x.x.x.x.", TAMBOURINE: "......X....."},
        },
        ("bass guitar", "compound"),
        (v("organ", "pad", "pad"), v("electric guitar", "arpeggio", "broken", 1),
         v("piano", "chords", "triplets", 2), v("brass", "lead", "fills", 3)),
        time_signature="6/8", syllable_rate=3.2, syncopation=0.2, mood=(0.3, 0.1),
        fills="kit", lag=0.015, melisma=0.6, contrast=1.2, vocal_styles={"plain": 0.4, "belted": 0.5, "soft": 0.1},
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
        fills="snare", ending="stop", interlude="break", vocal_styles={"plain": 0.5, "belted": 0.5},
    ),
    Genre(
        "disco", (112, 128), {"minor": 0.55, "major": 0.3, "dorian": 0.15}, DISCO,
        {
            "light": {KICK: "X...X...X...X...", HAT: "x.x.x.x.x.x.x.x."},
            "main": {KICK: "X...X...X...X...", SNARE: "....X.......X...", OPEN: "..X...X...X...X.",
                     HAT: "x...x...x...x..."},
            "full": {KICK: "X...X...X...X...", SNARE: "....X.......X...", OPEN: "..X...X...X...X.",
                     HAT: "xx.xxx.xxx.xxx.x", CONGA: "..x..x.x..x..x.x"},
        },
        ("bass guitar", "octaves"),
        (v("electric guitar", "chords", "chank"), v("strings", "pad", "pad", 1),
         v("electric piano", "chords", "offbeat", 2), v("violin", "lead", "fills", 2)),
        syllable_rate=3.5, syncopation=0.5, mood=(0.6, 0.6), tonic={"major": "Imaj7", "minor": "i7", "dorian": "i7"},
        fills="snare", intro=8, interlude="break", contrast=0.7, melisma=0.2,
        vocal_styles={"plain": 0.5, "belted": 0.5},
    ),
    Genre(
        "r&b", (62, 96), {"minor": 0.6, "major": 0.4}, RNB,
        {
            "light": {KICK: "X.........x.....", RIM: "........x......."},
            "main": {KICK: "X..x......x.....", CLAP: "....X.......X...", HAT: "x.x.x.xxx.x.x.x."},
            "full": {KICK: "X..x..x...x..x..", CLAP: "....X.......X...", SNARE: "....x..o....x..o",
                     HAT: "x.xxx.x.x.xxx.xx"},
        },
        ("synth bass", "sub"),
        (v("electric piano", "chords", "sparse"), v("synth pad", "pad", "pad", 1),
         v("electric guitar", "arpeggio", "pluck", 2), v("synth pluck", "lead", "fills", 3)),
        swing=0.3, swing_unit=1, syllable_rate=3.6, syncopation=0.6, mood=(0.1, -0.1),
        tonic={"major": "Imaj7", "minor": "i7"}, kit=("drum machine", 25), fills="snare", lag=0.02, melisma=0.7,
        interlude="break", vocal_styles={"soft": 0.35, "airy": 0.3, "plain": 0.2, "belted": 0.15},
    ),
)  # fmt: skip
