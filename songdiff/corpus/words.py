"""Lyrics for the corpus: rhymed and metrical lines from templates, and lines of random words that cover the phonemes.

A song has a form (verse, prechorus, chorus, bridge); its choruses are alike, with hooks, echoes and chants. Random
lines prefer words with rare sounds. A fixed twentieth of all words, :func:`held_out`, is never sung in the training
split, so that the test split can ask for words the model has not met.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise, product
from typing import NamedTuple, TypeVar

import numpy as np

from ..lyrics import LyricLine, Lyrics, LyricSection, LyricWord
from .inflection import adds_syllable, inflected
from .vocabulary import Entry, Slot, Template, held_out, syllables, vocabulary, word_list

__all__ = ["held_out", "word_list", "write_lyrics"]

_T = TypeVar("_T")

MOST_LINES, MOST_WORDS = 40, 9
_TRIES = 12  # drafts of a line, of which the best is sung
_FORMS = "v c vc cv vvc cvc vcc vcvc cvcv cvcc vcvcc vcbc vvcvc vpcvpc vcvcbc vcvcbcc vpcvpcbc vpcvpcbcc".split()
_LENGTHS = {"v": (2, 3, 4, 6, 8), "p": (2,), "c": (2, 3, 4), "b": (2, 4)}
_LABELS = {"v": "verse", "p": "prechorus", "c": "chorus", "b": "bridge"}
_NAMES = {"v": "Verse", "p": "Pre-Chorus", "c": "Chorus", "b": "Bridge"}
_SCHEMES = {2: ["AA"], 3: ["AAA", "ABA", "ABB"], 4: ["AABB", "ABAB", "ABCB", "AAAA"]}
_SCHEMES |= {6: ["AABBCC", "ABABCC", "AABCCB"], 8: ["AABBCCDD", "ABABCDCD", "ABCBDEFE", "AABBCDCD"]}


def write_lyrics(
    rng: np.random.Generator,
    *,
    lines: int = 8,
    syllables: tuple[int, int] = (5, 9),
    random_share: float = 0.3,
    allow_held_out: bool = False,
    language: str = "en-us",
) -> Lyrics:
    """A song of verses, prechoruses, choruses and a bridge; the chorus, where it comes back, is the same.

    Args:
        lines: about how many lines to sing in all, 2 … 40.
        syllables: the fewest and the most syllables of a line; lines of a stanza are alike in length.
        random_share: how many rhyming groups of lines outside choruses are random words instead of sentences; 0 … 1.
        allow_held_out: True in the test split, where random lines then prefer words with :func:`held_out`.
        language: one of :data:`songdiff.corpus.vocabulary.LANGUAGES`.

    Raises :class:`~songdiff.corpus.vocabulary.VocabularyError` for another language.
    """
    writer = _Writer(rng, syllables, random_share, language, allow_held_out)
    form = _form(lines, rng)
    chorus = writer.chorus(form.lengths["c"])
    prechorus = writer.stanza(form.lengths["p"]) if "p" in form.letters and rng.random() < 0.6 else None
    hook = chorus[0]
    lyrics = Lyrics(title=_title(hook, language, rng), language=language)
    for index, letter in enumerate(form.letters):
        verses = form.letters[: index + 1].count("v")
        lyrics.sections.append(LyricSection(_LABELS[letter], _NAMES[letter] + (f" {verses}" if letter == "v" else "")))
        stanza = chorus if letter == "c" else prechorus if letter == "p" else None
        for words in stanza or writer.stanza(form.lengths[letter]):
            lyrics.lines.append(
                LyricLine(
                    text=" ".join(words),
                    words=tuple(map(LyricWord, words)),
                    section=len(lyrics.sections) - 1,
                    number=len(lyrics.lines) + len(lyrics.sections) + 1,
                )
            )
    return lyrics


class _Form(NamedTuple):
    letters: str  # "vpcvpcbc"
    lengths: dict[str, int]  # lines of a section of each letter


@lru_cache(maxsize=1)
def _forms() -> dict[int, list[_Form]]:
    """All forms by how many lines they have; long verses only where there are several sections."""
    found: dict[int, list[_Form]] = {}
    for letters in _FORMS:
        kinds = sorted(set(letters))
        for lengths in product(*(_LENGTHS[kind] for kind in kinds)):
            count = {"c": 2} | dict(zip(kinds, lengths, strict=True))
            if count.get("v", 2) <= 4 or len(letters) > 3:
                found.setdefault(sum(count[letter] for letter in letters), []).append(_Form(letters, count))
    return found


def _form(lines: int, rng: np.random.Generator) -> _Form:
    nearest = min(_forms(), key=lambda total: (abs(total - min(MOST_LINES, max(2, lines))), total))
    choices = _forms()[nearest]
    choices = [form for form in choices if len(form.letters) > 1 and "c" in form.letters] or choices
    return choices[rng.integers(len(choices))]


def _title(hook: list[str], language: str, rng: np.random.Generator) -> str:
    """The hook, or in English what it ends on: "the silver river"."""
    starts = [index for index, word in enumerate(hook) if word in ("the", "my", "your", "a", "an")]
    if language == "en-us" and starts and len(hook) - starts[-1] > 1 and rng.random() < 0.5:
        hook = hook[starts[-1] :]
    title = " ".join(hook)
    return title[:1].upper() + title[1:]


class _Stock:
    """What a split may sing in a language, sorted for quick choice."""

    def __init__(self, language: str, allow_held_out: bool) -> None:
        words = vocabulary(language)
        self.language, self.allow_held_out = language, allow_held_out
        entries = [entry for entry in words.entries if allow_held_out or not held_out(entry.text)]
        self.by_kind: dict[str, dict[int, list[Entry]]] = {}
        for entry in entries:
            for kind in entry.kinds:
                self.by_kind.setdefault(kind, {}).setdefault(entry.syllables, []).append(entry)
        self.ending_on: dict[str, list[Template]] = {}  # by the kind of their last slot, or by their last word
        for template in words.templates:
            literals = [part for part in template.parts if isinstance(part, Entry)]
            if allow_held_out or not any(held_out(entry.text) for entry in literals):
                last = template.parts[-1]
                if isinstance(last, Entry):
                    self.ending_on.setdefault(last.text, []).append(template)
                elif not last.ending and last.kind in self.by_kind:
                    self.ending_on.setdefault(last.kind, []).append(template)
        families: dict[str, list[tuple[Entry, str]]] = {}
        for entry in entries:
            for key in [*entry.kinds, entry.text] if len(entry.text) > 1 else [entry.text]:
                if key in self.ending_on:
                    families.setdefault(entry.rhyme, []).append((entry, key))
        self.families = [family for family in families.values() if len({entry.text for entry, _ in family}) > 3]
        self.family_weights = np.cumsum([min(len(family), 40) for family in self.families])
        self.free = [pair for family in families.values() for pair in family]
        self.sung = [entry for entry in entries if not set(entry.kinds) & set("wi")]
        self.kept_out = [entry for entry in self.sung if held_out(entry.text)]
        self.rarity = np.cumsum(_rarity(self.sung))

    @lru_cache(maxsize=4096)  # noqa: B019  (stocks live as long as the process)
    def templates(self, key: str, syllables: int) -> list[Template]:
        """Lines ending on ``key`` that can be filled to so many syllables; all of them where none can."""
        fitting = [t for t in self.ending_on[key] if _span(t)[0] <= syllables <= _span(t)[1]]
        return fitting or self.ending_on[key]


@lru_cache(maxsize=16)
def _stock(language: str, allow_held_out: bool) -> _Stock:
    return _Stock(language, allow_held_out)


def _rarity(entries: list[Entry]) -> np.ndarray:
    """A weight (W,) for each word: large where it has a sound, or a pair of sounds, that few words have."""
    sounds = [[*entry.sounds, *pairwise(entry.sounds)] for entry in entries]
    counts = Counter(sound for word in sounds for sound in set(word))
    return np.array([sum(counts[sound] ** -0.7 for sound in word) ** 1.3 / len(word) ** 0.6 for word in sounds])


@lru_cache(maxsize=4096)
def _span(template: Template) -> tuple[int, int]:
    """The fewest and the most syllables that a template is filled with."""
    low = high = 0
    for part in template.parts:
        low += part.syllables if isinstance(part, Entry) else 1 + (part.ending == "ing")
        high += part.syllables if isinstance(part, Entry) else 3 + (part.ending == "ing")
    return low * template.times, high * template.times


class _Draft(NamedTuple):
    words: list[str]
    syllables: int
    stress: list[int]


class _Writer:
    """Writes stanzas: rhyme, like lengths, stresses that alternate, and no word that the split may not use."""

    def __init__(
        self,
        rng: np.random.Generator,
        syllables: tuple[int, int],
        random_share: float,
        language: str,
        allow_held_out: bool,
    ) -> None:
        self.rng, self.random_share = rng, random_share
        self.low, self.high = syllables
        self.stock = _stock(language, allow_held_out)

    def stanza(self, lines: int, random_share: float | None = None, scheme: str | None = None) -> list[list[str]]:
        """``lines`` lines after a rhyme ``scheme`` ("ABAB"; a letter that comes once is free), or one drawn."""
        share = self.random_share if random_share is None else random_share
        scheme = scheme or self._pick(_SCHEMES[lines])
        lengths = self._lengths(scheme)
        families = {
            letter: None
            if self.rng.random() < share
            else self._family()
            if scheme.count(letter) > 1
            else self.stock.free
            for letter in dict.fromkeys(scheme)
        }
        out: list[list[str]] = []
        ends: set[str] = set()
        for letter, length in zip(scheme, lengths, strict=True):
            family = families[letter]
            out.append(self._line(family, ends, length) if family else self._random_line(length))
            ends.add(out[-1][-1])
        return out

    def chorus(self, lines: int) -> list[list[str]]:
        """A stanza that is remembered: often with a hook that returns, an echo, or a chant."""
        scheme = "A" * lines if self.rng.random() < 0.35 else None
        out = self.stanza(lines, 0.0, scheme)
        manner = self.rng.random()
        if manner < 0.3 and lines > 2:
            out[2] = out[0]
        elif manner < 0.45:
            out[-1] = out[0]
        elif manner < 0.6:
            out[-1] = self._chant() or out[-1]
        elif manner < 0.75:
            out = [self._echoed(line) for line in out]
        return out

    def _lengths(self, scheme: str) -> list[int]:
        """Syllables of each line: all alike, or long and short in turn as in ballads."""
        length = int(self.rng.integers(self.low, self.high + 1))
        shorter = max(self.low, length - int(self.rng.integers(1, 3))) if self.rng.random() < 0.4 else length
        turns = scheme[:1] != scheme[1:2]
        return [shorter if turns and index % 2 else length for index in range(len(scheme))]

    def _chant(self) -> list[str] | None:
        """One interjection over and over: "oh oh oh oh"."""
        calls = self.stock.by_kind.get("i", {}).get(1)
        if not calls:
            return None
        count = min(MOST_WORDS, self.high, max(3, self.low))
        one, other = self._pick(calls).text, self._pick(calls).text
        return [one] * count if self.rng.random() < 0.5 else ([one] * (count - 1) + [other])

    def _echoed(self, line: list[str]) -> list[str]:
        """The end of the line once more, where there is room: "into the night the night"."""
        tail = line[-2:]
        if len(line) + 2 > MOST_WORDS or self._count(line + tail) > self.high:
            return line
        return line + tail

    def _count(self, words: list[str]) -> int:
        if self.stock.language != "en-us":
            return sum(syllables(word, self.stock.language) for word in words)
        return sum(max(1, len(re.findall(r"[aeiouy]+", word.removesuffix("e")))) for word in words)

    def _family(self) -> list[tuple[Entry, str]]:
        weights = self.stock.family_weights
        return self.stock.families[int(np.searchsorted(weights, self.rng.random() * weights[-1], side="right"))]

    def _line(self, family: list[tuple[Entry, str]], ends: set[str], length: int) -> list[str]:
        """The best of a few drafts that end on a word of ``family``; random words where none will do."""
        best, least = None, float("inf")
        for _ in range(_TRIES):
            closing, key = self._pick(family)
            if closing.text in ends:
                continue
            draft = self._filled(self._pick(self.stock.templates(key, length)), closing, length)
            if not 2 <= len(draft.words) <= MOST_WORDS or not self.low <= draft.syllables <= self.high:
                continue
            if not self.stock.allow_held_out and any(map(held_out, draft.words)):
                continue
            cost = abs(draft.syllables - length) + _clashes(draft.stress)
            if cost < least:
                best, least = draft.words, cost
        return best or self._random_line(length)

    def _filled(self, template: Template, closing: Entry, length: int) -> _Draft:
        """A template with words in its slots, as near to ``length`` syllables as they allow."""
        room = length // template.times - closing.syllables
        open_slots = 0
        for part in template.parts[:-1]:
            if isinstance(part, Entry):
                room -= part.syllables
            else:
                open_slots += 1
                room -= part.ending == "ing"
        words: list[str] = []
        stress: list[int] = []
        count = 0
        for part in (*template.parts[:-1], closing):
            ending = ""
            if isinstance(part, Slot):
                open_slots -= 1
                low, high = max(1, room - 3 * open_slots), max(1, min(3, room - open_slots))
                entry, ending = self._of(part.kind, min(low, high), high), part.ending
                room -= entry.syllables
            else:
                entry = part
            extra = bool(ending) and adds_syllable(entry.text, ending)
            words.append(inflected(entry.text, ending) if ending else entry.text)
            stress += [*entry.stress, 0] if extra else entry.stress
            count += entry.syllables + extra
        words = _joined(words * template.times, self.stock.language)
        if self.stock.language != "en-us":
            return _Draft(words, self._count(words), [])
        return _Draft(words, count * template.times, stress * template.times)

    def _of(self, kind: str, low: int, high: int) -> Entry:
        """A word of ``kind`` with ``low`` … ``high`` syllables, or with as many as there are."""
        lists = self.stock.by_kind[kind]
        fitting = [lists[count] for count in range(low, high + 1) if count in lists] or list(lists.values())
        index = int(self.rng.integers(sum(map(len, fitting))))
        for entries in fitting:
            if index < len(entries):
                return entries[index]
            index -= len(entries)
        raise AssertionError("the index lies in one of the lists")

    def _random_line(self, length: int) -> list[str]:
        """Words without sense, those with rare sounds first; in the test split mostly held-out ones."""
        stock, words, count = self.stock, list[str](), 0
        while (count < length and len(words) < MOST_WORDS) or len(words) < 3:
            if stock.allow_held_out and self.rng.random() < 0.8:
                entry = self._pick(stock.kept_out)
            else:
                at = np.searchsorted(stock.rarity, self.rng.random() * stock.rarity[-1], side="right")
                entry = stock.sung[int(at)]
            if entry.syllables <= max(1, length - count + 1):
                words.append(entry.text)
                count += entry.syllables
        return words

    def _pick(self, choices: Sequence[_T]) -> _T:
        return choices[int(self.rng.integers(len(choices)))]


def _clashes(stress: list[int]) -> float:
    """How far stresses are from alternating: neighbours both strong, or three weak in a row."""
    strong = sum(a and b for a, b in pairwise(stress))
    weak = sum(not any(stress[i : i + 3]) for i in range(len(stress) - 2))
    return (strong + weak) * 0.75


_JOINTS: dict[str, list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]]] = {
    "en-us": [(re.compile(r"\ba (?=(?!eu|on[ce]|uni|use)[aeiou]|hour|hon)"), "an ")],
    "fr-fr": [
        (re.compile(r"\b(ma|ta) (?=[aeiouyàâéèêîôœh])"), lambda match: f"{match[1][0]}on "),
        (re.compile(r"\b(l|d|j|m|t|s|n|qu)(?:e|a) (?=[aeiouyàâéèêîôœh])"), lambda match: f"{match[1]}'"),
    ],
    "es": [(re.compile(r"\by (?=h?i)"), "e ")],
}


def _joined(words: list[str], language: str) -> list[str]:
    """Words as they stand side by side: "a apple" → "an apple", "le amour" → "l'amour"."""
    text = " ".join(words)
    for pattern, replacement in _JOINTS.get(language, []):
        text = pattern.sub(replacement, text)
    return text.split()
