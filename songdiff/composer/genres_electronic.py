"""Genres made with machines: from hip-hop to the dance floor, the bedroom and the arcade."""

from __future__ import annotations

from .genre import CLAP, HAT, KICK, OPEN, RIDE, RIM, SHAKER, SNARE, Genre, Voice
from .progressions import CHIP, CLUB, DNB, LOFI, TECHNO, TRAP

v = Voice

ELECTRONIC: tuple[Genre, ...] = (
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
        swing=0.4, swing_unit=1, syllable_rate=4.9, syncopation=0.6, mood=(-0.1, 0.3), contour=0.5,
        fills="", kit=("drum machine", 25), electronic=True, bars_per_line=1, intro=4, outro=2, interlude="break",
        ending="stop", contrast=0.6,
        lag=0.015, vocal_styles={"rap": 0.8, "plain": 0.2},
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
        tonic={"major": "Imaj7", "minor": "i7"}, crash=False,
        fills="", kit=("drum machine", 8), electronic=True, interlude="break", contrast=0.4, lag=0.022,
        vocal_styles={"soft": 0.5, "airy": 0.4, "plain": 0.1},
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
        kit=("drum machine", 25), electronic=True, fills="roll", intro=8, outro=6, interlude="break", ending="stop",
        form=("verse", "chorus", "break", "chorus", "verse", "break", "chorus"), contrast=0.9,
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
        kit=("drum machine", 24), electronic=True, fills="toms", intro=8, vocal_styles={"plain": 0.6, "airy": 0.4},
        contrast=0.8,
    ),
    Genre(
        "ambient", (60, 84), {"major": 0.5, "minor": 0.5}, LOFI,
        {"light": {}, "main": {SHAKER: "o...x...o...x..."}, "full": {KICK: "x.......x.......",
        SHAKER: "o.x.x.x.o.x.x.x."}},
        ("synth bass", "sustained"),
        (v("synth pad", "pad", "pad"), v("bright pad", "arpeggio", "broken", 1), v("piano", "lead", "fills")),
        syllable_rate=2.6, syncopation=0.1, mood=(0.1, -0.8), crash=False,
        fills="", kit=("drum machine", 24), electronic=True, intro=8, outro=6, interlude="break",
        vocal_styles={"airy": 0.7, "soft": 0.3}, contrast=1.0,
        form=("verse", "break", "verse", "bridge", "verse"),
    ),
    Genre(
        "trap", (62, 80), {"minor": 0.95, "dorian": 0.05}, TRAP,
        {
            "light": {KICK: "X...............", HAT: "x.x.x.x.x.x.x.x."},
            "main": {KICK: "X.....x...x.....", CLAP: "........X.......", HAT: "xxxxxxxxxxxxxxxx"},
            "full": {KICK: "X..x..x...x..x..", CLAP: "........X.......", SNARE: "..............ox",
                     HAT: "xxXxxxXxxxXxxxXx", OPEN: "..............x."},
        },
        ("808 bass", "sub"),
        (v("bells", "arpeggio", "pluck"), v("synth pad", "pad", "pad", 1), v("choir", "pad", "pad", 3)),
        syllable_rate=4.9, bars_per_line=1, syncopation=0.6, mood=(-0.4, 0.3), contour=0.5, kit=("drum machine", 25),
        electronic=True, fills="hats", crash=False, outro=2, interlude="break", ending="stop", contrast=0.6,
        vocal_styles={"rap": 0.85, "airy": 0.15},
    ),
    Genre(
        "techno", (124, 142), {"minor": 0.8, "dorian": 0.2}, TECHNO,
        {
            "light": {KICK: "X...X...X...X..."},
            "main": {KICK: "X...X...X...X...", OPEN: "..X...X...X...X.", RIM: "...x..x....x..x."},
            "full": {KICK: "X...X...X...X...", OPEN: "..X...X...X...X.", CLAP: "....X.......X...",
                     HAT: "xxxxxxxxxxxxxxxx", RIDE: "X...X...X...X..."},
        },
        ("acid bass", "rolling"),
        (v("synth pluck", "arpeggio", "sixteenths", 1), v("synth pad", "pad", "pad"), v("synth", "chords", "stabs", 2)),
        syllable_rate=3.0, syncopation=0.5, mood=(-0.2, 0.7), contour=0.7, kit=("drum machine", 25), electronic=True,
        fills="roll", intro=8, outro=8, interlude="break", ending="stop",
        form=("verse", "verse", "break", "chorus", "verse", "break", "chorus"), contrast=0.8,
        vocal_styles={"plain": 0.5, "airy": 0.5},
    ),
    Genre(
        "drum and bass", (164, 178), {"minor": 0.8, "major": 0.2}, DNB,
        {
            "light": {HAT: "x.x.x.x.x.x.x.x.", RIM: "....x.......x..."},
            "main": {KICK: "X.........X.....", SNARE: "....X.......X...", HAT: "x.x.x.x.x.x.x.x."},
            "full": {KICK: "X.........X.....", SNARE: "....X..o.o..X..o", HAT: "X.xxX.xxX.xxX.xx",
                     RIDE: "x...x...x...x..."},
        },
        ("reese bass", "halftime"),
        (v("synth pad", "pad", "pad"), v("synth pluck", "arpeggio", "pluck", 1), v("saw lead", "lead", "fills", 3)),
        syllable_rate=3.4, bars_per_line=4, syncopation=0.4, mood=(0.0, 0.9), kit=("drum machine", 25), electronic=True,
        fills="snare", intro=8, outro=6, interlude="break", contrast=1.0,
        form=("verse", "chorus", "break", "chorus", "verse", "break", "chorus"),
        vocal_styles={"airy": 0.4, "plain": 0.4, "belted": 0.2},
    ),
    Genre(
        "chiptune", (120, 172), {"major": 0.6, "minor": 0.3, "mixolydian": 0.1}, CHIP,
        {
            "light": {KICK: "X.......X.......", HAT: "x...x...x...x..."},
            "main": {KICK: "X.......X.x.....", SNARE: "....X.......X...", HAT: "x.x.x.x.x.x.x.x."},
            "full": {KICK: "X..x..x.X..x..x.", SNARE: "....X.......X.XX", HAT: "x.xxx.xxx.xxx.xx"},
        },
        ("square bass", "octaves"),
        (v("square lead", "lead", "fills", 1), v("square pluck", "arpeggio", "sixteenths"),
         v("synth", "chords", "offbeat", 2)),
        syllable_rate=3.6, syncopation=0.25, mood=(0.6, 0.7), kit=("drum machine", 24), electronic=True, fills="roll",
        crash=False, intro=2, outro=1, ending="stop", contrast=0.3,
        form=("verse", "chorus", "verse", "bridge", "chorus"),
    ),
)  # fmt: skip
