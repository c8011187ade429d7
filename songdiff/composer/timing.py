"""From notes to phonemes: vowels start on the note, consonants make room for them.

Natural lengths are seconds of calm singing; where time is short consonants shrink together and vowels keep their share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..lyrics.phonemes import VOWELS
from .text import SungSyllable

_CLASSES: dict[float, str] = {
    0.070: "p b t d k ɡ ɾ",
    0.090: "f v θ ð s z ʃ ʒ ç x β ɣ ɕ ʂ ɸ ʁ",
    0.060: "m n ŋ ɲ l r ʎ h",
    0.055: "j w ɹ ɥ ɻ",
    0.100: "tʃ dʒ ts dz tɕ tʂ pʰ tʰ kʰ tsʰ tɕʰ tʂʰ",
}
LENGTHS: dict[str, float] = {symbol: length for length, symbols in _CLASSES.items() for symbol in symbols.split()}
_LENGTH = 0.070
VOWEL_SHARE = 0.45
"""At least this share of a note stays with its vowel."""
_SECOND_VOWEL = 0.080


@dataclass(frozen=True)
class Timed:
    """A phoneme of syllable ``syllable`` (index into the line) from ``start`` to ``end`` seconds."""

    symbol: str
    syllable: int
    start: float
    end: float


def natural(symbol: str) -> float:
    """Seconds a phoneme takes when it is not the vowel a note rests on."""
    return _SECOND_VOWEL if symbol in VOWELS else LENGTHS.get(symbol, _LENGTH)


def onset_length(syllable: SungSyllable) -> float:
    """Seconds that the consonants before the vowel would like."""
    return sum(natural(symbol) for symbol in syllable.phonemes[: syllable.nucleus])


def time_phonemes(
    syllables: Sequence[SungSyllable], notes: Sequence[tuple[float, float]], earliest: float
) -> list[Timed]:
    """Phonemes of a line whose syllables sing ``notes`` (start, end in seconds); nothing starts before ``earliest``.

    Vowel onsets are exactly the note starts; phonemes are in order and do not overlap.
    """
    timed: list[Timed] = []
    head = _squeezed(syllables[0].phonemes[: syllables[0].nucleus], max(notes[0][0] - earliest, 0.0))
    timed += _laid(syllables[0].phonemes[: syllables[0].nucleus], head, 0, notes[0][0] - sum(head))
    for i, (syllable, (start, end)) in enumerate(zip(syllables, notes, strict=True)):
        coda = syllable.phonemes[syllable.nucleus + 1 :]
        last = i == len(syllables) - 1
        onset = () if last else syllables[i + 1].phonemes[: syllables[i + 1].nucleus]
        following = end if last else notes[i + 1][0]
        vowel_start = start
        rest = not last and following - end > sum(map(natural, onset))
        if last or rest:  # the coda closes the note, the next onset leans on the next note
            lengths = _squeezed(coda, (end - start) * (1 - VOWEL_SHARE))
            close, lead = lengths, _squeezed(onset, following - end)
            vowel_end = end - sum(close)
        else:
            lengths = _squeezed((*coda, *onset), (following - start) * (1 - VOWEL_SHARE))
            close, lead = lengths[: len(coda)], lengths[len(coda) :]
            vowel_end = following - sum(lengths)
        timed.append(Timed(syllable.phonemes[syllable.nucleus], i, vowel_start, vowel_end))
        timed += _laid(coda, close, i, vowel_end)
        if not last:
            timed += _laid(onset, lead, i + 1, following - sum(lead))
    return timed


def _squeezed(symbols: Sequence[str], room: float) -> list[float]:
    lengths = [natural(symbol) for symbol in symbols]
    total = sum(lengths)
    return [length * room / total for length in lengths] if total > room else lengths


def _laid(symbols: Sequence[str], lengths: Sequence[float], syllable: int, start: float) -> list[Timed]:
    laid: list[Timed] = []
    for symbol, length in zip(symbols, lengths, strict=True):
        laid.append(Timed(symbol, syllable, start, start + length))
        start += length
    return laid
