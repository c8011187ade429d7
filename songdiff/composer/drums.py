"""The drummer: the genre's groove at the intensity of the bar, fills at section ends, a crash where a section opens."""

from __future__ import annotations

import random

from ..score import Note
from .arrangement import Bar, Hand, thinned
from .genre import (
    BASS_DRUM,
    CLAP,
    CRASH,
    HAT,
    HIGH_TOM,
    KICK,
    LOW_TOM,
    MID_TOM,
    OPEN,
    RIDE,
    SHAKER,
    SNARE,
    TAMBOURINE,
    Genre,
)
from .grid import Grid

_LOUD = {"X": 108, "x": 84, "o": 48}
FILLS: dict[str, tuple[dict[int, str], ...]] = {  # the last two beats of a bar, in eighths of them
    "kit": (
        {SNARE: "x.xxXxXX"},
        {SNARE: "x.x.....", HIGH_TOM: "....xx..", LOW_TOM: "......xX"},
        {HIGH_TOM: "xx......", MID_TOM: "..xx....", LOW_TOM: "....xx..", SNARE: "......XX"},
        {SNARE: "..x..x.X", KICK: "x..x..x."},
        {SNARE: "X...X.XX", KICK: "..x....."},
    ),
    "toms": (
        {HIGH_TOM: "X.x.....", MID_TOM: "....x...", LOW_TOM: "......X."},
        {HIGH_TOM: "xxx.....", MID_TOM: "...xxx..", LOW_TOM: "......XX"},
        {SNARE: "x.......", HIGH_TOM: "..x.....", LOW_TOM: "....x.X."},
    ),
    "snare": ({SNARE: "x.xxX.XX"}, {SNARE: "..x.xxXX", KICK: "x......."}, {SNARE: "xxxxXXXX"}, {SNARE: "X..X..X."}),
    "roll": ({SNARE: "xxxxxxXX"}, {SNARE: "x.x.xxxX"}, {CLAP: "x..x..xX"}),
    "hats": ({HAT: "xxxxXXXX"}, {HAT: "x.xxXxXX", SNARE: "......xX"}, {OPEN: "....X...", KICK: "x.....x."}),
    "brush": ({SNARE: "o..o.ox."}, {SNARE: "..o.x.o.", KICK: "......x."}, {HIGH_TOM: "o...o...", SNARE: "..o...x."}),
    "march": ({SNARE: "ooooxxXX"}, {BASS_DRUM: "X...X...", SNARE: "..xx..xX"}, {SNARE: "o.ooxxxX"}),
}
_COMPOUND_FILL = {SNARE: "x.x...", MID_TOM: "...x..", LOW_TOM: "....xX"}  # the last beat of a bar of 6/8
_BUSIER = (HAT, SHAKER, RIDE, TAMBOURINE)  # what fills up in excited songs


def play_drums(bars: list[Bar], grid: Grid, genre: Genre, duration: float, rng: random.Random) -> list[Note]:
    """General MIDI drum notes for the whole song."""
    hand = Hand(grid, duration, rng, spread=7)
    fills = rng.sample(FILLS[genre.fills], 2) if genre.fills else []
    if fills and grid.slots_per_beat == 6:
        fills = [_COMPOUND_FILL] * 2
    habit = str(rng.random())
    for bar in bars:
        if bar.final:
            hand.sound(grid.time(bar.slot), grid.time(bar.slot) + 0.4, KICK, 100)
            if genre.crash:
                hand.last(CRASH, 90, bar)
            continue
        if bar.label == "break" and bar.opening and bar.index:
            hand.play(bar.slot, 8, CRASH, 80)
            continue
        fill = bool(fills) and bar.closing and (bar.intensity > 0 or bar.label == "intro")
        fill_from = grid.slots_per_bar - len(next(iter(fills[0].values()))) if fill else grid.slots_per_bar
        groove = genre.grooves[("light", "light", "main", "full")[bar.intensity]]
        if bar.intensity == 1 and bar.label == "verse" and bar.energy > -0.55:
            groove = genre.grooves["main"]
        for key, row in groove.items() if "drums" not in bar.resting else ():
            for position, stroke in enumerate(_row(row, key, bar, grid, habit)[:fill_from]):
                if stroke == "." or (stroke == "o" and rng.random() < 0.15):
                    continue
                gentle = {0: 0.75, 1: 0.88, 2: 0.95, 3: 1.0}[bar.intensity]
                swell = 1.0 + 0.08 * (grid.accent(position) - 0.5)
                hand.play(bar.slot + position, 1, key, round(_LOUD[stroke] * gentle * swell))
        if fill:
            for key, row in fills[bar.index // 8 % 2].items():
                for position, stroke in enumerate(row):
                    if stroke != ".":
                        hand.play(bar.slot + fill_from + position, 1, key, _LOUD[stroke] - 10 + 2 * position)
        if bar.opening and bar.index and genre.crash and bar.intensity >= 2:
            hand.play(bar.slot, 8, CRASH, 96)
    return hand.done()


def _row(row: str, key: int, bar: Bar, grid: Grid, habit: str) -> str:
    """The strokes of one drum as the song's energy has them: thinner in calm songs, ghost notes between in wild."""
    if bar.energy < 0:
        thin = [key in (*_BUSIER, KICK) and thinned(p, bar, grid, f"{habit}/{key}") for p in range(len(row))]
        return "".join("." if skip else stroke for stroke, skip in zip(row, thin, strict=True))
    if key not in _BUSIER or bar.intensity < 2 or bar.energy < 0.2:
        return row
    added = [random.Random(f"{habit}/{key}/{p}").random() < 0.7 * bar.energy for p in range(len(row))]
    return "".join("o" if stroke == "." and more else stroke for stroke, more in zip(row, added, strict=True))
