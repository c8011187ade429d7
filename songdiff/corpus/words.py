"""Lyrics for the corpus: rhymed lines from templates, and lines of random words that cover the phonemes.

The word list (words.txt) knows parts of speech, syllables and rhymes. A fixed twentieth of all words, :func:`held_out`,
is never sung in the training split, so that the test split can ask for words the model has not met.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np

from ..lyrics import LyricLine, Lyrics, LyricSection, LyricWord

TEMPLATES = """
the {j} {n} is {ting} my {n}|under the {j} {m}|i {t} you in the {n}|you are the {n} of my {n}|we {v} and {v} {r}
{ting} the {n} of the {n}|never {t} the {j} {n}|all of my {ns} are {j}|i can feel the {n} {v}|there is no {m} in the {n}
take me to the {n} {r}|when the {ns} {v} i will {v}|you {t} me like a {j} {n}|oh i {v} for your {m}|let the {n} {v} {r}
we were {ving} through the {n}|my {n} is a {j} {n}|give me {m} and {j} {m}|how the {n} {tes} the {n}|do not {t} my {n}
i am {j} and you are {j}|every {n} has a {n}|there goes my {j} {n}|come and {v} with me {r}|i will {t} you {r}
say you will {v} {r}|the {ns} and the {ns} {v}|where did all the {ns} go {r}|a {j} {n} on the {n}|just a {n} in the {m}
so {j} so {j} so {j}|waiting for a {j} {n}|who will {t} the {n} now|hey {n} do you {v}|we could be {ns} of {m}
the {n} {vs} over the {n}|nobody {tes} a {j} {n}|if you {v} i will {v}|{j} {ns} in a {j} {n}|tell me why you {v} {r}
and the {m} of your {n}|from the {n} to the {n}|with a {n} in my {n}|your {j} {m} your {j} {n}|time to {t} the {n}
we are {j} {r}|i saw the {j} {ns} {v}|no more {m} no more {m}|lay down your {n} and {v}|one more {n} before we {v}
the {m} is {ting} me {r}|you and i can {v}|on a {j} {n} we {v}|show me how to {v}|she {vs} like the {n}|he {tes} me {r}
"""
_SLOT = re.compile(r"\{(\w+)\}")
_DOUBLED = re.compile(r"^[^aeiou]*[aeiou][bdgklmnprt]$")  # "run" → "running"; words of one closed short syllable
_IRREGULAR = dict(
    pair.split(":")
    for pair in "man:men woman:women child:children foot:feet tooth:teeth goose:geese mouse:mice have:has".split()
)
_SIBILANTS = ("s", "x", "z", "ch", "sh")


@dataclass(frozen=True)
class Entry:
    """A word of the list: part of speech (see words.txt), syllables, and what it rhymes on."""

    text: str
    kind: str
    syllables: int
    rhyme: str


@lru_cache(maxsize=1)
def word_list() -> tuple[Entry, ...]:
    """All entries of words.txt; a word that is both noun and verb has two."""
    entries = []
    for line in (files(__package__) / "words.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            kind, syllables, rhyme, *words = line.split()
            entries += [Entry(word, kind, int(syllables), rhyme) for word in words]
    return tuple(entries)


def held_out(word: str) -> bool:
    """Whether ``word`` is kept out of the training split: every twentieth word, by its checksum."""
    return zlib.crc32(word.lower().encode()) % 20 == 0


def write_lyrics(
    rng: np.random.Generator,
    *,
    lines: int = 8,
    syllables: tuple[int, int] = (5, 9),
    random_share: float = 0.3,
    allow_held_out: bool = False,
) -> Lyrics:
    """Verses and choruses of 2–4 lines each; the chorus, where it comes back, is the same.

    Args:
        lines: about how many lines to sing in all, at least 2.
        syllables: the fewest and the most syllables of a line.
        random_share: how many verse pairs are random words instead of sentences; 0 … 1.
        allow_held_out: True in the test split, where random lines then prefer words with :func:`held_out`.
    """
    plan = _plan(lines, rng)
    writer = _Writer(rng, syllables, allow_held_out)
    chorus = writer.stanza(next((n for label, n in plan if label == "chorus"), 2), 0.0)
    lyrics = Lyrics(title=" ".join(chorus[0]).capitalize())
    for label, count in plan:
        lyrics.sections.append(LyricSection(label, label.capitalize()))
        for words in chorus if label == "chorus" else writer.stanza(count, random_share):
            lyrics.lines.append(
                LyricLine(
                    text=" ".join(words),
                    words=tuple(map(LyricWord, words)),
                    section=len(lyrics.sections) - 1,
                    number=len(lyrics.lines) + len(lyrics.sections) + 1,
                )
            )
    return lyrics


def _plan(lines: int, rng: np.random.Generator) -> list[tuple[str, int]]:
    """Sections and their line counts."""
    plans = {
        2: ["v2", "c2"],
        4: ["v2 c2", "c2 v2", "v4", "c2 c2"],
        6: ["v2 c2 c2", "c2 v2 c2", "v4 c2", "v2 c4", "v3 c3"],
        8: ["v2 c2 v2 c2", "v4 c4", "v4 c2 c2", "c2 v4 c2"],
        10: ["v4 c2 v2 c2", "v2 c4 c4", "v3 c2 v3 c2", "v2 c3 v2 c3"],
        12: ["v4 c2 v4 c2", "v4 c4 c4", "v3 c3 v3 c3", "v2 c4 v2 c4"],
    }
    choices = plans[min(12, max(2, lines // 2 * 2))]
    names = {"v": "verse", "c": "chorus"}
    return [(names[part[0]], int(part[1])) for part in choices[rng.integers(len(choices))].split()]


class _Writer:
    """Draws lines until they fit: rhyme, syllables, and no word that the split may not use."""

    def __init__(self, rng: np.random.Generator, syllables: tuple[int, int], allow_held_out: bool) -> None:
        self.rng, self.allow_held_out = rng, allow_held_out
        self.low, self.high = syllables
        entries = [entry for entry in word_list() if allow_held_out or not held_out(entry.text)]
        self.all = [entry for entry in entries if entry.kind != "i"]
        self.by_kind: dict[str, list[Entry]] = {}
        self.by_rhyme: dict[str, list[Entry]] = {}
        for entry in entries:
            self.by_kind.setdefault(entry.kind, []).append(entry)
            if entry.kind in "nmvjr":
                self.by_rhyme.setdefault(entry.rhyme, []).append(entry)
        self.rhymes = [rhyme for rhyme, family in self.by_rhyme.items() if len({e.text for e in family}) > 2]

    def stanza(self, lines: int, random_share: float) -> list[list[str]]:
        """``lines`` lines, rhyming in pairs; a pair of random words with probability ``random_share``."""
        out: list[list[str]] = []
        while len(out) < lines:
            count = min(2, lines - len(out))
            if self.rng.random() < random_share:
                out += [self._random_line() for _ in range(count)]
                continue
            rhyme, ends = self.rhymes[self.rng.integers(len(self.rhymes))], list[str]()
            for _ in range(count):
                out.append(self._line(rhyme, ends))
                ends.append(out[-1][-1])
        return out

    def _line(self, rhyme: str, ends: list[str]) -> list[str]:
        templates = TEMPLATES.strip().replace("\n", "|").split("|")
        for _ in range(200):
            template = templates[self.rng.integers(len(templates))]
            last = _SLOT.search(template.rsplit(" ", 1)[-1])
            closing = [e for e in self.by_rhyme[rhyme] if last and e.kind == last[1] and e.text not in ends]
            if closing:
                words, count = self._fill(template, self._pick(closing))
                allowed = self.allow_held_out or not any(map(held_out, words))
                if allowed and self.low <= count <= self.high and len(words) <= 9:
                    return words
        return self._random_line()

    def _fill(self, template: str, closing: Entry) -> tuple[list[str], int]:
        words, count = [], 0
        slots = template.split()
        for index, slot in enumerate(slots):
            match = _SLOT.fullmatch(slot)
            if not match:
                word, syllables = slot, max(1, len(re.findall(r"[aeiouy]+", slot.removesuffix("e"))))
            else:
                kind, ending = match[1][0], match[1][1:]
                entry = closing if index == len(slots) - 1 else self._pick(self.by_kind[kind])
                word = _inflected(entry.text, ending)
                extra = ending == "ing" or (ending in ("s", "es") and word.endswith("es") and _sibilant(entry.text))
                syllables = entry.syllables + extra
            words.append(word)
            count += syllables
        for index, following in enumerate(words[1:]):
            if words[index] == "a" and following[0] in "aeiou":
                words[index] = "an"
        return words, count

    def _random_line(self) -> list[str]:
        words: list[str] = []
        target, count = self.rng.integers(self.low, self.high + 1), 0
        while (count < target and len(words) < 9) or len(words) < 4:
            entry = self._pick(self.all)
            if self.allow_held_out and not held_out(entry.text) and self.rng.random() < 0.8:
                continue
            words.append(entry.text)
            count += entry.syllables
        return words

    def _pick(self, entries: list[Entry]) -> Entry:
        return entries[self.rng.integers(len(entries))]


def _inflected(word: str, ending: str) -> str:
    """``word`` with "s", "es" (both: the regular -s form) or "ing"; irregular plurals where the list has them."""
    if ending in ("s", "es"):
        if word in _IRREGULAR:
            return _IRREGULAR[word]
        if word.endswith("y") and word[-2] not in "aeiou":
            return word[:-1] + "ies"
        if word in ("go", "hero", "echo", "potato", "tomato"):
            return word + "es"
        return word + ("es" if _sibilant(word) and not word.endswith("e") else "s")
    if ending == "ing":
        if word.endswith("ie"):
            return word[:-2] + "ying"
        if word.endswith("e") and not word.endswith("ee"):
            return word[:-1] + "ing"
        return word + (word[-1] if _DOUBLED.match(word) or word in ("begin", "forget") else "") + "ing"
    return word


def _sibilant(word: str) -> bool:
    return word.removesuffix("e").endswith((*_SIBILANTS, "c", "dg", "g")) and word.endswith((*_SIBILANTS, "e"))
