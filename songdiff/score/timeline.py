"""Scores in time: a stretch of one, several one after another, and where the bars of one lie. Times in seconds."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from .score import Backing, Beat, Level, Note, Part, Phoneme, Score, Section, Span, Word

_LEAST = 1e-4  # seconds: shorter remains of a note or phoneme are dropped
_S = TypeVar("_S", bound=Span)


def cut(score: Score, start: float, end: float) -> Score:
    """What sounds from ``start`` to ``end``, as a Score that begins at 0. Notes, words and sections that reach over
    the borders are cut there."""
    words = score.words or []
    kept_words = [i for i, word in enumerate(words) if word.start < end and word.end > start]
    kept_lines = sorted({words[i].line for i in kept_words})
    word_at = {old: new for new, old in enumerate(kept_words)}
    line_at = {old: new for new, old in enumerate(kept_lines)}
    lines = score.lines or []

    def inside(spans: Sequence[_S] | None) -> list[_S] | None:
        if spans is None:
            return None
        kept = [s for s in spans if min(s.end, end) - max(s.start, start) > _LEAST]
        return [_placed(s, max(s.start, start) - start, min(s.end, end) - start) for s in kept]

    def notes(row: Sequence[Note] | None) -> list[Note] | None:
        placed = inside(row)
        if placed is None:
            return None
        return [n.model_copy(update={"word": None if n.word is None else word_at.get(n.word)}) for n in placed]

    phonemes = None
    if score.phonemes is not None:
        own = [p for p in score.phonemes if p.word in word_at]
        phonemes = [p.model_copy(update={"word": word_at[p.word]}) for p in inside(own) or []]
    return score.model_copy(
        update={
            "duration": end - start,
            "beats": None
            if score.beats is None
            else [Beat(time=b.time - start, position=b.position) for b in score.beats if start <= b.time < end],
            "sections": inside(score.sections),
            "chords": inside(score.chords),
            "lines": None if score.lines is None else [_clipped(lines[i], start, end) for i in kept_lines],
            "words": None
            if score.words is None
            else [
                _clipped(words[i], start, end).model_copy(update={"line": line_at[words[i].line]}) for i in kept_words
            ],
            "phonemes": phonemes,
            "melody": notes(score.melody),
            "parts": None
            if score.parts is None
            else [part.model_copy(update={"notes": notes(part.notes)}) for part in score.parts],
            "backing": None
            if score.backing is None
            else [b.model_copy(update={"notes": notes(b.notes)}) for b in inside(score.backing) or []],
            "emotion": _points(score.emotion, start, end, ("valence", "arousal")),
            "dynamics": None
            if score.dynamics is None
            else {track: _points(row, start, end, ("decibels",)) for track, row in score.dynamics.items()},
        }
    )


def join(scores: Sequence[Score], like: int = 0) -> Score:
    """Scores one after another. What is true of a whole song (tempo, key, singer …) is that of ``scores[like]``; a key
    that another one has stays with its sections. A field that none of them knows stays unknown."""
    song = scores[like]
    starts = [sum(score.duration for score in scores[:i]) for i in range(len(scores))]
    fields: dict[str, Any] = {"duration": sum(score.duration for score in scores)}

    def gather(name: str, move: Callable[[Any, float, int, int], Any]) -> list[Any] | None:
        rows = [getattr(score, name) for score in scores]
        if all(row is None for row in rows):
            return None
        words = lines = 0
        moved = []
        for score, row, start in zip(scores, rows, starts, strict=True):
            moved += [move(item, start, words, lines) for item in row or []]
            words, lines = words + len(score.words or []), lines + len(score.lines or [])
        return moved

    def later(item: Any, start: float, words: int, lines: int) -> Any:
        update = {"start": item.start + start, "end": item.end + start}
        if isinstance(item, Word):
            update["line"] = item.line + lines
        elif isinstance(item, Note | Phoneme) and item.word is not None:
            update["word"] = item.word + words
        elif isinstance(item, Backing):
            update["notes"] = [later(note, start, words, lines) for note in item.notes]
        return item.model_copy(update=update)

    def at(item: Any, start: float, words: int, lines: int) -> Any:
        return item.model_copy(update={"time": item.time + start})

    for name in ("chords", "lines", "words", "phonemes", "melody", "backing"):
        fields[name] = gather(name, later)
    fields["beats"], fields["emotion"] = gather("beats", at), gather("emotion", at)
    sections = [
        score.sections
        if score.sections is None or score.key in (None, song.key)
        else [s.model_copy(update={"key": s.key or score.key}) for s in score.sections]
        for score in scores
    ]
    if any(row is not None for row in sections):
        fields["sections"] = [
            later(item, start, 0, 0) for row, start in zip(sections, starts, strict=True) for item in row or []
        ]
    if any(score.parts is not None for score in scores):
        parts: dict[tuple[str, str, str, int], Part] = {}
        for score, start in zip(scores, starts, strict=True):
            for part in score.parts or []:
                key = part.track, part.instrument, part.role, part.program
                whole = parts.setdefault(key, part.model_copy(update={"notes": []}))
                whole.notes.extend(later(note, start, 0, 0) for note in part.notes)
        fields["parts"] = list(parts.values())
    if any(score.dynamics is not None for score in scores):
        curves: dict[str, list[Level]] = {}
        for score, start in zip(scores, starts, strict=True):
            for track, row in (score.dynamics or {}).items():
                curves.setdefault(track, []).extend(at(point, start, 0, 0) for point in row)
        fields["dynamics"] = curves
    return song.model_copy(update=fields)


def bars(score: Score) -> tuple[float, float] | None:
    """(a bar line, seconds of a bar), from the beats; None where they are unknown.

    A bar's length is that between the first and the last bar line, so that it fits a whole song.
    """
    lines = [beat.time for beat in score.beats or [] if beat.position == 1]
    lines = [time for time in lines if time > _LEAST] if len(lines) > 2 else lines  # one before 0 s is written at 0
    if len(lines) < 2:
        return None
    gaps = np.diff(lines)
    count = int(np.round(gaps / np.median(gaps)).sum())
    return lines[0], (lines[-1] - lines[0]) / count


def section_at(score: Score, time: float) -> Section | None:
    """The section that sounds at ``time``."""
    return next((s for s in reversed(score.sections or []) if s.start <= time + _LEAST), None)


def _placed(span: _S, start: float, end: float) -> _S:
    return span.model_copy(update={"start": start, "end": end})


def _clipped(span: _S, start: float, end: float) -> _S:
    first = min(max(span.start, start), end) - start
    return _placed(span, first, max(first, min(span.end, end) - start))


def _points(row: Sequence[Any] | None, start: float, end: float, names: tuple[str, ...]) -> list[Any] | None:
    """A curve of points between two times, with its values at both."""
    if not row:
        return None if row is None else []
    times = [point.time for point in row]
    inner = list(row[bisect.bisect_right(times, start) : bisect.bisect_left(times, end)])

    def value(time: float) -> Any:
        near = row[max(0, bisect.bisect_right(times, time) - 1)]
        read = {name: float(np.interp(time, times, [getattr(p, name) for p in row])) for name in names}
        return near.model_copy(update={"time": time} | read)

    points = [value(start), *inner, value(end)]
    return [point.model_copy(update={"time": point.time - start}) for point in points]
