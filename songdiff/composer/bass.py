"""The bass player: one pattern a genre, told bar by bar which chord comes and which follows."""

from __future__ import annotations

import random
from collections.abc import Callable

from ..score import Note
from .arrangement import Bar, Hand, fuller
from .grid import Grid
from .harmony import Harmony

_LOW = 28  # E1

# A pattern: (slot in the bar, slots, step). Steps: r root, o octave, 5 fifth, 3 third, a approach to the next root.
Pattern = list[tuple[int, int, str]]


def _row(text: str, length: int = 2) -> Pattern:
    """``"r...5..."``: one character a slot; a note lasts to the next one, at most ``length`` slots."""
    hits = [i for i, step in enumerate(text) if step != "."]
    return [(i, min(length, stop - i), text[i]) for i, stop in zip(hits, [*hits[1:], len(text)], strict=True)]


_PATTERNS: dict[str, tuple[Pattern, Pattern]] = {  # calm bars, full bars
    "eighths": (_row("r.....r.r.....r.", 6), _row("r.r.r.r.r.r.r.a.")),
    "sustained": (_row("r...............", 16), _row("r.......r...5...", 8)),
    "root_fifth": (_row("r.......5.......", 6), _row("r.......5.....a.", 6)),
    "boogie": (_row("r...r...5...r...", 3), _row("r.r.3.r.5.r.6.5.")),
    "bossa": (_row("r.....55......r.", 6), _row("r.....5.5.....ra", 5)),
    "reggae": (_row("....r.r...5.....", 3), _row("r..r..5...r.3.5.", 2)),
    "funk": (_row("r..r......r...o.", 2), _row("r.o..r.o..5r..oa", 1)),
    "sub": (_row("r.........r.....", 7), _row("r..r......r..5..", 5)),
    "offbeat": (_row("..r...r...r...r."), _row("..r..rr...r..ro.")),
    "sixteenths": (_row("r.r.r.r.r.r.r.r.", 2), _row("r.rrr.rrr.rrr.ro", 1)),
    "gallop": (_row("r.r.r.r.r.r.r.r."), _row("r.rrr.rrr.rrr.rr", 1)),
    "octaves": (_row("r.o.r.o.r.o.r.o."), _row("r.o.r.o.r.o.rooa", 1)),
    "rolling": (_row("..rr..rr..rr..rr", 1), _row(".rrr.rrr.rrr.rro", 1)),
    "halftime": (_row("r...............", 14), _row("r.....r...o.....", 8)),
    "waltz": (_row("r...........", 4), _row("r.......5...", 4)),
    "compound": (_row("r.....5.....", 5), _row("r...r.5...5a", 4)),
}


def play_bass(bars: list[Bar], grid: Grid, style: str, duration: float, rng: random.Random) -> list[Note]:
    """Bass notes for the whole song, MIDI 28–52. ``style`` is a key of the patterns, or "walking"."""
    hand = Hand(grid, duration, rng)
    for bar, following in zip(bars, [*bars[1:], bars[-1]], strict=True):
        upcoming = following.chords[0]
        if bar.final:
            hand.last(_root(bar.chords[0]), 92, bar)
        elif "bass" in bar.resting:
            continue
        elif bar.intensity == 0 or (bar.label == "break" and not bar.closing):
            if bar.label == "break" or bar.index % 2 == 0:
                hand.play(bar.slot, grid.slots_per_bar * 0.9, _root(bar.chords[0]), 76)
        elif style == "walking":
            _walk(hand, bar, upcoming, rng)
        else:
            _pattern(hand, bar, upcoming, _PATTERNS[style][fuller(bar)], grid)
    return hand.done()


def _root(chord: Harmony) -> int:
    return _LOW + (chord.root - _LOW) % 12


def _steps(chord: Harmony, upcoming: Harmony) -> dict[str, Callable[[], int]]:
    root = _root(chord)

    def above(*intervals: int) -> int:
        names = [(chord.root + interval) % 12 for interval in intervals]
        name = next((name for name in names if name in chord.tones), chord.root)
        return root + (name - root) % 12

    return {
        "r": lambda: root,
        "o": lambda: root + 12,
        "5": lambda: (
            above(7, 6, 8) if above(7, 6, 8) <= 45 else above(7, 6, 8) - 12 if above(7, 6, 8) >= 40 else above(7)
        ),
        "3": lambda: above(4, 3, 5),
        "6": lambda: root + 9,
        "a": lambda: _approach(root, upcoming),
    }


def _approach(pitch: int, upcoming: Harmony) -> int:
    goal = _root(upcoming)
    return goal - 1 if pitch < goal and goal - 1 >= _LOW else goal + 2 if pitch == goal else goal + 1


def _pattern(hand: Hand, bar: Bar, upcoming: Harmony, pattern: Pattern, grid: Grid) -> None:
    starts = {chord.slot - bar.slot for chord in bar.chords}
    for position, length, step in pattern:
        chord = bar.chord_at(bar.slot + position)
        after = upcoming if chord is bar.chords[-1] else bar.chords[-1]
        pitch = _steps(chord, after)[step]()
        velocity = 84 + 4 * bar.intensity + round(10 * grid.accent(position))
        until = min([s for s in starts if s > position], default=grid.slots_per_bar)
        hand.play(bar.slot + position, min(length, until - position), pitch, velocity, 0.92)


def _walk(hand: Hand, bar: Bar, upcoming: Harmony, rng: random.Random) -> None:
    """Quarter notes: the root on each new chord, chord and scale tones between, a semitone into the next root."""
    beats, size = hand.grid.beats_per_bar, hand.grid.slots_per_beat
    pitch = _root(bar.chords[0])
    for beat in range(beats):
        slot = bar.slot + beat * size
        chord = bar.chord_at(slot)
        if chord.slot == slot:
            pitch = _root(chord)
        elif beat == beats - 1:
            pitch = _approach(pitch, upcoming)
        else:
            names = set(chord.tones) | (set(bar.key.pitch_classes) if beat % 2 else set())
            near = [p for p in range(max(_LOW, pitch - 5), min(50, pitch + 5) + 1) if p % 12 in names and p != pitch]
            pitch = rng.choice(near) if near else pitch
        hand.play(slot, size, pitch, 86 + (6 if beat % 2 else 0), 0.95)
