"""Lyrics laid on a voice: when every line, word and phoneme is sung.

Times that the lyrics have are kept. What lies between them is found by forced alignment of what the phoneme recogniser
hears (CTC; Graves et al., ICML 2006), with the whole song as the window where there are no times at all.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from ..composer.untimed import SECONDS_PER_SYLLABLE
from ..errors import InputError
from ..evaluation.words import align, hear, words_heard
from ..lyrics import Lyrics, LyricWord, pronounce
from ..models import PhonemeRecogniser
from ..score import Line, Phoneme, Score, Word

SAMPLE_RATE = 44100
_LATE = 0.03
"""Seconds by which the recogniser's peaks come after a word's start: the median over eight songs of the corpus."""
_HOP = 441  # samples: 10 ms
_QUIET_DB = -35.0  # below its loudest moments the voice rests
_SHORTEST = 0.04  # seconds of a phoneme at the end of a word


@dataclass(frozen=True)
class Aligned:
    """Lyrics in time. ``error_rate``: edits over phonemes between them and what is heard; near 1 they are not sung."""

    lines: list[Line]
    words: list[Word]
    phonemes: list[Phoneme]
    error_rate: float


@dataclass(frozen=True)
class _Item:
    """A word with its phonemes (symbol, syllable), and its line."""

    word: LyricWord
    line: int
    sounds: list[tuple[str, int]]


@dataclass(frozen=True)
class _Window:
    """Words ``first`` … ``last`` − 1 are sung from ``start`` to ``end`` seconds; ``told``: the start is given."""

    first: int
    last: int
    start: float
    end: float
    told: bool


def align_lyrics(lyrics: Lyrics, vocals: np.ndarray, recogniser: PhonemeRecogniser) -> Aligned:
    """Time ``lyrics`` on ``vocals`` (2, samples) at 44.1 kHz.

    Raises :class:`InputError` where they start after the song ends, or are in a language without pronunciation, and
    MissingToolError without torchaudio.
    """
    duration = vocals.shape[1] / SAMPLE_RATE
    items = [
        _Item(word, number, [(p, i) for i, syllable in enumerate(syllables) for p in syllable.phonemes])
        for number, line in enumerate(lyrics.lines)
        for word, syllables in zip(
            line.words, pronounce([word.text for word in line.words], lyrics.language), strict=True
        )
    ]
    heard = hear(recogniser, vocals)
    rests = _rests(vocals)
    phonemes: list[Phoneme] = []
    for window in _windows(lyrics, items, duration):
        sung = [
            Phoneme(start=0, end=0, symbol=symbol, word=i, syllable=syllable)
            for i in range(window.first, window.last)
            for symbol, syllable in items[i].sounds
        ]
        if sung:
            starts = _starts(sung, window, heard, recogniser)
            phonemes += _closed(sung, starts, window, rests)
    lines, words = _spans(lyrics, items, phonemes, duration)
    score = Score(duration=duration, lines=lines, words=words, phonemes=phonemes)
    return Aligned(lines, words, phonemes, words_heard(heard, score, recogniser).error_rate)


def _windows(lyrics: Lyrics, items: list[_Item], duration: float) -> list[_Window]:
    """Stretches between the times that are given."""
    anchors: list[tuple[int, float]] = []
    before = None
    for i, item in enumerate(items):
        start = item.word.start
        if start is None and item.line != before:
            start = lyrics.lines[item.line].start
        if start is not None:
            anchors.append((i, start))
        before = item.line
    if late := next((start for _, start in anchors if start >= duration), None):
        raise InputError(f"lyrics: a line starts at {late:.1f} s, the song ends at {duration:.1f} s")
    edges = [*([] if anchors and anchors[0][0] == 0 else [(0, None)]), *anchors, (len(items), None)]
    windows = []
    for (first, start), (last, following) in itertools.pairwise(edges):
        ends = [duration] if following is None else [following]
        ends += [end for end in (items[last - 1].word.end, lyrics.lines[items[last - 1].line].end) if end is not None]
        begin = start or 0.0
        windows.append(_Window(first, last, begin, max(min(ends), begin + 0.01), start is not None))
    return windows


def _starts(sung: list[Phoneme], window: _Window, heard: Tensor, recogniser: PhonemeRecogniser) -> np.ndarray:
    """Seconds at which each phoneme begins: aligned, or evenly spread where they do not fit into the window."""
    first, last = (round(time / recogniser.frame_seconds) for time in (window.start, window.end))
    try:
        found = np.array(align(heard[first:last], sung, recogniser)) + first * recogniser.frame_seconds - _LATE
    except InputError:
        syllables = len({(phoneme.word, phoneme.syllable) for phoneme in sung})
        end = min(window.end, window.start + SECONDS_PER_SYLLABLE * syllables)
        return np.linspace(window.start, end, len(sung), endpoint=False)
    if window.told and sung[0].word == window.first and window.last - window.first == 1:
        found[0] = window.start  # a word's own time; a line's own time may come before its first word
    return np.maximum.accumulate(np.clip(found, window.start, window.end))


def _closed(sung: list[Phoneme], starts: np.ndarray, window: _Window, rests: np.ndarray) -> list[Phoneme]:
    """Every phoneme lasts to the next one of its word; the last one of a word to the next word, or till the voice
    rests."""
    closed = []
    for i, (phoneme, start) in enumerate(zip(sung, starts.tolist(), strict=True)):
        end = starts[i + 1] if i + 1 < len(sung) else window.end
        if i + 1 == len(sung) or sung[i + 1].word != phoneme.word:
            after = rests[np.searchsorted(rests, start + _SHORTEST) :]
            end = min(end, after[0] if len(after) else math.inf)
        closed.append(phoneme.model_copy(update={"start": start, "end": max(start, float(end))}))
    return closed


def _spans(
    lyrics: Lyrics, items: list[_Item], phonemes: list[Phoneme], duration: float
) -> tuple[list[Line], list[Word]]:
    """Words and lines around their phonemes, with the times that the lyrics give."""
    by_word: dict[int, tuple[float, float]] = {}
    for phoneme in phonemes:
        start, _ = by_word.get(phoneme.word, (phoneme.start, 0.0))
        by_word[phoneme.word] = start, phoneme.end
    words, here = [], 0.0
    for i, item in enumerate(items):
        start, end = by_word.get(i, (here, here))
        start = start if item.word.start is None else item.word.start
        end = min(max(start, end if item.word.end is None else item.word.end), duration)
        words.append(Word(start=min(start, end), end=end, text=item.word.text, line=item.line))
        here = end
    lines = []
    for number, line in enumerate(lyrics.lines):
        own = [word for word in words if word.line == number]
        start = line.start if line.start is not None else own[0].start
        end = max(start, own[-1].end if line.end is None else line.end)
        section = lyrics.sections[line.section].label if line.section is not None else None
        lines.append(Line(start=min(start, duration), end=min(end, duration), text=line.text, section=section))
    return lines, words


def _rests(vocals: np.ndarray) -> np.ndarray:
    """Seconds, rising, at which the voice is at rest (of every 10 ms)."""
    power = np.square(vocals.mean(0), dtype=np.float64)
    power = np.pad(power, (0, -len(power) % _HOP)).reshape(-1, _HOP).mean(1)
    smooth = np.convolve(power, np.ones(5) / 5, "same")
    return np.flatnonzero(smooth <= np.percentile(smooth, 99) * 10 ** (_QUIET_DB / 10)) * _HOP / SAMPLE_RATE


def without_times(lyrics: Lyrics) -> Lyrics:
    """The same words with nothing said about when."""
    lines = [
        replace(line, start=None, end=None, words=tuple(LyricWord(word.text) for word in line.words))
        for line in lyrics.lines
    ]
    return replace(lyrics, lines=lines)
