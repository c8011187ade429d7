"""Genres of tradition: folk and country, blues and jazz, the Caribbean and Brazil, the ballroom and the orchestra."""

from __future__ import annotations

from .genre import (
    BASS_DRUM,
    HAT,
    KICK,
    OPEN,
    PEDAL,
    RIDE,
    RIM,
    SHAKER,
    SNARE,
    TAMBOURINE,
    TRIANGLE,
    Genre,
    Voice,
)
from .progressions import BLUES, BOSSA, CELTIC, FOLK, JAZZ, ORCHESTRAL, REGGAE, SKA, WALTZ

v = Voice
_SHUFFLE = {
    "light": {KICK: "X.......X.......", RIM: "....X.......X...", HAT: "X...x.x.X...x.x."},
    "main": {KICK: "X.....x.X.......", SNARE: "....X.......X...", HAT: "X.x.X.x.X.x.X.x."},
    "full": {KICK: "X.....x.X.....x.", SNARE: "....X..o....X..o", RIDE: "X.x.X.x.X.x.X.x."},
}

ROOTS: tuple[Genre, ...] = (
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
        syllable_rate=3.2, syncopation=0.15, mood=(0.2, -0.2), crash=False,
        fills="", kit=("drum kit", 40), vocal_styles={"plain": 0.7, "soft": 0.3}, outro=2,
    ),
    Genre(
        "country", (96, 136), {"major": 0.85, "mixolydian": 0.1, "minor": 0.05}, FOLK,
        {
            "light": {KICK: "X.......X.......", RIM: "....x.......x..."},
            "main": {KICK: "X.......X.......", SNARE: "..o.X.o...o.X.o.", HAT: "x.x.x.x.x.x.x.x."},
            "full": {KICK: "X.......X.x.....", SNARE: "..x.X.x...x.X.x.", HAT: "x.x.X.x.x.x.X.x."},
        },
        ("bass guitar", "root_fifth"),
        (v("acoustic guitar", "chords", "strum"), v("banjo", "arpeggio", "roll", 2),
         v("electric guitar", "lead", "fills", 1), v("fiddle", "pad", "pad", 3)),
        syllable_rate=3.4, syncopation=0.2, mood=(0.4, 0.2),
        ending="stop", fills="snare",
    ),
    Genre(
        "blues", (66, 104), {"major": 0.75, "minor": 0.25}, BLUES, _SHUFFLE, ("bass guitar", "boogie"),
        (v("organ", "pad", "pad", 2), v("overdriven guitar", "lead", "fills"), v("piano", "chords", "offbeat", 1)),
        swing=0.95, syllable_rate=3.0, syncopation=0.35, mood=(-0.3, 0.0), tonic={"major": "I7", "minor": "i7"},
        fills="toms", intro=4, lag=0.012, melisma=0.3, vocal_styles={"plain": 0.6, "belted": 0.4},
        form=("verse", "verse", "solo", "verse", "solo", "verse"),
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
        kit=("drum kit", 32), fills="brush", intro=4, lag=0.018, melisma=0.25, vocal_styles={"plain": 0.7, "soft": 0.3},
        form=("verse", "verse", "bridge", "verse", "solo", "solo", "bridge", "verse"),
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
        crash=False,
        fills="", kit=("drum kit", 40), vocal_styles={"soft": 0.6, "airy": 0.2, "plain": 0.2}, contrast=0.6, lag=0.012,
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
        fills="toms", interlude="break", contrast=0.6, lag=0.012,
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
        time_signature="3/4", syllable_rate=3.0, syncopation=0.0, mood=(0.3, -0.1), crash=False,
        fills="", kit=("drum kit", 40), ending="stop", form=("verse", "chorus", "verse", "solo", "chorus"),
    ),
    Genre(
        "ska", (128, 168), {"major": 0.8, "minor": 0.2}, SKA,
        {
            "light": {RIM: "....X.......X...", HAT: "..x...x...x...x."},
            "main": {KICK: "....X.......X...", SNARE: "....x.......x...", HAT: "x.X.x.X.x.X.x.X."},
            "full": {KICK: "X...X...X...X...", SNARE: "....X.......X...", OPEN: "..X...X...X...X."},
        },
        ("bass guitar", "walking"),
        (v("electric guitar", "chords", "upstroke"), v("brass", "chords", "stabs", 2),
         v("organ", "chords", "bubble", 1), v("trombone", "lead", "fills", 1)),
        syllable_rate=3.7, syncopation=0.4, mood=(0.6, 0.7), fills="snare", ending="stop", contrast=0.6,
    ),
    Genre(
        "celtic", (96, 124), {"major": 0.4, "dorian": 0.3, "mixolydian": 0.2, "minor": 0.1}, CELTIC,
        {
            "light": {SHAKER: "x...x.x...x."},
            "main": {BASS_DRUM: "X.....x.....", SHAKER: "X.x.x.X.x.x."},
            "full": {BASS_DRUM: "X...x.X...x.", TAMBOURINE: "x...x.X...x.", SHAKER: "X.x.x.X.x.x."},
        },
        ("upright bass", "compound"),
        (v("acoustic guitar", "chords", "jig"), v("tin whistle", "lead", "fills", 1),
         v("fiddle", "lead", "fills", 2), v("harp", "arpeggio", "broken", 1)),
        time_signature="6/8", syllable_rate=3.6, syncopation=0.05, mood=(0.4, 0.4),
        tonic={"major": "I", "minor": "i", "dorian": "i", "mixolydian": "I"}, kit=("drum kit", 40), fills="",
        crash=False, ending="stop", form=("verse", "chorus", "verse", "solo", "chorus", "verse"), contrast=0.7,
        vocal_styles={"plain": 0.9, "soft": 0.1},
    ),
    Genre(
        "orchestral", (60, 132), {"minor": 0.5, "major": 0.5}, ORCHESTRAL,
        {
            "light": {},
            "main": {BASS_DRUM: "X...............", TRIANGLE: "........x......."},
            "full": {BASS_DRUM: "X.......X.......", SNARE: "x..xx..xx..xxxxx"},
        },
        ("contrabass", "sustained"),
        (v("strings", "pad", "pad"), v("french horn", "pad", "block", 2),
         v("pizzicato strings", "arpeggio", "pluck", 1),
         v("timpani", "chords", "timpani", 2), v("oboe", "lead", "fills", 1)),
        syllable_rate=2.9, syncopation=0.1, mood=(0.0, 0.2), kit=("orchestral percussion", 0), fills="march",
        intro=6, outro=4, form=("verse", "chorus", "bridge", "verse", "break", "chorus"), contrast=1.8,
        vocal_styles={"plain": 0.4, "belted": 0.4, "soft": 0.2}, melisma=0.25,
    ),
)  # fmt: skip
