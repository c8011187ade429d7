"""The words a lyric may use, and the lines they go into: one file ``words_<language>.txt`` for each language.

English words come with phonemes, which say their syllables, stresses and rhyme. For the other languages simple rules of
their spelling say as much as a lyric needs; how a word is really said is the business of the speech engine.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files

from ..errors import InputError

LANGUAGES = ("en-us", "es", "de", "fr-fr", "it", "ja", "cmn-latn-pinyin")

_SLOT = re.compile(r"\{(\w)(\w*)\}")
_NUCLEI = {  # the vowels of one syllable, as they are spelt
    "es": re.compile(r"[iuü]*[aeoáéóíú][iuy]?(?![aeoáéóíú])|[iuü]*[aeoáéóíú]|[iuü]+|y$"),
    "it": re.compile(r"[iu]*[aeoàèéìòóù][iu]?(?![aeo])|[iu]*[aeoàèéìòóù]|[iu]+"),
    "de": re.compile(r"(?<=q)u[aeioäöü]|ie|ei|ai|au|eu|äu|aa|ee|oo|[aeiouyäöü]"),
    "fr-fr": re.compile(r"[aeiouyàâéèêëîïôûùüœ]+"),
    "cmn-latn-pinyin": re.compile(r"[aeiouv]+(?:ng|n|r)?(?=[0-9])"),
    "ja": re.compile(r"[^っんーッンゃゅょャュョァィゥェォ]"),  # the kana that espeak makes a syllable of
}
_KANA_VOWELS = {
    vowel: kana
    for vowel, kana in zip(
        "aiueo",
        (
            "あかさたなはまやらわがざだばぱゃアカサタナハマヤラワガザダバパャァ",
            "いきしちにひみりぎじぢびぴイキシチニヒミリギジヂビピィ",
            "うくすつぬふむゆるぐずづぶぷゅウクスツヌフムユルグズヅブプュゥ",
            "えけせてねへめれげぜでべぺエケセテネヘメレゲゼデベペェ",
            "おこそとのほもよろをごぞどぼぽょオコソトノホモヨロヲゴゾドボポョォ",
        ),
        strict=True,
    )
}


class VocabularyError(InputError):
    """A language without words here, or a file of words that cannot be read; one line with the remedy."""


@dataclass(frozen=True)
class Entry:
    """A word: its kinds (letters, explained in its file), its sounds, syllables, and what it rhymes on.

    ``sounds`` are phonemes in English and letters elsewhere; ``stress`` is 0 or 1 for each syllable, or empty.
    """

    text: str
    kinds: str
    sounds: tuple[str, ...]
    syllables: int
    rhyme: str
    stress: tuple[int, ...] = ()


@dataclass(frozen=True)
class Slot:
    """A place in a line for a word of ``kind`` with an ``ending`` ("s", "ing", "ed" or none)."""

    kind: str
    ending: str = ""


@dataclass(frozen=True)
class Template:
    """A line with slots. ``times`` is 2 or 3 for one that says the same again: "oh {p} oh {p}" is "oh {p}" twice."""

    parts: tuple[Entry | Slot, ...]
    times: int = 1


@dataclass(frozen=True)
class Vocabulary:
    """All words of a language, and the lines that they go into."""

    language: str
    entries: tuple[Entry, ...]
    templates: tuple[Template, ...]


def held_out(word: str) -> bool:
    """Whether ``word`` is kept out of the training split: every twentieth word, by its checksum."""
    return zlib.crc32(word.lower().encode()) % 20 == 0


@cache
def vocabulary(language: str = "en-us") -> Vocabulary:
    """The words and lines of ``language`` (one of :data:`LANGUAGES`), in the order of its file.

    Raises :class:`VocabularyError` for another language, and for a line with a word that is not in the list.
    """
    if language not in LANGUAGES:
        raise VocabularyError(f"no words for language {language!r}; choose one of {', '.join(LANGUAGES)}")
    name = f"words_{language}.txt"
    rows = (files(__package__) / name).read_text(encoding="utf-8").splitlines()
    read = _english if language == "en-us" else _spelt(language)
    entries: dict[str, Entry] = {}
    for row in rows:
        if row and row[0] not in "#=":
            for entry in read(row):
                before = entries.get(entry.text)
                entries[entry.text] = replace(before, kinds=before.kinds + entry.kinds) if before else entry
    templates = []
    for row in rows:
        if row.startswith("= "):
            try:
                templates.append(_template(row[2:], entries))
            except KeyError as error:
                raise VocabularyError(
                    f"{name}: line {row!r} says {error}, which is not among the words; add it"
                ) from None
    return Vocabulary(language, tuple(entries.values()), tuple(templates))


def word_list(language: str = "en-us") -> tuple[Entry, ...]:
    """All words of ``language``, each once."""
    return vocabulary(language).entries


def _template(row: str, entries: dict[str, Entry]) -> Template:
    words = row.split()
    times = next((n for n in (3, 2) if len(words) > n and words == words[: len(words) // n] * n), 1)
    parts: list[Entry | Slot] = []
    for word in words[: len(words) // times]:
        slot = _SLOT.fullmatch(word)
        parts.append(Slot(slot[1], slot[2]) if slot else entries[word])
    return Template(tuple(parts), times)


def _english(row: str) -> list[Entry]:
    """``happy j hh ae1 p iy``; a word rhymes from its last stressed vowel, "melody" from its last."""
    text, kinds, *phonemes = row.split()
    nuclei = [index for index, phoneme in enumerate(phonemes) if phoneme[0] in "aeiou"]
    stress = tuple(int(phonemes[index][-1] == "1") for index in nuclei)
    start = nuclei[-2] if stress[-2:] == (1, 0) else nuclei[-1] if nuclei else 0
    sounds = tuple(phoneme.rstrip("1") for phoneme in phonemes)
    return [Entry(text, kinds, sounds, len(nuclei), "-".join(sounds[start:]), stress)]


def _spelt(language: str) -> Callable[[str], list[Entry]]:
    """A reader of ``m sol mar``: words of one kind, measured by their spelling."""

    def read(row: str) -> list[Entry]:
        kind, *words = row.split()
        return [
            Entry(word, kind, tuple(word.lower()), syllables(word, language), spelt_rhyme(word, language))
            for word in words
        ]

    return read


@lru_cache(maxsize=1 << 14)
def syllables(word: str, language: str) -> int:
    """How many syllables a word has by the spelling of ``language`` (not English); at least 1."""
    return max(1, len(_nuclei(word, language)))


def spelt_rhyme(word: str, language: str) -> str:
    """What a word rhymes on by its spelling: its ending, or its last vowels (assonance) in Spanish and Italian."""
    word = word.lower()
    nuclei = _nuclei(word, language)
    if language == "ja":
        last = [kana for kana in word if kana not in "っんーッン"][-1:]
        return next((vowel for vowel, kana in _KANA_VOWELS.items() if last and last[0] in kana), "n")
    if not nuclei:
        return word
    if language == "cmn-latn-pinyin":
        return nuclei[-1][0]
    if language in ("es", "it"):
        return "-".join(_plain(vowels)[-1] for vowels, _ in nuclei[_stressed(word, nuclei, language) :])
    if language == "de":  # "Sterne" and "Ferne": from the last vowel that is not a weak e
        strong = [start for _, start in nuclei if not re.fullmatch(r"e[nrlmst]{0,2}", word[start:])]
        return word[(strong or [nuclei[-1][1]])[-1] :]
    end = re.sub(r"(?<=.)(?:[stdxzp]|ent)+$", "", word[nuclei[-1][1] :])  # French consonants that are not heard
    return end.rstrip("e") or end


def _nuclei(word: str, language: str) -> list[tuple[str, int]]:
    """The vowels of each syllable, and where they start."""
    word = word.lower()
    if language == "fr-fr":  # "voyage" has two; the last e of "rose" is mute
        word = re.sub(r"(?<=[aou])y(?=[aeiouéè])", "j", word)
        word = re.sub(r"qu(?=[eiaoé'])|gu(?=[ei])", lambda match: match[0][0] + "h", word)
        mute = re.sub(r"(?<=[^aeiouyàâéèêëîïôûùüœ'])es?$", lambda match: "-" * len(match[0]), word)
        word = mute if _NUCLEI[language].search(mute) else word
    nuclei = [(match[0], match.start()) for match in _NUCLEI[language].finditer(word)]
    if language == "it" and re.fullmatch(r"[^aeiou]*[iu][aeo]", word) and not re.match(r"[cgq]", word):
        nuclei = [(word[-2], len(word) - 2), (word[-1], len(word) - 1)]  # "mio", "tua"
    return nuclei


def _stressed(word: str, nuclei: list[tuple[str, int]], language: str) -> int:
    """The stressed syllable, counted from the end: −1 the last."""
    accents = [i - len(nuclei) for i, (vowels, _) in enumerate(nuclei) if _plain(vowels) != vowels.replace("ü", "u")]
    if accents:
        return accents[-1]
    last = word[-1] not in "aeiouns" if language == "es" else word[-1] not in "aeiou"
    return -1 if last or len(nuclei) == 1 else -2


def _plain(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
