"""The sung text: lyric lines as rows of syllables, with the times the user gave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import InputError
from ..lyrics.parse import Lyrics
from ..lyrics.phonemes import VOWELS, Syllable

Pronounce = Callable[[list[str], str], Sequence[Sequence[Syllable]]]

_PASSED_OVER = (  # words that songs pass over, though a dictionary gives them a stress
    "a an the and but or nor of to in on at by for from with as than that this is was are were am be been it its i'm "
    "it's my your his her our their me him us them you i he she we they do does did has have had will would can could "
    "shall should if so just el la los las un una de y que en le les du des et à der die das und zu ein eine den dem "
    "il lo e di"
)
_UNSTRESSED = frozenset(_PASSED_OVER.split())
_PAUSES = (",", ";", ":", ".", "!", "?", "…", "—", "–")


class ComposeError(InputError):
    """A song that cannot be composed as asked; the message says why and what would help."""


@dataclass(frozen=True)
class SungSyllable:
    """``word`` counts within the line, ``index`` within the word; ``pause`` asks for a little room after it."""

    word: int
    index: int
    phonemes: tuple[str, ...]
    stress: float
    pause: bool = False

    @property
    def nucleus(self) -> int:
        """Index of the phoneme that carries the note: the first vowel, else the last phoneme."""
        return next((i for i, symbol in enumerate(self.phonemes) if symbol in VOWELS), len(self.phonemes) - 1)


@dataclass(frozen=True)
class SungLine:
    """One line; ``start``, ``end`` and ``word_times`` (start, end) in seconds where the user gave them."""

    index: int
    text: str
    words: tuple[str, ...]
    syllables: tuple[SungSyllable, ...]
    section: int | None
    start: float | None = None
    end: float | None = None
    word_times: tuple[tuple[float | None, float | None], ...] = ()

    @property
    def count(self) -> int:
        return len(self.syllables)


def sung_lines(lyrics: Lyrics, pronounce: Pronounce) -> list[SungLine]:
    """Every lyric line that can be sung, with its syllables. ``pronounce(words, language)`` is called per line."""
    known: dict[tuple[str, ...], Sequence[Sequence[Syllable]]] = {}
    lines: list[SungLine] = []
    for line in lyrics.lines:
        words = tuple(word.text for word in line.words)
        if words not in known:
            known[words] = pronounce(list(words), lyrics.language)
        syllables = tuple(
            SungSyllable(
                word=w,
                index=s,
                phonemes=tuple(syllable.phonemes),
                stress=_stress(words[w], syllable, len(spoken)),
                pause=s == len(spoken) - 1 and words[w].endswith(_PAUSES),
            )
            for w, spoken in enumerate(known[words])
            for s, syllable in enumerate(spoken)
            if syllable.phonemes
        )
        if not syllables:
            continue
        times = tuple((word.start, word.end) for word in line.words)
        start = line.start
        if times and times[0][0] is not None:
            start = times[0][0]
        lines.append(SungLine(len(lines), line.text, words, syllables, line.section, start, line.end, times))
    return lines


def _stress(word: str, syllable: Syllable, count: int) -> float:
    if count == 1:
        return 0.2 if word.strip("\"'(),.;:!?…").casefold() in _UNSTRESSED else 0.8
    return {0: 0.0, 1: 1.0, 2: 0.6}[syllable.stress]
