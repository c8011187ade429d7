"""Other words on a melody that stays, or another melody for words that stay, within spans of a Score.

A *seat* of the melody is what one syllable sings: a note, or several in a melisma. Outside the spans nothing moves.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..lyrics.parse import Lyrics
from ..lyrics.pronounce import pronounce as pronounce_words
from ..score import Backing, Line, Note, Phoneme, Score, Word
from ..score.timeline import bars, section_at
from .controls import key_of
from .genres import GENRES
from .grid import METERS, Grid
from .harmony import Harmony, Key, harmony
from .melody import Melodist, Phrase, Seat, vocal_range
from .text import ComposeError, Pronounce, SungLine, SungSyllable, sung_lines
from .timing import time_phonemes

SHORTEST = 0.1  # seconds of a note that a syllable can be sung on
_ONE_BREATH = 0.3  # seconds of rest over which two notes can still carry one syllable
_EARLY = 0.3  # seconds by which a timed line may start before the span it belongs to

TimeSpan = tuple[float, float]


@dataclass
class _Phrase:
    """Words of one line that follow one another, all inside a span or all outside; times are absolute."""

    text: str
    section: str | None
    inside: bool
    words: list[Word] = field(default_factory=list)
    phonemes: list[Phoneme] = field(default_factory=list)  # ``word`` counts within the phrase, here and in notes
    notes: list[Note] = field(default_factory=list)

    @property
    def start(self) -> float:
        return min([item.start for item in (*self.words, *self.phonemes, *self.notes)], default=0.0)

    @property
    def seats(self) -> list[list[Note]]:
        """The notes by syllable, in order."""
        ordered = sorted(self.notes, key=lambda note: note.start)
        return [list(row) for _, row in itertools.groupby(ordered, key=lambda note: (note.word, note.syllable))]


def new_words(score: Score, lyrics: Lyrics, spans: Sequence[TimeSpan], pronounce: Pronounce = pronounce_words) -> Score:
    """``score`` with ``lyrics`` in place of the words in ``spans``, on the notes of those words.

    As many lines as were sung there take one another's places; otherwise, and where one of them has too many words for
    that, the lines share the notes by their syllables.
    Where a line has more syllables than notes the longest notes are divided, where it has fewer the shortest that
    follow one another become one syllable's melisma. Of timed lyrics only the lines within the spans are taken. Raises
    :class:`ComposeError` where nothing is sung in the spans, or where the words are too many.
    """
    phrases = _phrases(score, spans)
    groups = [phrase for phrase in phrases if phrase.inside and phrase.notes]
    if not groups:
        raise ComposeError("lyrics: nothing is sung in the span that the new words could take the notes of")
    lines = _lines_within(sung_lines(lyrics, pronounce), spans)
    seats = [phrase.seats for phrase in groups]
    if len(lines) != len(groups) or any(map(_crowded, seats, lines)):
        seats = _shared([seat for row in seats for seat in row], lines)
    fixed = [phrase for phrase in phrases if not phrase.inside]
    sections = [phrase.section for phrase in groups]
    sung = [phrase for phrase in fixed if phrase.words]
    free_from = 0.0
    for i, (line, row) in enumerate(zip(lines, seats, strict=True)):
        section = sections[i] if len(lines) == len(groups) else _section(score, row[0][0].start, sections[0])
        fitted = fit_seats(row, line)
        before = [p.end for phrase in fixed for p in phrase.phonemes if p.start < fitted[0][0].start - 1e-6]
        after = [p.start for phrase in fixed for p in phrase.phonemes if p.start > fitted[-1][0].start]
        sung.append(_sung(line, fitted, section, max([free_from, *before]), min(after, default=score.duration)))
        free_from = fitted[-1][-1].end
    return _gathered(score, sung)


def new_melody(score: Score, spans: Sequence[TimeSpan], seed: int = 0, melody: Sequence[Note] | None = None) -> Score:
    """``score`` with other pitches for the words in ``spans``: those of ``melody``, a note a syllable, else new ones in
    the key and on the chords. Words, phonemes and rhythm stay. Raises :class:`ComposeError`."""
    phrases = _phrases(score, spans)
    groups = [phrase for phrase in phrases if phrase.inside and phrase.notes]
    if not groups:
        raise ComposeError("keep words: nothing is sung in the span; give lyrics for it, or another span")
    if melody is not None:
        count = sum(len(phrase.seats) for phrase in groups)
        if count != len(melody):
            raise ComposeError(
                f"melody: has {len(melody)} notes, the words in the span have {count} syllables; give one for each"
            )
        pitches = iter([note.pitch for note in melody])
        rows = [[next(pitches) for _ in phrase.seats] for phrase in groups]
    else:
        rows = _composed(score, groups, seed)
    for phrase, row in zip(groups, rows, strict=True):
        phrase.notes = [
            seat[0].model_copy(update={"end": seat[-1].end, "pitch": pitch})
            for seat, pitch in zip(phrase.seats, row, strict=True)
        ]
    song = _gathered(score, phrases)
    return song.model_copy(update={"backing": _followed(score.backing, song.melody or [], spans)})


def fit_seats(seats: Sequence[list[Note]], line: SungLine) -> list[list[Note]]:
    """As many seats as ``line`` has syllables, within the time of ``seats``. Raises :class:`ComposeError`."""
    fitted = [list(seat) for seat in seats]
    while len(fitted) < line.count:
        longest = max(range(len(fitted)), key=lambda i: fitted[i][-1].end - fitted[i][0].start)
        halves = _halves(fitted[longest])
        if min(half[-1].end - half[0].start for half in halves) < SHORTEST:
            return _evenly([note for seat in seats for note in seat], line)
        fitted[longest : longest + 1] = halves
    while len(fitted) > line.count:
        pairs = [
            (b[-1].end - a[0].start + 2 * (b[0].start - a[-1].end), i)
            for i, (a, b) in enumerate(itertools.pairwise(fitted))
            if b[0].start - a[-1].end < _ONE_BREATH
        ]
        if not pairs:
            fitted.pop()  # what no breath reaches over rests
            continue
        i = min(pairs)[1]
        fitted[i : i + 2] = [_tied([*fitted[i], *fitted[i + 1]])]
    return fitted


def _evenly(notes: list[Note], line: SungLine) -> list[list[Note]]:
    """Syllables of one length over all the time of ``notes``, each at the pitch where it starts."""
    edges = [0.0, *itertools.accumulate(note.end - note.start for note in notes)]
    step = edges[-1] / line.count
    if step < SHORTEST:
        raise ComposeError(
            f"lyrics: {line.text!r} has {line.count} syllables for {edges[-1]:.1f} s of melody; at most "
            f"{int(edges[-1] / SHORTEST)} can be sung there, so take fewer words or a longer span"
        )
    at = [min(bisect.bisect_right(edges, i * step + 1e-9) - 1, len(notes) - 1) for i in range(line.count)]
    starts = [notes[k].start + i * step - edges[k] for i, k in enumerate(at)]
    turns = zip(itertools.pairwise(at), starts[1:], strict=True)
    ends = [min(start, notes[k].end) if j == k else notes[k].end for (k, j), start in turns]
    return [
        [notes[k].model_copy(update={"start": start, "end": end})]
        for k, start, end in zip(at, starts, [*ends, notes[-1].end], strict=True)
    ]


def _crowded(seats: list[list[Note]], line: SungLine) -> bool:
    return sum(note.end - note.start for seat in seats for note in seat) < SHORTEST * line.count


def _halves(seat: list[Note]) -> tuple[list[Note], list[Note]]:
    if len(seat) > 1:
        return seat[: len(seat) // 2], seat[len(seat) // 2 :]
    middle = (seat[0].start + seat[0].end) / 2
    return [seat[0].model_copy(update={"end": middle})], [seat[0].model_copy(update={"start": middle})]


def _tied(notes: list[Note]) -> list[Note]:
    """Notes that one syllable sings: without a rest between them, and one where the pitch stays."""
    tied = [notes[0]]
    for note in notes[1:]:
        if note.pitch == tied[-1].pitch:
            tied[-1] = tied[-1].model_copy(update={"end": note.end})
        else:
            tied[-1] = tied[-1].model_copy(update={"end": note.start})
            tied.append(note)
    return tied


def _phrases(score: Score, spans: Sequence[TimeSpan]) -> list[_Phrase]:
    """What is sung, cut at the borders of lines and spans. A word belongs to the span in which its first note (or its
    middle) lies."""
    if not score.words or score.phonemes is None or score.melody is None:
        return []
    first: dict[int, float] = {}
    for note in score.melody:
        if note.word is not None:
            first.setdefault(note.word, note.start)
    place: dict[int, tuple[int, int]] = {}
    phrases: list[_Phrase] = []
    before: tuple[int, bool] | None = None
    for i, word in enumerate(score.words):
        time = first.get(i, (word.start + word.end) / 2)
        inside = any(start - 1e-6 <= time < end for start, end in spans)
        line = (score.lines or [])[word.line]
        if (word.line, inside) != before:
            phrases.append(_Phrase("", line.section, inside))
            before = word.line, inside
        place[i] = len(phrases) - 1, len(phrases[-1].words)
        phrases[-1].words.append(word)
    for phrase in phrases:
        whole = (score.lines or [])[phrase.words[0].line].text
        partly = sum(word.line == phrase.words[0].line for word in score.words) > len(phrase.words)
        phrase.text = " ".join(word.text for word in phrase.words) if partly else whole
    for phoneme in score.phonemes:
        number, word_number = place[phoneme.word]
        phrases[number].phonemes.append(phoneme.model_copy(update={"word": word_number}))
    for note in score.melody:
        if note.word is None:
            phrases.append(_Phrase("", None, False, notes=[note]))
        else:
            number, word_number = place[note.word]
            phrases[number].notes.append(note.model_copy(update={"word": word_number}))
    return phrases


def _lines_within(lines: list[SungLine], spans: Sequence[TimeSpan]) -> list[SungLine]:
    if any(line.start is not None for line in lines):
        lines = [
            line for line in lines if line.start is not None and any(a - _EARLY <= line.start < b for a, b in spans)
        ]
    if not lines:
        raise ComposeError("lyrics: none of the timed lines starts in the span; correct the times, or leave them out")
    return lines


def _shared(seats: list[list[Note]], lines: list[SungLine]) -> list[list[list[Note]]]:
    """``seats`` among ``lines``, in order and in proportion to their syllables."""
    if len(seats) < len(lines):
        raise ComposeError(
            f"lyrics: {len(lines)} lines for {len(seats)} notes in the span; give fewer lines, or a longer span"
        )
    total, edges, done = sum(line.count for line in lines), [0], 0
    for i, line in enumerate(lines[:-1]):
        done += line.count
        wish = round(len(seats) * done / total)
        edges.append(min(max(wish, edges[-1] + 1), len(seats) - (len(lines) - 1 - i)))
    return [seats[a:b] for a, b in itertools.pairwise([*edges, len(seats)])]


def _sung(line: SungLine, seats: list[list[Note]], section: str | None, earliest: float, latest: float) -> _Phrase:
    """``line`` on ``seats`` (at most as many as syllables, the rest is not sung)."""
    syllables: tuple[SungSyllable, ...] = line.syllables
    times = [(seat[0].start, seat[-1].end) for seat in seats]
    times[-1] = times[-1][0], max(min(times[-1][1], latest), times[-1][0] + 0.02)
    phrase = _Phrase(line.text, section, True)
    heard: dict[int, tuple[float, float]] = {}
    for timed in time_phonemes(syllables, times, min(earliest, times[0][0])):
        syllable, start = syllables[timed.syllable], max(timed.start, 0.0)
        phrase.phonemes.append(
            Phoneme(symbol=timed.symbol, start=start, end=timed.end, word=syllable.word, syllable=syllable.index)
        )
        heard[syllable.word] = heard.get(syllable.word, (start, start))[0], timed.end
    here = phrase.phonemes[0].start
    for number, text in enumerate(line.words):
        start, here = heard.get(number, (here, here))
        phrase.words.append(Word(text=text, start=start, end=here, line=0))
    phrase.notes = [
        note.model_copy(update={"word": syllable.word, "syllable": syllable.index})
        for seat, syllable in zip(seats, syllables, strict=True)
        for note in seat
    ]
    return phrase


def _gathered(score: Score, phrases: list[_Phrase]) -> Score:
    """``score`` with what ``phrases`` sing."""
    lines: list[Line] = []
    words: list[Word] = []
    phonemes, notes = [], []
    for phrase in sorted(phrases, key=lambda phrase: phrase.start):
        base = len(words)
        for word in phrase.words:
            words.append(word.model_copy(update={"line": len(lines)}))
        if phrase.words:
            end = max(word.end for word in phrase.words)
            lines.append(Line(text=phrase.text, start=phrase.words[0].start, end=end, section=phrase.section))
        phonemes += [p.model_copy(update={"word": p.word + base}) for p in phrase.phonemes]
        notes += [n if n.word is None else n.model_copy(update={"word": n.word + base}) for n in phrase.notes]
    phonemes.sort(key=lambda phoneme: phoneme.start)
    notes.sort(key=lambda note: note.start)
    return score.model_copy(update={"lines": lines, "words": words, "phonemes": phonemes, "melody": notes})


def _section(score: Score, time: float, otherwise: str | None) -> str | None:
    section = section_at(score, time)
    return section.label if section else otherwise


def _composed(score: Score, groups: list[_Phrase], seed: int) -> list[list[int]]:
    """New pitches for every syllable of ``groups``."""
    melody = score.melody or []
    genre = GENRES.get(score.genre or "", GENRES["pop"])
    if score.singer is not None:
        low, high = vocal_range(score.singer)
    else:
        low, high = min(n.pitch for n in melody), max(n.pitch for n in melody)
        low, high = low, max(high, low + 9)
    grid = _grid(score)
    rows = []
    for number, phrase in enumerate(groups):
        start = phrase.seats[0][0].start
        section = section_at(score, start)
        named = (section.key if section else None) or score.key or key_of([n.pitch % 12 for n in melody])
        try:
            key = Key.parse(named)
        except ValueError:
            key = Key.parse(key_of([n.pitch % 12 for n in melody]))
        style = score.singer.style if score.singer else None
        arousal = score.mood[1] if score.mood else 0.0
        melodist = Melodist(key, genre, low, high, arousal, f"{seed}/again", style=style)
        seats = []
        for seat in phrase.seats:
            slot, end = grid.nearest_slot(seat[0].start), grid.nearest_slot(seat[-1].end)
            stress = min(1.0, max(0.0, (seat[0].velocity - 84) / 14))
            chord = _chord_at(score, seat[0].start, key)
            seats.append(Seat(slot, max(1, end - slot), stress, grid.accent(slot), chord))
        label = phrase.section or "verse"
        last = number == len(groups) - 1 or groups[number + 1].section != phrase.section
        rows.append(melodist.phrase(seats, Phrase(label, melodist.letter(label, number), int(last))))
    return rows


def _grid(score: Score) -> Grid:
    metre = score.time_signature if score.time_signature in METERS else "4/4"
    found = bars(score)
    if found is None:
        return Grid(score.tempo or 120.0, metre)
    origin, bar = found
    return Grid(METERS[metre][0] * 60 / bar, metre, origin % bar - bar)


def _chord_at(score: Score, time: float, key: Key) -> Harmony:
    label = next((c.label for c in reversed(score.chords or []) if c.start <= time + 1e-3), "N")
    if label == "N":
        root = str(key).split(" ")[0]
        label = f"{root}:{'min' if key.mode in ('minor', 'dorian') else 'maj'}"
    return harmony(0, 1, label)


def _followed(backing: list[Backing] | None, melody: list[Note], spans: Sequence[TimeSpan]) -> list[Backing] | None:
    """Second voices after the melody changed: doubles sing the new notes, harmonies in the spans fall silent."""
    if backing is None:
        return None
    kept = []
    for voice in backing:
        touched = any(voice.start < end and voice.end > start for start, end in spans)
        if touched and voice.kind == "double":
            notes = [note for note in melody if voice.start - 1e-3 <= note.start < voice.end]
            kept.append(voice.model_copy(update={"notes": notes}))
        elif not touched:
            kept.append(voice)
    return kept
