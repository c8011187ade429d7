"""Where the syllables of a line fall: the slots that suit the stresses, the metre and the habits of the section.

A shortest path over (syllable, slot); the same line in the same kind of section always takes the same path.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from .form import BREATH, PlacedLine
from .genre import Genre
from .grid import Grid

_SHORTEST = 0.14  # seconds; quicker syllables are hard to sing
_CALM = 0.46  # seconds between syllables that feels unhurried
_RAPPED = 4.5  # syllables a second; from this rate on lines are spoken, at their own pace


@dataclass(frozen=True)
class Placed:
    """Slots (sixteenths from bar 0) of a line's syllables, and the slot the last may ring until."""

    slots: tuple[int, ...]
    end: int
    shift: int = 0

    def moved(self, slot: int) -> Placed:
        """The same rhythm for a line that starts at ``slot`` instead of ``shift``."""
        by = slot - self.shift
        return Placed(tuple(s + by for s in self.slots), self.end + by, slot)


def habits(label: str, grid: Grid, genre: Genre, seed: str) -> list[float]:
    """What the sections called ``label`` like: a bonus for every slot of two bars, the same throughout the song."""
    rng = random.Random(f"{seed}/rhythm/{label}")
    bonus: list[float] = []
    for slot in range(2 * grid.slots_per_bar):
        off_beat = grid.accent(slot) < 0.6
        width = 0.25 + 1.1 * genre.syncopation + 0.4 * _slowness(grid) if off_beat else 0.35
        bonus.append(rng.uniform(-0.5, 1.0) * width)
    return bonus


def _slowness(grid: Grid) -> float:
    """0 … 1: in slow songs sixteenths are as easy as eighths are elsewhere."""
    return min(max((grid.slot - 0.12) / 0.1, 0.0), 1.0)


def place_syllables(placed: PlacedLine, grid: Grid, genre: Genre, liking: list[float], fixed_start: bool) -> Placed:
    """Slots for the syllables of ``placed``; with ``fixed_start`` the first falls on ``placed.slot``.

    Lines with more syllables than slots get ``slots`` that repeat: the caller spreads them in seconds.
    """
    syllables = placed.line.syllables
    count = len(syllables)
    breath = math.ceil(BREATH / grid.slot)
    last = max(placed.slots - (1 if fixed_start else max(2, breath) + 1), 0)
    if placed.reserve:
        free = placed.slots - placed.reserve - breath - grid.slots_per_beat // 2
        last = max(min(last, free), min(last, round(1.4 * count)))
    first = 0 if fixed_start else -placed.pickup
    if last - first < count - 1:
        return Placed(
            tuple(placed.slot + math.floor(i * placed.slots / count) for i in range(count)), placed.slot + placed.slots
        )
    room = max((last + placed.pickup / 2) / (count - 0.3), 1.0)
    rapped = genre.syllable_rate >= _RAPPED
    calm = 1.05 / genre.syllable_rate if rapped else _CALM
    target = min(room, max(calm / grid.slot, 1.0 if rapped else 1.5))
    steps = max(2, min(math.ceil(2.6 * target), 12))
    size = grid.slots_per_bar
    positions = list(range(first, last + 1))

    def seat(i: int, position: int) -> float:
        syllable = syllables[i]
        accent = grid.accent(placed.slot + position)
        cost = -1.3 * syllable.stress * accent + 0.55 * (1 - syllable.stress) * (accent if accent >= 0.7 else 0.0)
        cost -= liking[(placed.slot + position) % (2 * size)]
        if accent == 0.0:
            cost += (0.9 - 0.7 * genre.syncopation) * (1 - 0.6 * _slowness(grid)) if target > 1.6 else 0.1
        if i == 0:
            cost += 0.12 * abs(position)
        if i == count - 1:
            cost += -0.9 * accent + (0.6 if position > placed.slots - breath - 4 else 0.0)
        return cost

    def gap(i: int, slots: int) -> float:
        wish = target * (1.6 if syllables[i].pause else 1.0 + 0.25 * (syllables[i].stress - 0.3))
        return 0.9 * math.log2(slots / wish) ** 2 + (2.5 if slots * grid.slot < _SHORTEST else 0.0)

    gaps = [[gap(i, s) for s in range(1, steps + 1)] for i in range(count)]
    infinite = math.inf
    costs = [seat(0, p) if (p == 0 or not fixed_start) else infinite for p in positions]
    back: list[list[int]] = []
    for i in range(1, count):
        row, origin = [infinite] * len(positions), [0] * len(positions)
        for here in range(len(positions)):
            for step in range(1, min(steps, here) + 1):
                cost = costs[here - step]
                if cost + gaps[i - 1][step - 1] < row[here]:
                    row[here], origin[here] = cost + gaps[i - 1][step - 1], here - step
            if row[here] < infinite:
                row[here] += seat(i, positions[here])
        costs = row
        back.append(origin)
    here = min(range(len(positions)), key=lambda index: costs[index])
    path = [here]
    for origin in reversed(back):
        here = origin[here]
        path.append(here)
    slots = tuple(placed.slot + positions[index] for index in reversed(path))
    longest = max(round(2.0 / grid.slot), 4)
    average = (slots[-1] - slots[0]) / max(count - 1, 1)
    wish = slots[-1] + max(round(1.8 * average), grid.slots_per_beat)
    wish += -wish % grid.slots_per_beat
    return Placed(slots, min(wish, slots[-1] + longest))
