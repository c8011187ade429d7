"""The lead player: a tune where nobody sings, short answers in the gaps between sung lines, silence under the voice."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ..score import Note
from .arrangement import Bar, Hand
from .genre import Genre, Voice
from .grid import Grid
from .harmony import Harmony, Key
from .instruments import INSTRUMENTS
from .melody import Melodist, Phrase, Seat
from .rhythm import habits

_TUNES = ("intro", "solo", "outro", "break")


def play_lead(
    bars: list[Bar],
    grid: Grid,
    genre: Genre,
    voice: Voice,
    key: Key,
    sung: Sequence[tuple[float, float]],
    duration: float,
    seed: str,
    rng: random.Random,
    everywhere: bool,
) -> list[Note]:
    """Lead notes, in the song's ``key`` and where it goes.

    ``sung`` holds (start, end) seconds of sung notes; ``everywhere`` makes the lead the melody of the song.
    """
    instrument = INSTRUMENTS[voice.instrument]
    hand = Hand(grid, duration, rng, spread=5)
    low = max(instrument.low, 58)
    high = min(max(instrument.high, low + 12), low + 19)
    melodist = Melodist(key, genre, low, high, 0.3, f"{seed}/lead", theme=seed)
    size = grid.slots_per_bar
    quiet = [bar for bar in bars if not bar.final]
    index = 0
    while index < len(quiet):
        bar = quiet[index]
        pair = quiet[index : index + 2]
        if len(pair) == 2 and pair[1].label != bar.label:
            pair = pair[:1]
        tune = everywhere or bar.label in _TUNES or not bar.sung
        busy = any(start < grid.time(bar.slot + size * len(pair)) and end > grid.time(bar.slot) for start, end in sung)
        if tune and not busy and (everywhere or bar.intensity >= min(voice.enters, 1) or bar.label == "intro"):
            _tune(hand, pair, grid, genre, melodist, seed, (index // 2) % 4)
        elif bar.intensity >= voice.enters and rng.random() < 0.75:
            for one in pair:
                _answer(hand, one, grid, one.key, sung, low, rng)
        index += len(pair)
    final = next((bar for bar in bars if bar.final), None)
    if final is not None and everywhere:
        hand.last(low + 5 + (final.key.tonic - low - 5) % 12, 80, final)
    return hand.done()


def _tune(hand: Hand, bars: list[Bar], grid: Grid, genre: Genre, melodist: Melodist, seed: str, place: int) -> None:
    """A phrase over one or two bars; its rhythm belongs to the label and its place among four phrases."""
    label, size = bars[0].label, grid.slots_per_bar
    kind = {"intro": "chorus", "solo": "chorus", "outro": "chorus", "break": "verse"}.get(label, label)
    letter = melodist.letter(kind, place)
    taste = random.Random(f"{seed}/tune/{kind}/{letter}/{len(bars)}")
    liking = habits(kind, grid, genre, f"{seed}/lead")
    total = size * len(bars)
    wanted = taste.randint(5, 8) * len(bars) // (1 if grid.bar > 1.5 else 2) // 2 + 2
    score = {
        s: grid.accent(s) + liking[s % len(liking)] + taste.uniform(0, 0.6)
        for s in range(0, total - grid.slots_per_beat)
    }
    chosen: list[int] = []
    for slot in sorted(score, key=lambda s: -score[s]):
        if all(abs(slot - other) >= 2 for other in chosen):
            chosen.append(slot)
        if len(chosen) >= wanted:
            break
    chosen.sort()
    stops = [*chosen[1:], total]
    seats = [
        Seat(bars[0].slot + s, stop - s, 0.5, grid.accent(s), _chord(bars, bars[0].slot + s))
        for s, stop in zip(chosen, stops, strict=True)
    ]
    close = 1 if bars[-1].closing else 0
    shift = (bars[0].key.tonic - melodist.key.tonic) % 12
    for seat, pitch in zip(seats, melodist.phrase(seats, Phrase(kind, letter, close), shift), strict=True):
        hand.play(seat.slot, min(seat.length, grid.slots_per_bar), pitch, 78 + round(10 * seat.accent), 0.94)


def _answer(
    hand: Hand, bar: Bar, grid: Grid, key: Key, sung: Sequence[tuple[float, float]], low: int, rng: random.Random
) -> None:
    """Three or four notes in the largest gap of the bar, if it has room for a beat and a half."""
    free = [
        slot
        for slot in range(bar.slot, bar.slot + grid.slots_per_bar, 2)
        if not any(start < grid.time(slot + 2) + 0.1 and end > grid.time(slot) - 0.1 for start, end in sung)
    ]
    run: list[int] = []
    for slot in free:
        run = [*run, slot] if run and slot == run[-1] + 2 else [slot]
    if len(run) < 3:
        return
    names = set(bar.chord_at(run[0]).tones) & set(key.pitch_classes) or set(bar.chord_at(run[0]).tones)
    scale = [p for p in range(low + 2, low + 17) if p % 12 in set(key.pitch_classes)]
    ends = [p for p in scale if p % 12 in names] or scale
    place = scale.index(rng.choice(ends))
    direction = rng.choice((-1, 1))
    slots = run[-4:]
    for n, slot in enumerate(slots):
        last = n == len(slots) - 1
        pitch = scale[max(0, min(len(scale) - 1, place - direction * (len(slots) - 1 - n)))]
        hand.play(slot, 3 if last else 2, pitch, 70 + 3 * n, 0.94)


def _chord(bars: list[Bar], slot: int) -> Harmony:
    bar = next((bar for bar in reversed(bars) if bar.slot <= slot), bars[0])
    return bar.chord_at(slot)
