"""The form of a song whose lyrics carry times: the tempo and the bar lines that fit them, and the sections between.

The times are never moved; the music is laid under them.
"""

from __future__ import annotations

import cmath
import itertools
import math

from .form import BREATH, Block, Form, PlacedLine, SectionPlan
from .genre import Genre
from .grid import METERS, Grid
from .text import ComposeError, SungLine


def fit_grid(starts: list[float], genre: Genre, tempo: float, fixed_tempo: bool) -> Grid:
    """The grid whose bar lines (and beats) lie nearest to ``starts`` seconds, with a mild preference for ``tempo``."""
    beats = METERS[genre.time_signature][0]
    low, high = (tempo, tempo) if fixed_tempo else (min(tempo, genre.tempo[0]), max(tempo, genre.tempo[1]))
    best: tuple[float, float, float] = (-math.inf, tempo, 0.0)
    for step in range(math.floor((high - low) * 10) + 1):
        candidate = round(low + step / 10, 3)
        beat = 60.0 / candidate
        bar = beats * beat
        whole = sum(cmath.exp(2j * math.pi * start / bar) for start in starts)
        origin = cmath.phase(whole) / (2 * math.pi) * bar
        on_beats = sum(math.cos(2 * math.pi * (start - origin) / beat) for start in starts)
        wish = 0.4 * len(starts) * abs(math.log2(candidate / tempo))
        best = max(best, (abs(whole) + on_beats - wish, candidate, origin % bar - bar))
    _, tempo, origin = best
    bar = beats * 60.0 / tempo
    return Grid(tempo, genre.time_signature, 0.0 if origin + bar < 1e-3 else origin, genre.swing, genre.swing_unit)


def spread(lines: list[SungLine], rate: float, duration: float | None) -> list[float]:
    """Starts in seconds for every line: the given ones, and between them the missing ones in proportion to
    syllables."""
    known = [(i, line.start) for i, line in enumerate(lines) if line.start is not None]
    first, first_start = known[0]
    needs = [line.count / rate + 2 * BREATH for line in lines]
    starts: list[float] = [0.0] * len(lines)
    lead = sum(needs[:first])
    for i in range(first):
        starts[i] = first_start - lead if lead < first_start else first_start * sum(needs[:i]) / max(lead, 1e-9)
        lead -= needs[i] if lead < first_start else 0.0
    for (a, start), (b, stop) in itertools.pairwise(known):
        total = sum(needs[a:b])
        for i in range(a, b):
            starts[i] = start + (stop - start) * sum(needs[a:i]) / total
    last, last_start = known[-1]
    for i in range(last, len(lines)):
        starts[i] = last_start + sum(needs[last:i])
    for line, (start, following) in zip(lines[:-1], itertools.pairwise(starts), strict=True):
        if following <= start:
            raise ComposeError(
                f"line {line.index + 2} ({lines[line.index + 1].text!r}) starts at {following:.2f} s, not after "
                f"line {line.index + 1} at {start:.2f} s: put the lines in order of time"
            )
    if duration is not None and starts[-1] + 0.3 > duration:
        late = sum(start + 0.3 > duration for start in starts)
        raise ComposeError(
            f"line {len(lines)} ({lines[-1].text!r}) starts at {starts[-1]:.1f} s, "
            f"the song lasts {duration:g} s: raise the "
            f"duration to {math.ceil(starts[-1] + needs[-1] + 1)} s or drop {late} line{'s' if late > 1 else ''}"
        )
    return starts


def plan_timed(
    blocks: list[Block], genre: Genre, tempo: float, duration: float | None, fixed_tempo: bool
) -> tuple[Form, dict[int, float]]:
    """Lay a form under timed lines; also the start in seconds of every line by its index."""
    lines = [line for block in blocks for line in block.lines]
    lines.sort(key=lambda line: line.index)
    starts = spread(lines, genre.syllable_rate, duration)
    grid = fit_grid(
        [s for s, line in zip(starts, lines, strict=True) if line.start is not None], genre, tempo, fixed_tempo
    )
    ends: list[float] = []
    for i, line in enumerate(lines):
        natural = starts[i] + max(line.count / genre.syllable_rate, 0.6) + 0.4
        given = line.end if line.end is not None and line.end > starts[i] + 0.1 else None
        room = starts[i + 1] - BREATH if i + 1 < len(lines) else math.inf if duration is None else duration - 0.15
        if line.word_times and line.word_times[-1][1] is not None:
            given = line.word_times[-1][1]
        ends.append(
            max(min(given or natural * 1.0, room if given is None else max(room, starts[i] + 0.2)), starts[i] + 0.15)
        )
    if duration is None:
        final = grid.bar_at(ends[-1]) + 3
        duration = grid.bar_time(final) + max(grid.bar, 2.4)
    else:
        final = max(0, grid.bar_at(duration - min(1.2, duration / 2)))
    position = {line.index: i for i, line in enumerate(lines)}
    plans: list[SectionPlan] = []
    for block in blocks:
        if not block.lines:
            continue
        first, last = position[block.lines[0].index], position[block.lines[-1].index]
        bar = max(0, grid.bar_at(starts[first], grid.beat))
        if plans:
            quiet = grid.bar_at(ends[first - 1], 0.0) + 1
            bar = max(bar, plans[-1].bar + 1)
            if bar - quiet >= 4:
                plans.append(SectionPlan("solo", quiet, 0))
        elif bar > 0:
            plans.append(SectionPlan("intro", 0, 0))
        plan = SectionPlan(block.label, bar, 0)
        for i in range(first, last + 1):
            slot = grid.nearest_slot(starts[i])
            room = starts[i + 1] - BREATH if i + 1 < len(lines) else duration - 0.15
            limit = room if lines[i].end is None else max(min(room, ends[i]), starts[i] + 0.15)
            slots = max(1, math.floor((limit - starts[i]) / grid.slot))
            plan.lines.append(PlacedLine(lines[i], slot, slots))
        plans.append(plan)
    outro = max(min(grid.bar_at(ends[-1], 0.0) + 1, final), plans[-1].bar + 1)
    final = max(final, outro)
    plans.append(SectionPlan("outro", outro, 0))
    for plan, following in itertools.pairwise(plans):
        plan.bars = following.bar - plan.bar
    plans[-1].bars = final + 1 - plans[-1].bar
    for plan in plans:
        plan.phases = list(range(plan.bars))
    plans = [plan for plan in plans if plan.bars > 0]
    return Form(grid, duration, plans, final), {line.index: start for line, start in zip(lines, starts, strict=True)}
