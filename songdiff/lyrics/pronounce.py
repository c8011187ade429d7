"""Words to syllables of our own phoneme inventory.

espeak-ng says how a word sounds (through ``phonemizer`` and the library of ``espeakng_loader``, so no system package);
this file maps its IPA, and the ARPABET of flite and CMU, onto :data:`~songdiff.lyrics.phonemes.INVENTORY`, and splits
phonemes into syllables by maximal onset. Vowel length, tone and dialect colour are left out on purpose: the melody
decides about length and pitch. It knows nothing of time.
"""

from __future__ import annotations

import itertools
import re
import threading
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from .parse import LyricsError
from .phonemes import CONSONANTS, INVENTORY, VOWELS, Syllable

if TYPE_CHECKING:
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

IPA = "ipa"
"""The language of lyrics that are written as they sound."""
ARPABET: dict[str, str] = dict(
    pair.split(":")
    for pair in (
        "aa:ɑ ae:æ ah:ʌ ao:ɔ aw:aʊ ax:ə axr:ɚ ay:aɪ eh:ɛ er:ɚ ey:eɪ ih:ɪ iy:i ow:oʊ oy:ɔɪ uh:ʊ uw:u "
        "b:b ch:tʃ d:d dh:ð f:f g:ɡ hh:h jh:dʒ k:k l:l m:m n:n ng:ŋ p:p r:ɹ s:s sh:ʃ t:t th:θ v:v w:w y:j z:z zh:ʒ"
    ).split()
)

# Legal onsets of two and more consonants; a single consonant is always one, but for ŋ.
_ENGLISH_ONSETS = (
    "pl pɹ pj bl bɹ bj tɹ tw tj dɹ dw dj kl kɹ kw kj ɡl ɡɹ ɡw ɡj fl fɹ fj vj vɹ θɹ θw ʃɹ mj nj hj hw lj sj "
    "sp st sk sl sm sn sw spl spɹ spj stɹ stj skl skɹ skw skj"
).split()
_OTHER_ONSETS = (
    "pɾ bɾ tɾ dɾ kɾ ɡɾ fɾ βɾ ðɾ ɣɾ vɾ ʃɾ pr br tr dr kr ɡr fr vr ʃr pʁ bʁ tʁ dʁ kʁ ɡʁ fʁ vʁ ʃʁ ʃl ʃm ʃn ʃv ʃp ʃt ʃw "
    "pf pfl pfɾ kn ɡn kv tsv ʃpl ʃpɾ ʃtɾ ʃpʁ ʃtʁ spr str skr spʁ stʁ skʁ ps zb zv zm zn vl βl ɣl "
    "pw bw ðw ɣw βw fw mw nw lw rw ɾw ʁw xw ɕw tɕw ʂw tʂw tʂʰw kʰw tʰw zw ɻw βj ðj ɣj θj xj rj ɾj ʁj zj "
    "tʃj tsj pʰj tʰj pɥ bɥ tɥ dɥ kɥ fɥ sɥ ʒɥ mɥ nɥ lɥ ʁɥ"
).split()

# What espeak writes and we call otherwise. A right side of several symbols is several phonemes; "" is no phoneme.
_COMMON = {
    "ʲ": "j", "ʷ": "w", "ᵝ": "", "ʰ": "", "ˠ": "", "ʔ": "", "ɫ": "l", "ɭ": "l", "ʀ": "ʁ", "ɽ": "ɾ", "ɱ": "m", "ɴ": "ŋ",
    "ɳ": "n", "ʈ": "t", "ɖ": "d", "g": "ɡ", "ɘ": "ə", "ɵ": "ø", "ɤ": "ʌ", "ʏ": "y", "ᵻ": "ɪ", "ɜ": "ɚ", "χ": "x",
    "ɦ": "h",
    "ʑ": "ʒ", "dʑ": "dʒ", "ʋ": "v", "ɬ": "l", "ɟ": "ɡ", "c": "k", "pf": "p f", "ts": "ts", "ʝ": "j", "ɹ̩": "ɚ", "ʐ": "ʒ",
    "ɶ": "œ", "ʉ": "u", "əʊ": "oʊ", "ou": "oʊ", "ei": "eɪ", "ai": "aɪ", "au": "aʊ", "oi": "ɔɪ", "ɔi": "ɔɪ", "ɔø": "ɔɪ",
    "ɔy": "ɔɪ", "oɪ": "ɔɪ", "ã": "ɑ̃", "ɐ̃": "ɑ̃", "ẽ": "ɛ̃", "õ": "ɔ̃", "ĩ": "i n", "ũ": "u n", "ʊ̃": "ʊ", "ɪ̃": "ɪ",
    "ɐ̃ʊ̃": "aʊ n", "ỹ": "y n", "æ̃": "ɛ̃", "w̃": "w", "j̃": "j",
}  # fmt: skip
_ENGLISH = {
    "ɜ": "ɚ", "oɹ": "ɔ ɹ", "o": "ɔ", "ɐ": "ə", "ɾ": "t", "ʔ": "t", "a": "æ", "ɒ": "ɑ", "r": "ɹ", "e": "ɛ", "ʁ": "ɹ",
    "ɚɹ": "ɚ ɹ", "aɪə": "aɪ ɚ", "ɑ̃": "ɑ n", "ɔ̃": "ɔ n", "ɛ̃": "æ n", "œ̃": "ʌ n", "ç": "h",
}  # fmt: skip
_MANDARIN = {
    "ɜ": "", "ts.": "tʂ", "ts.h": "tʂʰ", "s.": "ʂ", "i.": "ɨ", "ɹ": "ɻ", "z.": "ɻ", "tɕh": "tɕʰ", "tsh": "tsʰ",
    "ph": "pʰ", "th": "tʰ", "kh": "kʰ", "nɡ": "ŋ", "ər": "ɚ", "uo": "w o", "ua": "w a", "uai": "w aɪ", "uei": "w eɪ",
    "uə": "w ə", "ia": "j a", "iɛ": "j ɛ", "iou": "j oʊ", "iau": "j aʊ", "io": "j o", "yɛ": "ɥ ɛ", "yæ": "ɥ æ",
    "ɑu": "aʊ",
    "iɑu": "j aʊ", "iɑ": "j ɑ", "uɑ": "w ɑ", "iə": "j ə", "iɜ": "i", "yə": "y ə", "aɪ": "aɪ", "iæ": "j æ", "uæ": "w æ",
}  # fmt: skip
_DIALECTS = {"en": _ENGLISH, "cmn": _MANDARIN, "de": {"ɜ": "ɐ", "ʔ": ""}}
_ROMANCE = {"i": "j", "ɪ": "j", "u": "w", "ʊ": "w"}
_GLIDES = {"es": _ROMANCE, "it": _ROMANCE, "pt": _ROMANCE, "fr": {"y": "ɥ"}}  # before a vowel, unstressed

_SAYINGS = {  # English words that a singer says otherwise than espeak does
    "a": "ə", "la": "l ɑ", "na": "n ɑ", "da": "d ɑ", "ba": "b ɑ", "ah": "ɑ", "ahh": "ɑ", "aah": "ɑ", "mm": "m",
    "mmm": "m",
    "sh": "ʃ", "shh": "ʃ", "whoa": "w oʊ", "ohh": "oʊ", "oo": "u", "ooh": "u", "yeah": "j æ", "hm": "h ə m",
    "hmm": "h ə m",
}  # fmt: skip

_FLAG = re.compile(r"\(([a-z-]+)\)")  # espeak's language switch: "(en)"
_KEPT_MARKS = {"\u0303", "\u0327"}  # the nasal tilde and the cedilla of ç; other marks are shades of a symbol we have
_LOCK = threading.Lock()  # espeak keeps global state


def syllabify(phonemes: list[str], stresses: list[int] | None = None, language: str = "en-us") -> list[Syllable]:
    """Split inventory symbols into syllables, each onset as long as is legal in ``language``.

    ``stresses`` runs parallel to ``phonemes`` (0 none, 1 primary, 2 secondary); only those of vowels count. Phonemes
    without any vowel ("shh") are one syllable. Raises ValueError for a symbol outside the inventory.
    """
    unknown = [symbol for symbol in phonemes if symbol not in INVENTORY]
    if unknown:
        raise ValueError(f"not in the phoneme inventory: {' '.join(unknown)}")
    if stresses is not None and len(stresses) != len(phonemes):
        raise ValueError(f"{len(phonemes)} phonemes, but {len(stresses)} stresses: give one for each phoneme")
    if not phonemes:
        return []
    nuclei = [index for index, symbol in enumerate(phonemes) if symbol in VOWELS] or [0]
    onsets = _onsets(language.split("-")[0])
    starts = [0]
    for left, right in itertools.pairwise(nuclei):
        starts.append(next(cut for cut in range(left + 1, right + 1) if "".join(phonemes[cut:right]) in onsets))
    return [
        Syllable(tuple(phonemes[start:end]), stresses[nucleus] if stresses else 0)
        for start, end, nucleus in zip(starts, [*starts[1:], len(phonemes)], nuclei, strict=True)
    ]


def pronounce(text_or_words: str | Iterable[str], language: str = "en-us") -> list[list[Syllable]]:
    """The syllables of each word; a word with nothing to pronounce yields ``[]``.

    A string is split at white space. ``language`` is an espeak-ng voice such as ``en-us``, ``es``, ``de``, ``fr-fr``,
    ``it``, ``ja`` or ``cmn-latn-pinyin``, or ``ipa``: the words are written in it already, with or without a ``_``
    between phonemes. Words are said one by one and cached, so that a word always sounds the same.
    Raises :class:`LyricsError` for an unknown language and for a sound that has no symbol in the inventory.
    """
    words = text_or_words.split() if isinstance(text_or_words, str) else text_or_words
    if language == IPA:
        return [syllabify(*read_ipa(word.lower(), IPA, word), IPA) for word in words]
    return [list(_pronounce_word(_spoken(word), language)) for word in words]


@lru_cache(maxsize=64)
def _onsets(family: str) -> frozenset[str]:
    others = _OTHER_ONSETS if family != "en" else []
    return frozenset(["", *CONSONANTS, *_ENGLISH_ONSETS, *others]) - {"ŋ"}


def _spoken(word: str) -> str:
    """A written word as espeak should see it: lower case, no brackets or markup, "nooooo" as "no"."""
    word = unicodedata.normalize("NFC", word).lower().replace("’", "'")
    word = "".join(
        char for char in word if char.isalnum() or unicodedata.category(char)[0] == "M" or char in "'-&%$€.,"
    )
    word = re.sub(r"([^\W\d])\1{2,}", lambda run: run[1] * (1 if run.start() else 2), word)
    return word if any(char.isalnum() or char in "&%$€" for char in word) else ""


@lru_cache(maxsize=1 << 16)
def _pronounce_word(word: str, language: str) -> tuple[Syllable, ...]:
    if not word:
        return ()
    saying = _SAYINGS.get(word.strip("'-.,")) if language.startswith("en") else None
    if saying:
        return tuple(syllabify(saying.split(), [1 if word != "a" else 0] * len(saying.split())))
    with _LOCK:
        ipa = _voice(language).text_to_phonemes(word)
    syllables: list[Syllable] = []
    dialect = language
    for spoken in _FLAG.sub(r" (\1) ", ipa).split():  # "24" is two words to espeak
        if flag := _FLAG.fullmatch(spoken):
            dialect = flag[1]
            continue
        symbols, stresses = read_ipa(spoken, dialect, word)
        syllables += syllabify(symbols, stresses, dialect)
    return tuple(syllables)


def read_ipa(ipa: str, language: str, word: str) -> tuple[list[str], list[int]]:
    """espeak's ``l_ˈɪ_ɾ_əl`` → inventory symbols and their stresses (on the first vowel of each of its phonemes)."""
    family = language.split("-")[0]
    piece, symbols_of = _reader(family)
    symbols: list[str] = []
    stresses: list[int] = []
    for token in ipa.split("_"):
        stress = 1 if "ˈ" in token else 2 if "ˌ" in token else 0
        bare = _bare(token)
        pieces = piece.findall(bare)
        if "".join(pieces) != bare:
            raise LyricsError(f"word {word!r}: its sound {token!r} in {language} has no phoneme here; respell the word")
        for symbol in " ".join(symbols_of[key] for key in pieces).split():
            symbols.append(symbol)
            stresses.append(stress if symbol in VOWELS else 0)
            stress = 0 if symbol in VOWELS else stress
    glides = _GLIDES.get(family, {})
    for index, (symbol, after) in enumerate(itertools.pairwise(symbols)):
        if symbol in glides and after in VOWELS and not stresses[index]:
            symbols[index] = glides[symbol]
    return symbols, stresses


def _bare(token: str) -> str:
    """A phoneme without stress, length, tone, ties and shades; a syllabic consonant gets its schwa."""
    token = re.sub(r"""[ˈˌːˑ͡0-9'"^|-]""", "", unicodedata.normalize("NFD", token))
    token = re.sub("(?<!ɹ)(.)\u0329", r"ə\1", token)
    return "".join(c for c in token if not unicodedata.combining(c) or c in _KEPT_MARKS)


@lru_cache(maxsize=64)
def _reader(family: str) -> tuple[re.Pattern[str], dict[str, str]]:
    table = {symbol: symbol for symbol in INVENTORY[3:]} | _COMMON | _DIALECTS.get(family, {})
    table = {unicodedata.normalize("NFD", key): value for key, value in table.items()}
    return re.compile("|".join(map(re.escape, sorted(table, key=len, reverse=True)))), table


@lru_cache(maxsize=16)
def _voice(language: str) -> EspeakWrapper:
    import espeakng_loader
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    voice = EspeakWrapper()
    try:
        voice.set_voice(language)
    except RuntimeError:
        raise LyricsError(
            f"language {language!r} is not known to espeak-ng; try en-us, es, de, fr-fr, it or ja"
        ) from None
    return voice
