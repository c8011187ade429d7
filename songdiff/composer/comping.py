"""Chords, pads and arpeggios: patterns over voicings that move as little as they can.

A pattern is one bar of sixteenths: ``X`` and ``x`` a chord that lasts until the next stroke, ``s`` a short one, a
digit one
note of the voicing (0 the lowest), ``-`` a stop, ``.`` nothing new.
"""

from __future__ import annotations

import itertools
import random

from ..score import Note
from .arrangement import Bar, Hand, fuller, thinned
from .genre import Voice
from .grid import Grid
from .harmony import Harmony
from .instruments import INSTRUMENTS, Instrument

_PATTERNS: dict[str, tuple[str, str]] = {  # calm bars, full bars
    "pad": ("X...............", "X..............."),
    "block": ("X.......x.......", "X...x...x...x..."),
    "broken": ("0.1.2.1.0.1.2.1.", "0.1.2.3.2.1.2.1."),
    "pluck": ("0...2...1...2...", "0.2.1.3.0.2.1.3."),
    "fingerpick": ("0...2...1...2...", "0.2.1.3.0.2.1.2."),
    "strum": ("X.....x.x.......", "X...x.xx..xxx.x."),
    "roll": ("0.2.1.3.0.2.1.3.", "0123012301230132"),
    "power": ("X.......x.......", "x.x.x.x.x.x.x.x."),
    "gallop": ("s.ssX...s.ssX...", "s.sss.sss.sss.ss"),
    "offbeat": ("..s...s...s...s.", "..s...s...s..ss."),
    "charleston": ("s.....x.........", "s.....x...s...x."),
    "quarters": ("s...s...s...s...", "s...s...s...s..."),
    "bossa": ("x..x..x...x..x..", "x..x..x...x..x.."),
    "skank": ("....s.......s...", "....s.......s..."),
    "upstroke": ("..s...s...s...s.", "..s...s...s...s."),
    "timpani": ("X...............", "X.......x...x.xx"),
    "bubble": ("..s...s...s...s.", "..ss..s...ss..s."),
    "chank": ("s..s..s...s.s...", "s.ss..s.ss.ss.s."),
    "stabs": ("......s.........", "...s..s......ss."),
    "clav": ("0..2.1..0..2.1..", "0.20.12.0.20.132"),
    "sparse": ("X..........x....", "X.....x...x....."),
    "house": ("X..x..x...x..x..", "X..x..x..x..x.x."),
    "sixteenths": ("0.1.2.1.0.1.2.1.", "0121321201213212"),
    "oompah": ("....s...s...", "....s...s..."),
    "jig": ("X.....x.....", "X...x.X...x."),
    "triplets": ("x.....x.....", "x.x.x.x.x.x."),
}
_TRIPLE = {
    "broken": ("0.1.2.3.2.1.", "0.1.2.3.2.1."),
    "pad": ("X...........", "X..........."),
    "block": ("X...........", "X.....x....."),
}
_WORKS_IN_ALL = "block"


def play_chords(
    bars: list[Bar], grid: Grid, voice: Voice, duration: float, rng: random.Random, softer: int = 0
) -> list[Note]:
    """The notes of one chord, pad or arpeggio player for the whole song; silent where the intensity is below
    ``enters``."""
    hand = Hand(grid, duration, rng, spread=5)
    instrument = INSTRUMENTS[voice.instrument]
    voicing: tuple[int, ...] = ()
    calm, full = _pattern(voice.style, grid)
    habit = str(rng.random())
    for bar in bars:
        if bar.final:
            voicing = voice_lead(bar.chords[0], voicing, instrument, voice.style)
            for pitch in voicing:
                hand.last(pitch, 78 - softer, bar)
            continue
        if bar.intensity < voice.enters:
            continue
        pattern = full if fuller(bar) else calm
        marks = [(i, mark) for i, mark in enumerate(pattern) if mark != "."]
        marks = [mark for n, mark in enumerate(marks) if n == 0 or not thinned(mark[0], bar, grid, habit)]
        if marks and not marks[0][1].isdigit() and marks[0][1] in "Xx":  # held chords change with the harmony
            changes = {chord.slot - bar.slot for chord in bar.chords}
            marks = sorted({**{c: "x" for c in changes if c < len(pattern)}, **dict(marks)}.items())
        for (position, mark), stop in zip(marks, [*[i for i, _ in marks[1:]], len(pattern)], strict=True):
            if mark == "-":
                continue
            chord = bar.chord_at(bar.slot + position)
            voicing = voice_lead(chord, voicing, instrument, voice.style)
            length = min(stop - position, 2) * 0.5 if mark == "s" else float(stop - position)
            loud = 62 + 5 * bar.intensity + round(8 * grid.accent(position)) + (8 if mark == "X" else 0) - softer
            if mark.isdigit():
                step = int(mark)
                pitch = voicing[step % len(voicing)] + 12 * (step // len(voicing))
                hand.play(bar.slot + position, max(length, 3.0), pitch, loud)
                continue
            down = position % grid.slots_per_beat == 0
            for n, pitch in enumerate(voicing if down else voicing[::-1]):
                delay = 0.12 * n if voice.style == "strum" and length > 1 else 0.0
                hand.play(bar.slot + position + delay, max(length - delay, 0.5), pitch, loud - n)
    return hand.done()


def voice_lead(chord: Harmony, before: tuple[int, ...], instrument: Instrument, style: str) -> tuple[int, ...]:
    """The voicing of ``chord``, low to high, that lies nearest to ``before`` within the instrument's register."""
    if style == "timpani":
        return (instrument.low + (chord.root - instrument.low) % 12,)
    if style in ("power", "gallop"):
        root = instrument.low + (chord.root - instrument.low) % 12
        return root, root + 7, root + 12
    tones = chord.tones if len(chord.tones) < 5 else chord.tones[1:]
    centre = (instrument.low + instrument.high) / 2 if not before else sum(before) / len(before)
    home = min(instrument.low + 14, (instrument.low + instrument.high) / 2)
    best: tuple[float, tuple[int, ...]] | None = None
    for order in set(itertools.permutations(tones)):
        for base in range(instrument.low, instrument.low + 16):
            if base % 12 != order[0]:
                continue
            pitches = [base]
            for name in order[1:]:
                pitches.append(pitches[-1] + 1 + (name - pitches[-1] - 1) % 12)
            if pitches[-1] > instrument.high or pitches[-1] - pitches[0] > 19:
                continue
            middle = sum(pitches) / len(pitches)
            cost = 0.15 * abs(middle - home - 3) + 0.02 * (pitches[-1] - pitches[0])
            if len(before) == len(pitches):
                cost += sum(abs(a - b) for a, b in zip(before, pitches, strict=True)) / len(pitches)
            else:
                cost += abs(middle - centre) * (0.5 if before else 0.0)
            cost += sum(0.5 for a, b in itertools.pairwise(pitches) if b - a <= 2)
            if best is None or (cost, tuple(pitches)) < best:
                best = cost, tuple(pitches)
    if best is None:
        return tuple(sorted(instrument.low + (name - instrument.low) % 12 for name in tones))
    return best[1]


def _pattern(style: str, grid: Grid) -> tuple[str, str]:
    size = grid.slots_per_bar
    if size == 12 and style in _TRIPLE:
        return _TRIPLE[style]
    rows = _PATTERNS[style]
    if len(rows[0]) != size:
        rows = (_TRIPLE if size == 12 else _PATTERNS)[_WORKS_IN_ALL]
    return rows
