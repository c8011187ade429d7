"""The form of a song whose lyrics have no times: which section takes which bars, and which line starts where.

Space is made in steps: first as the genre likes it, then with a short intro, then with fewer bars a line and a higher
tempo.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass, field, replace

from ..lyrics.parse import Lyrics
from .genre import Genre
from .grid import METERS, Grid
from .text import ComposeError, SungLine

BREATH = 0.25
"""Seconds left free between two lines."""

_SHORT_BAR, _SLOW_BAR = 1.75, 2.4  # seconds
_STOP_TAIL = 1.2  # seconds after the last bar line of a song that stops dead
_LONGEST_INSTRUMENTAL = 20.0  # seconds; longer stretches without words become several sections
_MODULATING = 0.17  # of the songs with a second chorus or a bridge
_LEAD_IN = 2  # slots that a song which starts with singing leaves to the first consonants


_LONG_ROW = ("solo", "verse", "break", "solo", "chorus", "break")


@dataclass(frozen=True)
class PlacedLine:
    """A line on the grid: it owns ``slots`` sixteenths from ``slot``.

    It may start up to ``pickup`` slots early (negative: it must start as much later) and leaves its last ``reserve``
    slots to the next line where it can.
    """

    line: SungLine
    slot: int
    slots: int
    pickup: int = 0
    reserve: int = 0


@dataclass
class SectionPlan:
    """``bars`` bars from ``bar``; ``phases`` says for every bar which bar of the chord progression it takes.

    ``shift`` is how many semitones above the song's key it stands.
    """

    label: str
    bar: int
    bars: int
    lines: list[PlacedLine] = field(default_factory=list)
    phases: list[int] = field(default_factory=list)
    shift: int = 0


@dataclass
class Form:
    """Sections in order from bar 0; ``final_bar`` (inside the last section) brings the last chord, which rings out."""

    grid: Grid
    duration: float
    sections: list[SectionPlan]
    final_bar: int


@dataclass(frozen=True)
class Block:
    """A section before it has bars."""

    label: str
    lines: tuple[SungLine, ...] = ()
    extra_bars: int = 0


@dataclass(frozen=True)
class Squeeze:
    """How tightly a song is packed: syllables a second (None: the genre's), bars of sections without words."""

    rate: float | None
    intro: int
    outro: int
    instrumental: int
    even: bool
    tail: float
    tempos: tuple[float, ...]  # where between the tempo wished for (0) and the genre's fastest (1)


_SQUEEZES = (
    Squeeze(None, 4, 3, 8, True, 2.4, (0.0,)),
    Squeeze(4.2, 2, 1, 4, True, 2.0, (0.0,)),
    Squeeze(5.0, 1, 0, 2, False, 1.5, (0.0, 0.5)),
    Squeeze(6.2, 0, 0, 0, False, 1.0, (0.0, 0.5, 1.0)),
)


def _squeezes(genre: Genre) -> list[Squeeze]:
    """Ways to pack a song of ``genre``, the one it likes best first."""
    shares = [
        replace(squeeze, intro=min(squeeze.intro, genre.intro), outro=min(squeeze.outro, genre.outro),
                instrumental=min(squeeze.instrumental, genre.solo),
                tail=min(squeeze.tail, _STOP_TAIL) if genre.ending == "stop" else squeeze.tail)
        for squeeze in _SQUEEZES
    ]  # fmt: skip
    return [replace(shares[0], intro=genre.intro, outro=genre.outro, instrumental=genre.solo), *shares[1:]]


def blocks_of(lyrics: Lyrics, lines: list[SungLine]) -> list[Block]:
    """Sections as tagged; untagged lyrics are cut at repeated lines (choruses) and every four lines."""
    if not lyrics.sections or all(line.section is None for line in lines):
        return propose_blocks(lines)
    blocks = [
        Block(section.label, tuple(line for line in lines if line.section == index))
        for index, section in enumerate(lyrics.sections)
    ]
    loose = tuple(line for line in lines if line.section is None)
    return [Block("verse", loose), *blocks] if loose else blocks


def propose_blocks(lines: list[SungLine]) -> list[Block]:
    """Verses and choruses for untagged lines: what comes again is the chorus, else every second four lines."""
    heard = Counter(line.text.casefold().strip() for line in lines)
    runs: list[tuple[bool, list[SungLine]]] = []
    for line in lines:
        again = heard[line.text.casefold().strip()] > 1
        if not runs or runs[-1][0] != again or len(runs[-1][1]) == 4:
            runs.append((again, []))
        runs[-1][1].append(line)
    if any(again and len(run) > 1 for again, run in runs):
        return [Block("chorus" if again else "verse", tuple(run)) for again, run in runs]
    chunks = [lines[i : i + 4] for i in range(0, len(lines), 4)]
    labels = ("verse", "chorus", "verse", "chorus", "bridge", "chorus")
    return [Block(labels[i % len(labels)], tuple(chunk)) for i, chunk in enumerate(chunks)]


def plan_untimed(
    blocks: list[Block],
    genre: Genre,
    tempo: float,
    duration: float | None,
    fixed_tempo: bool,
    rng: random.Random,
) -> Form:
    """Lay untimed lyrics on bars. Raises :class:`ComposeError` when they do not fit into ``duration`` seconds."""
    fastest = tempo if fixed_tempo else max(tempo, float(genre.tempo[1]))
    if duration is None:
        squeeze = _squeezes(genre)[0]
        sections = _lay(blocks, genre, tempo, squeeze)
        grid = _grid(genre, tempo)
        final = sum(section.bars for section in sections)
        return _form(grid, sections, final * grid.bar + _ringing(genre, squeeze, grid.bar))
    for squeeze in _squeezes(genre):
        for share in squeeze.tempos:
            candidate = tempo + share * (fastest - tempo)
            sections = _lay(blocks, genre, candidate, squeeze)
            if _seconds(sections, genre, candidate) + squeeze.tail <= duration:
                return _stretched(sections, genre, candidate, duration, squeeze, fixed_tempo, rng)
    raise ComposeError(_too_long(blocks, genre, tempo, fastest, duration))


def plan_instrumental(
    genre: Genre, tempo: float, duration: float | None, fixed_tempo: bool, rng: random.Random, labels: list[str]
) -> Form:
    """Sections for a song without words: those of ``labels``, or a usual row. ``duration`` None: about 75 seconds."""
    grid = _grid(genre, tempo)
    bars = int((duration or 75.0) / grid.bar)
    unit = 16 if bars >= 120 else 8 if bars >= 28 else 4 if bars >= 12 else 2
    squeeze = _squeezes(genre)[0 if bars >= 20 else 1 if bars >= 8 else -1]
    usual = [rng.choice(("bridge", "solo", "break")) if label == "bridge" else label for label in genre.form]
    if labels:
        unit = max(1, bars // len(labels)) if duration else 8
        blocks = [Block(label, extra_bars=unit) for label in labels]
    else:
        room = bars - squeeze.intro - squeeze.outro - 1
        blocks = [Block(usual[i % len(usual)], extra_bars=unit) for i in range(max(1, room // unit))]
    if duration is None:
        return plan_untimed(blocks, genre, tempo, None, fixed_tempo, rng)
    while blocks:
        sections = _lay(blocks, genre, tempo, squeeze)
        if _seconds(sections, genre, tempo) + squeeze.tail <= duration:
            return _stretched(sections, genre, tempo, duration, squeeze, fixed_tempo, rng)
        blocks.pop()
    bars = max(0, int((duration - 1.0) / grid.bar))
    return _form(grid, [SectionPlan("verse", 0, bars, phases=list(range(bars)))] if bars else [], duration)


def line_bars(count: int, genre: Genre, bar: float, squeeze: Squeeze) -> int:
    """Bars that ``count`` syllables need at ``bar`` seconds a bar."""
    beats, slots = METERS[genre.time_signature]
    rate = max(squeeze.rate or 0.0, genre.syllable_rate)
    bars = 1
    while count > rate * (bars * bar - BREATH - 0.1) or count > bars * beats * slots - 3 - _LEAD_IN:
        bars += 1
    if squeeze.even:
        least = genre.bars_per_line if bar < 2.6 and count > 3 else 1
        bars = max(bars, least)
        if bars > 2:
            bars += bars % 2
    return bars


def _grid(genre: Genre, tempo: float) -> Grid:
    return Grid(tempo, genre.time_signature, 0.0, genre.swing, genre.swing_unit)


def _seconds(sections: list[SectionPlan], genre: Genre, tempo: float) -> float:
    return sum(section.bars for section in sections) * _grid(genre, tempo).bar


def _lay(blocks: list[Block], genre: Genre, tempo: float, squeeze: Squeeze) -> list[SectionPlan]:
    grid = _grid(genre, tempo)
    few = grid.bar > _SLOW_BAR
    blocks = list(blocks)
    if blocks[0].label != "intro" and squeeze.intro:
        blocks.insert(0, Block("intro", extra_bars=squeeze.intro // 2 if few and squeeze.intro > 1 else squeeze.intro))
    if blocks[-1].label != "outro" and squeeze.outro:
        blocks.append(Block("outro", extra_bars=squeeze.outro))
    stride = genre.bars_per_line * (2 if grid.bar < _SHORT_BAR else 1)  # bars of the progression a line moves on by
    sections: list[SectionPlan] = []
    bar = 0
    for number, block in enumerate(blocks):
        plan = SectionPlan(block.label, bar, 0)
        at = 0
        for index, line in enumerate(block.lines):
            bars = line_bars(line.count, genre, grid.bar, squeeze)
            pickup = grid.slots_per_beat if squeeze.even else 0
            if number == index == 0:
                pickup = -_LEAD_IN
            reserve = grid.slots_per_beat if squeeze.even else 0
            size = grid.slots_per_bar
            plan.lines.append(PlacedLine(line, (bar + at) * size, bars * size, pickup, reserve))
            first = index * stride
            plan.phases += [first + i for i in range(bars)]
            at += bars
        if block.lines and squeeze.even and at % 2 and at > 2:
            plan.phases.append(plan.phases[-1] + 1)
            at += 1
        if not block.lines:
            wish = {"intro": squeeze.intro, "outro": squeeze.outro}.get(block.label, squeeze.instrumental)
            at = block.extra_bars or wish
            plan.phases = list(range(at))
        plan.bars = at
        bar += at
        if at:
            sections.append(plan)
    return sections


def _stretched(
    sections: list[SectionPlan],
    genre: Genre,
    tempo: float,
    duration: float,
    squeeze: Squeeze,
    fixed_tempo: bool,
    rng: random.Random,
) -> Form:
    """Fill ``duration``: whole bars go to instrumental sections, the rest slows the tempo or lets the last chord
    ring."""
    bar = _grid(genre, tempo).bar
    spare = int((duration - squeeze.tail - _seconds(sections, genre, tempo)) / bar)
    sections = _filled(sections, spare, genre, bar, rng)
    bars = sum(section.bars for section in sections)
    if bars and not fixed_tempo:
        exact = bars * METERS[genre.time_signature][0] * 60.0 / (duration - _ringing(genre, squeeze, min(bar, 2.5)))
        tempo = min(tempo, max(exact, 0.97 * tempo, float(genre.tempo[0])))
    return _form(_grid(genre, tempo), sections, duration)


def _ringing(genre: Genre, squeeze: Squeeze, bar: float) -> float:
    """Seconds that the last chord is given."""
    return squeeze.tail if genre.ending == "stop" else max(squeeze.tail, bar)


def _filled(sections: list[SectionPlan], spare: int, genre: Genre, bar: float, rng: random.Random) -> list[SectionPlan]:
    """Give ``spare`` bars to intro, outro and interludes: a few at a time, before the last chorus first.

    Interludes between a verse and its chorus come late. Without a band there is nothing to play: single bars of rest.
    """
    order = [s for s in sections if s.label not in ("intro", "outro")]
    intro = sections[0] if sections and sections[0].label == "intro" else SectionPlan("intro", 0, 0)
    outro = sections[-1] if sections and sections[-1].label == "outro" else SectionPlan("outro", 0, 0)
    alone = genre.solo == 0
    step = 1 if alone else 4 if bar < _SLOW_BAR else 2
    gaps: dict[int, SectionPlan] = {}
    late: set[int] = set()
    if order:
        choruses = [i for i, s in enumerate(order) if s.label == "chorus"]
        solo = choruses[-1] if len(choruses) > 1 else len(order)
        others = [i for i in range(1, len(order) + 1) if i != solo and order[i - 1].label != "prechorus"]
        rng.shuffle(others)
        other = "break" if alone or genre.interlude == "solo" else "solo"
        for place in [solo, *others]:
            gaps[place] = SectionPlan(other if alone or place != solo else genre.interlude, 0, 0)
        late = {place for place in others if order[place - 1].label == "verse" and choruses and not alone}
    elif intro.lines and outro.lines:
        gaps[0] = SectionPlan(genre.interlude, 0, 0)
    ends = [plan for plan in (intro, outro) if not plan.lines and not (alone and gaps)]
    room = step
    while spare > 0:
        targets = [plan for plan in ends if not gaps or plan.bars < 2 * step]
        targets += [plan for place, plan in gaps.items() if place not in late or room > 4 * step or late == set(gaps)]
        if spare < min(3, step) and ends:  # shorter interludes are not worth a section
            targets = [plan for plan in targets if plan.bars] or ends[-1:]
        for target in targets:
            bars = max(0, min(room - target.bars, spare))
            target.bars += bars
            spare -= bars
        room += step
    longest = math.inf if alone else _LONGEST_INSTRUMENTAL / bar
    result = _divided(intro, longest)
    for place in range(len(order) + 1):
        result += _divided(gaps[place], longest) if place in gaps else []
        result += order[place : place + 1]
    return [plan for plan in (*result, *_divided(outro, longest)) if plan.bars]


def _divided(plan: SectionPlan, longest: float) -> list[SectionPlan]:
    """A section without words, cut into several where it exceeds ``longest`` bars: a long song has more of all."""
    if plan.lines or plan.bars <= longest:
        if not plan.lines:
            plan.phases = list(range(plan.bars))
        return [plan]
    count = max(1, round(plan.bars / max(4.0, longest // 4 * 4)))
    sizes = [plan.bars // count // 2 * 2] * count
    sizes[0 if plan.label == "outro" else -1] += plan.bars - sum(sizes)
    row = [_LONG_ROW[i % len(_LONG_ROW)] for i in range(count)]
    if plan.label == "outro":
        row[-1] = "outro"
    else:
        row[0] = plan.label
    return [SectionPlan(label, 0, bars, phases=list(range(bars))) for label, bars in zip(row, sizes, strict=True)]


def modulate(form: Form, most: int, rng: random.Random) -> None:
    """In some songs the last chorus and what follows, or the bridge alone, goes up one to three semitones.

    ``most``: as far as the singer's range allows.
    """
    wanted, bridge_alone, by = rng.random() < _MODULATING, rng.random() < 0.25, rng.choice((1, 1, 2, 2, 3))
    by = min(by, most)
    if not wanted or by < 1:
        return
    places = {label: [i for i, s in enumerate(form.sections) if s.label == label] for label in ("chorus", "bridge")}
    if bridge_alone and places["bridge"]:
        form.sections[places["bridge"][-1]].shift = by
    elif len(places["chorus"]) > 1:
        for section in form.sections[places["chorus"][-1] :]:
            section.shift = by


def _form(grid: Grid, sections: list[SectionPlan], duration: float) -> Form:
    bar = 0
    for plan in sections:
        moved = (bar - plan.bar) * grid.slots_per_bar
        plan.lines = [replace(line, slot=line.slot + moved) for line in plan.lines]
        plan.bar = bar
        bar += plan.bars
    if not sections or sections[-1].label != "outro":
        sections.append(SectionPlan("outro", bar, 0))
    sections[-1].bars += 1
    sections[-1].phases.append(0)
    return Form(grid, duration, sections, bar)


def _least(blocks: list[Block], genre: Genre, tempo: float, fastest: float) -> float:
    squeeze = _squeezes(genre)[-1]
    tempos = (tempo + share * (fastest - tempo) for share in squeeze.tempos)
    return min(_seconds(_lay(blocks, genre, t, squeeze), genre, t) + squeeze.tail for t in tempos)


def _too_long(blocks: list[Block], genre: Genre, tempo: float, fastest: float, duration: float) -> str:
    need = _least(blocks, genre, tempo, fastest)
    lines = [(b, line) for b, block in enumerate(blocks) for line in block.lines]
    remedy = f"raise the duration to {math.ceil(need)} s"
    for dropped in range(1, len(lines)):
        kept = lines[:-dropped]
        shorter = [Block(block.label, tuple(line for b, line in kept if b == i)) for i, block in enumerate(blocks)]
        if _least([block for block in shorter if block.lines], genre, tempo, fastest) <= duration:
            remedy += f" or drop {dropped} line{'s' if dropped > 1 else ''}"
            break
    return f"the lyrics need at least {math.ceil(need * 10) / 10:.1f} s, the song lasts {duration:g} s: {remedy}"
