"""The singer's part: lines with their slots become notes, phonemes, words and lines of the Score.

Times that the user gave stay: the vowel of a timed line or word starts exactly there. (Only at the very start of the
song,
where its consonants would need time before 0 s, a vowel comes up to 0.04 s a consonant later.)
"""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass, field, replace

from ..score import Line, Note, Phoneme, Word
from .form import BREATH, Form, PlacedLine, SectionPlan
from .genre import Genre
from .harmony import Harmony
from .melody import Melodist, Phrase, Seat
from .rhythm import Placed, habits, place_syllables
from .text import ComposeError, SungLine
from .timing import onset_length, time_phonemes

_DENSEST = 10.0  # syllables a second that a timed line may force on the singer
_LONGEST = 4.0  # seconds of a last note
_VOICE_FORCE = {"belted": 9, "soft": -14, "airy": -18}  # velocity by vocal style
_MELISMAS: dict[int, tuple[tuple[int, ...], ...]] = {  # scale steps around the note that it comes to rest on
    2: ((1, 0), (-1, 0)),
    3: ((0, 1, 0), (2, 1, 0), (1, -1, 0)),
    4: ((1, 0, -1, 0), (1, 2, 1, 0), (3, 2, 1, 0)),
}


@dataclass
class Vocals:
    """What is sung, ready for the Score."""

    lines: list[Line] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    phonemes: list[Phoneme] = field(default_factory=list)
    melody: list[Note] = field(default_factory=list)


@dataclass
class _Sung:
    """A line on its way: onsets in seconds, end of the last note, slots for the melody."""

    label: str
    place: int
    close: int
    placed: PlacedLine
    onsets: list[float]
    slots: list[int]
    end: float
    word_ends: list[float | None]
    pitches: list[int] = field(default_factory=list)
    recipe: tuple[object, ...] = ()
    shift: int = 0  # semitones above the song's key

    @property
    def line(self) -> SungLine:
        return self.placed.line


def sing(
    form: Form,
    chords: list[Harmony],
    genre: Genre,
    melodist: Melodist,
    starts: dict[int, float],
    seed: str,
) -> Vocals:
    """Write the vocal part of ``form``. ``starts``: seconds of timed lines by index (empty: untimed lyrics)."""
    sung = _onsets(form, genre, starts, seed)
    _ends(sung, form.duration)
    if not starts:
        _agree_on_ends(sung)
    _pitches(sung, form, chords, melodist)
    return _written(sung, genre, melodist, seed)


def _onsets(form: Form, genre: Genre, starts: dict[int, float], seed: str) -> list[_Sung]:
    """Rhythms for all lines. What returns must return the same: a pickup is as long as all its places leave free."""
    pickups: dict[tuple[object, ...], int] = {}
    while True:
        sung: list[_Sung] = []
        rhythms: dict[tuple[object, ...], Placed] = {}
        agreed = True
        for section in form.sections:
            liking = habits(section.label, form.grid, genre, seed)
            for place, placed in enumerate(section.lines):
                phase = placed.slot % form.grid.slots_per_bar
                kind = (section.label, place, placed.line.count, placed.slots, phase)
                placed = replace(placed, pickup=pickups.setdefault(kind, placed.pickup))
                if placed.pickup > 0 and sung and _free(sung[-1], placed, form) < placed.pickup:
                    pickups[kind] = _free(sung[-1], placed, form)
                    agreed = False
                sung.append(_line(placed, section, place, kind, liking, form, genre, starts, rhythms, seed))
        if agreed:
            break
    last_label = next((line.label for line in reversed(sung)), "")
    for line, following in zip(sung, [*sung[1:], None], strict=True):
        if following is None or following.place == 0:
            line.close = 2 if line.label == last_label else 1
    head = 0.04 * sung[0].line.syllables[0].nucleus
    first = sung[0].onsets
    first[0] = max(first[0], min(head, first[1] - 0.05 if len(first) > 1 else head))
    return sung


def _line(
    placed: PlacedLine,
    section: SectionPlan,
    place: int,
    kind: tuple[object, ...],
    liking: list[float],
    form: Form,
    genre: Genre,
    starts: dict[int, float],
    rhythms: dict[tuple[object, ...], Placed],
    seed: str,
) -> _Sung:
    """One line's onsets: on the grid, or where the user's times put them."""
    line, grid = placed.line, form.grid
    start = starts.get(line.index)
    rhythm = place_syllables(placed, grid, genre, liking, start is not None)
    recipe: tuple[object, ...] = (*kind[:3], *(slot - rhythm.slots[0] for slot in rhythm.slots))
    if start is None:
        known = rhythms.setdefault(kind, replace(rhythm, shift=placed.slot))
        rhythm = known.moved(placed.slot)
        recipe = kind
    slots, last = list(rhythm.slots), grid.time(rhythm.end)
    onsets = [grid.time(slot) for slot in slots]
    if start is not None:
        onsets[0] = start
    timed_words = any(begin is not None for begin, _ in line.word_times)
    if not timed_words and any(b - a < 0.03 for a, b in itertools.pairwise(onsets)):
        onsets = _evenly(placed, onsets[0], form)
        last = grid.time(placed.slot + placed.slots)
    word_ends: list[float | None] = [None] * len(line.words)
    if timed_words:
        onsets, last, word_ends = _anchored(line, onsets, last)
        slots = [grid.nearest_slot(onset) for onset in onsets]
    elif start is None:
        onsets = _felt(onsets, genre, random.Random(f"{seed}/timing/{kind}"))
    elif line.end is not None and line.start is not None and line.end > onsets[-1] + 0.1:
        last = line.end
    return _Sung(section.label, place, 0, placed, onsets, slots, last, word_ends, recipe=recipe, shift=section.shift)


def _felt(onsets: list[float], genre: Genre, rng: random.Random) -> list[float]:
    """Expressive timing: a little behind the beat where the genre likes it, never quite even, always in order."""
    felt: list[float] = []
    for onset in onsets:
        onset += genre.lag + max(-0.018, min(0.018, rng.gauss(0.0, 0.007)))
        felt.append(max(onset, felt[-1] + 0.05) if felt else max(onset, 0.0))
    return felt


def _free(before: _Sung, placed: PlacedLine, form: Form) -> int:
    """Slots of the pickup that the line before leaves free, with half a beat and a breath for its last note."""
    used = before.slots[-1] + form.grid.slots_per_beat // 2 + math.ceil(BREATH / form.grid.slot)
    return max(0, min(placed.pickup, placed.slot - used))


def _evenly(placed: PlacedLine, start: float, form: Form) -> list[float]:
    count = placed.line.count
    step = placed.slots * form.grid.slot / count
    if step < 1 / _DENSEST:
        raise ComposeError(
            f"line {placed.line.index + 1} ({placed.line.text!r}) has {count} syllables for {step * count:.1f} s: "
            f"give it at least {count / _DENSEST:.1f} s or fewer words"
        )
    return [start + i * step for i in range(count)]


def _anchored(line: SungLine, onsets: list[float], last: float) -> tuple[list[float], float, list[float | None]]:
    """Onsets that keep the word times of ``line``; words and syllables between are spread evenly."""
    anchors: dict[int, float] = {}
    word_ends: list[float | None] = [None] * len(line.words)
    for i, syllable in enumerate(line.syllables):
        begin, end = line.word_times[syllable.word]
        parts = sum(other.word == syllable.word for other in line.syllables)
        if begin is not None and syllable.index == 0:
            anchors[i] = begin
        elif begin is not None and end is not None:
            anchors[i] = begin + (end - begin) * syllable.index / parts
        if end is not None:
            word_ends[syllable.word] = end
    if 0 not in anchors:
        anchors[0] = min(onsets[0], min(anchors.values()) - 0.1)
    final = line.word_times[line.syllables[-1].word][1]
    pace = max((last - onsets[0]) / len(onsets), 0.15)
    known = sorted(anchors)
    stop = final if final is not None else anchors[known[-1]] + pace * (len(onsets) - known[-1])
    edges = [*known, len(onsets)]
    times = [*(anchors[i] for i in known), stop]
    result: list[float] = []
    for (a, b), (start, end) in zip(itertools.pairwise(edges), itertools.pairwise(times), strict=True):
        if end - start < 0.02 * (b - a):
            words = " ".join(line.words[line.syllables[i].word] for i in range(a, min(b + 1, len(onsets))))
            raise ComposeError(
                f"line {line.index + 1} ({line.text!r}): no time to sing {words!r} between {start:.2f} s and "
                f"{end:.2f} s: correct the times of these words"
            )
        result += [start + (end - start) * (i - a) / (b - a) for i in range(a, b)]
    return result, stop, word_ends


def _ends(sung: list[_Sung], duration: float) -> None:
    """Give every line an end that leaves a breath, and the next line its consonants."""
    for line, following in zip(sung, [*sung[1:], None], strict=True):
        limit = duration - 0.1
        if following is not None:
            if following.onsets[0] <= line.onsets[-1] + 0.03:
                raise ComposeError(
                    f"line {following.line.index + 1} ({following.line.text!r}) starts at {following.onsets[0]:.2f} s, "
                    f"before line {line.line.index + 1} is sung ({line.onsets[-1]:.2f} s): correct its time or shorten"
                )
            room = following.onsets[0] - line.onsets[-1]
            want = onset_length(following.line.syllables[0]) + BREATH
            limit = following.onsets[0] - min(want, 0.5 * room)
        line.end = min(line.end, limit, line.onsets[-1] + _LONGEST)
        if line.end < line.onsets[-1] + 0.12:
            line.end = min(line.onsets[-1] + 0.12, limit)
        if line.end <= line.onsets[-1] + 0.02:
            raise ComposeError(
                f"line {line.line.index + 1} ({line.line.text!r}) is sung until {line.onsets[-1]:.1f} s and more, "
                f"the song lasts {duration:g} s: raise the duration to {line.onsets[-1] + 1:.0f} s"
            )


def _agree_on_ends(sung: list[_Sung]) -> None:
    """What returns ends the same: the last note is as long as all its places allow."""
    lengths: dict[tuple[object, ...], float] = {}
    for line in sung:
        length = line.end - line.onsets[-1]
        lengths[line.recipe] = min(length, lengths.get(line.recipe, length))
    for line in sung:
        line.end = line.onsets[-1] + lengths[line.recipe]


def _pitches(sung: list[_Sung], form: Form, chords: list[Harmony], melodist: Melodist) -> None:
    known: dict[tuple[object, ...], list[int]] = {}
    for line in sung:
        edges = [*line.slots[1:], form.grid.nearest_slot(line.end)]
        seats = [
            Seat(
                slot,
                max(stop - slot, 1),
                syllable.stress,
                form.grid.accent(slot),
                _chord_at(chords, max(slot, line.placed.slot)),
            )
            for slot, stop, syllable in zip(line.slots, edges, line.line.syllables, strict=True)
        ]
        chord_row = tuple(seat.chord.up(-line.shift).label for seat in seats)
        recipe = (*line.recipe, line.close, chord_row)
        if recipe not in known:
            letter = melodist.letter(line.label, line.place)
            phrase = melodist.phrase(seats, Phrase(line.label, letter, line.close), line.shift)
            known[recipe] = [pitch - line.shift for pitch in phrase]
        line.pitches = [pitch + line.shift for pitch in known[recipe]]


def _chord_at(chords: list[Harmony], slot: int) -> Harmony:
    return next((chord for chord in reversed(chords) if chord.slot <= slot), chords[0])


def _written(sung: list[_Sung], genre: Genre, melodist: Melodist, seed: str) -> Vocals:
    vocals = Vocals()
    free_from = 0.0
    for number, line in enumerate(sung):
        syllables = line.line.syllables
        notes: list[tuple[float, float]] = []
        for i, (start, stop) in enumerate(zip(line.onsets, [*line.onsets[1:], line.end], strict=True)):
            word_end = line.word_ends[syllables[i].word]
            closes = i + 1 == len(syllables) or syllables[i + 1].word != syllables[i].word
            if closes and word_end is not None and start + 0.08 < word_end < stop - 0.15:
                stop = word_end
            elif i + 1 < len(syllables) and stop - start > 1.2 and line.line.syllables[i].pause:
                stop = start + 0.75 * (stop - start)
            notes.append((start, stop))
        base = len(vocals.words)
        spans: dict[int, tuple[float, float]] = {}
        for timed in time_phonemes(syllables, notes, free_from):
            syllable = syllables[timed.syllable]
            begin = max(timed.start, 0.0)  # a rounding error before the song is no time
            vocals.phonemes.append(
                Phoneme(
                    symbol=timed.symbol, start=begin, end=timed.end, word=base + syllable.word, syllable=syllable.index
                )
            )
            begin, _ = spans.get(syllable.word, (begin, timed.end))
            spans[syllable.word] = begin, timed.end
        here = vocals.phonemes[-1].end if not spans else spans[min(spans)][0]
        for w, text in enumerate(line.line.words):
            begin, here = spans.get(w, (here, here))
            vocals.words.append(Word(text=text, start=begin, end=here, line=number))
        first, final = vocals.words[base].start, vocals.words[-1].end
        vocals.lines.append(Line(text=line.line.text, start=first, end=final, section=line.label))
        taste = random.Random(f"{seed}/melisma/{line.label}/{line.place}/{len(syllables)}")
        for i, ((start, stop), syllable, pitch) in enumerate(zip(notes, syllables, line.pitches, strict=True)):
            velocity = 84 + round(14 * syllable.stress) + (6 if line.label == "chorus" else 0)
            velocity += _VOICE_FORCE.get(melodist.style or "", 0)
            steps = [(start, stop, pitch)]
            likes = genre.melisma * (1.0 if i == len(notes) - 1 else 0.3 * syllable.stress)
            if taste.random() < likes and stop - start > 0.7 - 0.2 * genre.melisma and melodist.style != "rap":
                steps = _melisma(start, stop, pitch, melodist, line.shift, taste)
            vocals.melody += [
                Note(start=a, end=b, pitch=p, velocity=velocity, word=base + syllable.word, syllable=syllable.index)
                for a, b, p in steps
            ]
        free_from = notes[-1][1]
    return vocals


def _melisma(
    start: float, stop: float, pitch: int, melodist: Melodist, shift: int, rng: random.Random
) -> list[tuple[float, float, int]]:
    """A long note sung on two to four pitches of the key, the last of them its own; itself where the range ends."""
    names = melodist.key.up(shift).pitch_classes
    scale = [p for p in range(melodist.low, melodist.high + shift + 1) if p % 12 in names or p == pitch]
    length = stop - start
    steps = rng.choice(_MELISMAS[rng.choice((2, 2, 3, 4) if length > 1.0 else (2, 2, 3))])
    places = [scale.index(pitch) + step for step in steps]
    if min(places) < 0 or max(places) >= len(scale):
        return [(start, stop, pitch)]
    quick = min(0.19, 0.45 * length / (len(steps) - 1)) * rng.uniform(0.75, 1.0)
    edges = [start + i * quick for i in range(len(steps))]
    return [(a, b, scale[place]) for a, b, place in zip(edges, [*edges[1:], stop], places, strict=True)]
