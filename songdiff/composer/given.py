"""A melody or chords that the user gave, or a take that was heard, in place of the composer's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..score import Line, Note, Phoneme, Word
from .form import Form, SectionPlan
from .grid import Grid
from .harmony import Harmony, harmony
from .text import ComposeError, SungLine
from .timing import time_phonemes
from .vocals import Vocals


@dataclass(frozen=True)
class Take:
    """A recording that the band plays to: names of the Score for every bar from bar 0 on (none: it has no chords), the
    notes of its voice, and where known its form, (label, first bar) of every section."""

    chords: list[list[str]]
    melody: list[Note]
    sections: list[tuple[str, int]] = field(default_factory=list)

    def form(self, grid: Grid, duration: float) -> Form:
        """The sections as bars. The last bar that lies in the song by a half brings the last chord."""
        final = max(0, round((duration - grid.origin) / grid.bar) - 1)
        starts = [(label, bar) for label, bar in self.sections if bar <= final]
        plans = []
        for (label, bar), (_, end) in zip(starts, [*starts[1:], ("", final + 1)], strict=True):
            if end > bar:
                plans.append(SectionPlan(label, bar, end - bar, phases=list(range(end - bar))))
        return Form(grid, duration, plans, final)


def time_lines(lines: list[SungLine], notes: Sequence[Note]) -> list[SungLine]:
    """The lines at the times of ``notes``, a note a syllable. Raises :class:`ComposeError` where they do not match."""
    count = sum(line.count for line in lines)
    if count != len(notes):
        raise ComposeError(
            f"melody: has {len(notes)} notes, the lyrics have {count} syllables; give one note for every syllable"
        )
    timed, first = [], 0
    for line in lines:
        last = first + line.count - 1
        timed.append(replace(line, start=notes[first].start, end=notes[last].end, word_times=()))
        first = last + 1
    return timed


def sing_notes(form: Form, notes: Sequence[Note]) -> Vocals:
    """The vocal part of ``form`` on exactly ``notes``; the lines are those of :func:`time_lines`."""
    placed = sorted(((p.line, s.label) for s in form.sections for p in s.lines), key=lambda pair: pair[0].index)
    vocals, first, free_from = Vocals(), 0, 0.0
    for number, (line, label) in enumerate(placed):
        own, base = notes[first : first + line.count], len(vocals.words)
        spans: dict[int, tuple[float, float]] = {}
        for timed in time_phonemes(line.syllables, [(note.start, note.end) for note in own], free_from):
            syllable, begin = line.syllables[timed.syllable], max(timed.start, 0.0)
            word = base + syllable.word
            vocals.phonemes.append(
                Phoneme(symbol=timed.symbol, start=begin, end=timed.end, word=word, syllable=syllable.index)
            )
            spans[syllable.word] = spans.get(syllable.word, (begin, begin))[0], timed.end
        here = vocals.phonemes[-1].end if not spans else spans[min(spans)][0]
        for w, text in enumerate(line.words):
            begin, here = spans.get(w, (here, here))
            vocals.words.append(Word(text=text, start=begin, end=here, line=number))
        vocals.lines.append(
            Line(text=line.text, start=vocals.words[base].start, end=vocals.words[-1].end, section=label)
        )
        vocals.melody += [
            note.model_copy(update={"word": base + syllable.word, "syllable": syllable.index})
            for note, syllable in zip(own, line.syllables, strict=True)
        ]
        first, free_from = first + line.count, own[-1].end
    return vocals


def lay_chords(form: Form, progression: list[list[str]], through: bool = False) -> list[Harmony]:
    """``progression`` (chord names of the Score, bar by bar) over ``form``; ``through``: once, its last bar held.

    Else every section begins it anew. One that is too short for all of it goes on where the one before it stopped, and
    begins there again when it returns, so that short sections bring every chord and come back alike.
    """
    chords: list[Harmony] = []
    grid, count, stopped, begins = form.grid, len(progression), 0, dict[str, int]()
    for section in form.sections:
        begin = begins.setdefault(section.label, stopped) if section.bars < count else None
        for offset, phase in enumerate(section.phases[: section.bars]):
            bar = section.bar + offset
            if through:
                index = min(bar, count - 1)
            else:
                index = (phase if begin is None or bar == form.final_bar else begin + offset) % count
            names, start, stopped = progression[index], bar * grid.slots_per_bar, index + 1
            for n, name in enumerate(names):
                first, stop = (round(k * grid.beats_per_bar / len(names)) * grid.slots_per_beat for k in (n, n + 1))
                if stop > first:
                    chords.append(harmony(start + first, start + stop, name))
    return chords
