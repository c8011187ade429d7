"""The drummer: the genre's groove at the intensity of the bar, fills at section ends, a crash where a section opens."""

from __future__ import annotations

import random

from ..score import Note
from .arrangement import Bar, Hand
from .genres import CRASH, HIGH_TOM, KICK, LOW_TOM, MID_TOM, SNARE, Genre
from .grid import Grid

_LOUD = {"X": 108, "x": 84, "o": 48}
_FILLS: tuple[dict[int, str], ...] = (  # the last two beats of a bar, in eighths of them
    {SNARE: "x.xxXxXX"},
    {SNARE: "x.x.....", HIGH_TOM: "....xx..", LOW_TOM: "......xX"},
    {HIGH_TOM: "xx......", MID_TOM: "..xx....", LOW_TOM: "....xx..", SNARE: "......XX"},
    {SNARE: "..x..x.X", KICK: "x..x..x."},
    {SNARE: "X...X.XX", KICK: "..x....."},
)


def play_drums(bars: list[Bar], grid: Grid, genre: Genre, duration: float, rng: random.Random) -> list[Note]:
    """General MIDI drum notes for the whole song."""
    hand = Hand(grid, duration, rng, spread=7)
    fills = rng.sample(_FILLS, 2)
    for bar in bars:
        if bar.final:
            hand.sound(grid.time(bar.slot), grid.time(bar.slot) + 0.4, KICK, 100)
            if genre.crash:
                hand.last(CRASH, 90, bar)
            continue
        if bar.label == "break" and bar.opening and bar.index:
            hand.play(bar.slot, 8, CRASH, 80)
            continue
        fill = genre.fills and bar.closing and bar.intensity > 0 and grid.slots_per_beat == 4
        fill_from = grid.slots_per_bar - 8 if fill else grid.slots_per_bar
        groove = genre.grooves[("light", "light", "main", "full")[bar.intensity]]
        if bar.intensity == 1 and bar.label == "verse":
            groove = genre.grooves["main"]
        for key, row in groove.items():
            for position, stroke in enumerate(row[:fill_from]):
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
