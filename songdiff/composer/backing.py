"""A second voice under the lead, sparingly: doubles of its notes, or a third or sixth beside them."""

from __future__ import annotations

import bisect
import random
from collections.abc import Sequence

from ..score import Backing, Chord, Note, Section, Singer, chord_pitch_classes
from .harmony import Key
from .vocals import Vocals

_CHANCE = 0.37  # of songs whose prompt says nothing
_A_CAPPELLA = 0.8
_HEADROOM = 4  # semitones above the lead singer's range
_ABOVE, _BELOW = (3, 4, 5, 8, 9), (-3, -4, -5, -8, -9)  # intervals: thirds, a fourth where it must be, sixths
_TASTE = {3: 0.0, 4: 0.0, 5: 1.5, 8: 0.9, 9: 0.9}


def plan_backing(
    vocals: Vocals,
    sections: Sequence[Section],
    chords: Sequence[Chord],
    home: Key,
    singer: Singer,
    wanted: tuple[str, ...] | None,
    a_cappella: bool,
    rng: random.Random,
) -> list[Backing]:
    """Backing voices for a song, in order of time; ``[]`` for none.

    ``wanted`` are the kinds the prompt asks for (``()``: none, ``None``: by chance). The choruses get them, else the
    last section with words. A rapper is doubled, never harmonised.
    """
    if wanted is None:
        if rng.random() >= (_A_CAPPELLA if a_cappella else _CHANCE):
            return []
        wanted = (
            ("harmony",) if a_cappella else rng.choice((("harmony",), ("harmony",), ("double",), ("double", "harmony")))
        )
    if singer.style == "rap" and wanted:
        wanted = ("double",)
    spans = _spans(vocals, sections)
    choruses = [i for i, label, _ in spans if label == "chorus"]
    chosen = [span for span in spans if span[1] == "chorus"] if choruses else spans[-1:]
    if len(chosen) > 2 and rng.random() < 0.4:
        chosen = chosen[1:]  # the first chorus alone, then company
    below = rng.random() < 0.35
    backing: list[Backing] = []
    for number, (section, _, lines) in enumerate(chosen):
        words = {i for i, word in enumerate(vocals.words) if word.line in lines}
        lead = [note for note in vocals.melody if note.word in words]
        kind = wanted[min(number, len(wanted) - 1)] if wanted else None
        if kind is None or not lead:
            continue
        key = Key.parse(sections[section].key or str(home))
        notes = (
            [note.model_copy() for note in lead] if kind == "double" else harmonise(lead, chords, key, singer, below)
        )
        start = min(vocals.words[i].start for i in words)
        end = max(max(vocals.words[i].end for i in words), lead[-1].end)
        backing.append(Backing.model_validate({"kind": kind, "start": start, "end": end, "notes": notes}))
    return backing


def _spans(vocals: Vocals, sections: Sequence[Section]) -> list[tuple[int, str, list[int]]]:
    """(index of the section, its label, its lines): a line belongs where its middle lies."""
    starts = [section.start for section in sections]
    spans: list[tuple[int, str, list[int]]] = []
    for number, line in enumerate(vocals.lines):
        section = max(0, bisect.bisect_right(starts, (line.start + line.end) / 2) - 1)
        if not spans or spans[-1][0] != section:
            spans.append((section, sections[section].label, []))
        spans[-1][2].append(number)
    return spans


def harmonise(
    lead: Sequence[Note], chords: Sequence[Chord], key: Key, singer: Singer, below: bool = False
) -> list[Note]:
    """A diatonic third beside every note of ``lead``; a sixth or a fourth where the third would rub with the chord.

    The voice lies above, or ``below``; on the other side where the range (``singer.low`` … ``singer.high`` + 4) ends.
    """
    low, high = singer.low, singer.high + _HEADROOM
    starts = [chord.start for chord in chords]
    notes: list[Note] = []
    for note in lead:
        label = chords[max(0, bisect.bisect_right(starts, (note.start + note.end) / 2) - 1)].label if chords else "N"
        tones = set(chord_pitch_classes(label)[1])
        sides = (_BELOW, _ABOVE) if below else (_ABOVE, _BELOW)
        best: tuple[float, int] | None = None
        for side, steps in enumerate(sides):
            for step in steps:
                pitch = note.pitch + step
                if not low <= pitch <= high or (pitch % 12 not in key.pitch_classes and pitch % 12 not in tones):
                    continue
                cost = _TASTE[abs(step)] + 3.0 * side + _rub(pitch, tones, note)
                cost += 0.12 * abs(pitch - notes[-1].pitch) if notes else 0.0
                cost += 0.3 * (pitch % 12 not in key.pitch_classes)
                if best is None or (cost, pitch) < best:
                    best = cost, pitch
        pitch = best[1] if best else note.pitch
        velocity = max(1, note.velocity - 10)
        notes.append(note.model_copy(update={"pitch": pitch, "velocity": velocity}))
    return notes


def _rub(pitch: int, tones: set[int], note: Note) -> float:
    """How much a pitch clashes with the chord: a semitone beside a tone of it, the longer the worse."""
    if not tones or pitch % 12 in tones:
        return 0.0
    clash = (pitch + 1) % 12 in tones or (pitch - 1) % 12 in tones
    return (1.8 if clash else 0.5) * min(1.0, (note.end - note.start) / 0.35)
