"""A Score without a plan: only who sings which words, roughly when. For ``planner="none"``."""

from __future__ import annotations

from collections.abc import Callable

from ..lyrics import Lyrics
from ..lyrics.phonemes import Syllable
from ..lyrics.pronounce import pronounce as pronounce_words
from ..score import Line, Phoneme, Score, Word
from .text import ComposeError

SECONDS_PER_SYLLABLE, GAP = 0.32, 0.6
FASTEST = 0.45  # of those seconds: about seven syllables a second


def untimed_score(
    lyrics: Lyrics | None,
    *,
    duration: float | None = None,
    pronounce: Callable[[list[str], str], list[list[Syllable]]] = pronounce_words,
) -> Score:
    """Lines at the times they were given, or spread evenly over ``duration`` (seconds); phonemes evenly over a line.

    Everything else is unknown. Without lyrics the song is instrumental. Read it with ``grain="line"``. Raises
    :class:`ComposeError` where the song is too short for the words.
    """
    if lyrics is None:
        return Score(duration=duration or 30.0, lines=[], words=[], phonemes=[], melody=[])
    spoken = [pronounce([word.text for word in line.words], lyrics.language) for line in lyrics.lines]
    lengths = [SECONDS_PER_SYLLABLE * max(1, sum(map(len, words))) for words in spoken]
    if duration is None:
        last = lyrics.lines[-1].start
        timed = last is not None and lyrics.timing != "none"
        duration = (last or 0.0) + lengths[-1] + 3.0 if timed else sum(lengths) + GAP * len(lengths) + 5.0
    stretch = (duration - 3.0) / (sum(lengths) + GAP * len(lengths))
    untimed = all(line.start is None for line in lyrics.lines)
    if untimed and stretch < FASTEST:
        needed = FASTEST * (sum(lengths) + GAP * len(lengths)) + 3.0
        raise ComposeError(
            f"the lyrics need at least {needed:.1f} s, the song lasts {duration:g} s: raise the duration"
        )
    late = next((line for line in lyrics.lines if line.start is not None and line.start >= duration), None)
    if late is not None:
        raise ComposeError(
            f"line {late.number} starts at {late.start:g} s, the song lasts {duration:g} s: raise the duration"
        )
    lines: list[Line] = []
    words: list[Word] = []
    phonemes: list[Phoneme] = []
    cursor = 1.5
    for number, (line, syllables, length) in enumerate(zip(lyrics.lines, spoken, lengths, strict=True)):
        start = min(cursor, duration) if line.start is None else line.start
        following = [later.start for later in lyrics.lines[number + 1 :] if later.start is not None][:1]
        end = start + (length * stretch if line.start is None else length)
        end = min(end, duration, *following)
        cursor = end + GAP * stretch
        section = lyrics.sections[line.section].label if line.section is not None else None
        lines.append(Line(start=start, end=end, text=line.text, section=section))
        symbols = [(i, p) for i, word in enumerate(syllables) for syllable in word for p in syllable.phonemes]
        step = (end - start) / max(1, len(symbols))
        first_word = len(words)
        for i, word in enumerate(line.words):
            times = [start + step * k for k, (owner, _) in enumerate(symbols) if owner == i] or [start]
            words.append(Word(start=times[0], end=min(times[-1] + step, duration), text=word.text, line=number))
        for k, (owner, symbol) in enumerate(symbols):
            phonemes.append(
                Phoneme(start=start + step * k, end=start + step * (k + 1), symbol=symbol, word=first_word + owner)
            )
    return Score(duration=duration, language=lyrics.language, lines=lines, words=words, phonemes=phonemes)
