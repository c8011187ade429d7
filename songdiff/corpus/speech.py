"""Spoken words with exact phone times, from speech engines: flite (English) and espeak-ng (many languages).

An engine says one word at a time, in its own pronunciation, mapped to our phoneme inventory. It knows nothing of notes.
Both engines are C libraries with global state: call them from one thread of a process.
"""

from __future__ import annotations

import _ctypes  # for dlclose, which ctypes does not offer
import ctypes as c
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np

from ..lyrics.phonemes import Syllable
from ..lyrics.pronounce import ARPABET, read_ipa, syllabify
from .tools import MissingToolError

STOPS = frozenset(
    ["p", "b", "t", "d", "k", "ɡ", "tʃ", "dʒ", "ts", "dz", "tɕ", "pʰ", "tʰ", "kʰ", "tsʰ", "tɕʰ", "tʂ", "tʂʰ"]
)
FLITE_VOICES = ("slt", "rms", "awb", "kal16")


class Phone(NamedTuple):
    """One phoneme of the inventory at ``start … end`` seconds of a spoken word."""

    symbol: str
    start: float
    end: float
    stress: int = 0


class Speech(NamedTuple):
    """A spoken word: mono samples in −1 … 1 and its phones in order of time (none: nothing to say)."""

    waveform: np.ndarray
    sample_rate: int
    phones: tuple[Phone, ...]


class Engine(Protocol):
    """What a :class:`songdiff.corpus.voices.Voice` speaks with; hashable, as words are cached by (engine, word)."""

    def __hash__(self) -> int: ...

    @property
    def language(self) -> str:
        """The language it speaks, named as espeak-ng names it ("en-us")."""

    def pronounce(self, words: Iterable[str]) -> list[list[Syllable]]:
        """The syllables of each word as :meth:`speak` says it; ``[]`` for a word with nothing to say."""

    def speak(self, word: str) -> Speech:
        """Say one word. The same word always gives the same samples."""


@dataclass(frozen=True)
class Flite:
    """A voice of flite 2 (English, 16 kHz) through its shared libraries.

    ``voice`` is one of :data:`FLITE_VOICES`. All of them share one front end: the same phones for the same word.
    Raises :class:`MissingToolError` on first use where flite is not installed.
    """

    voice: str
    language: str = "en-us"

    def __post_init__(self) -> None:
        if self.voice not in FLITE_VOICES:
            raise ValueError(f"flite has no voice {self.voice!r}; choose one of {', '.join(FLITE_VOICES)}")

    def pronounce(self, words: Iterable[str]) -> list[list[Syllable]]:
        """The syllables of each word (0.3 ms a word, cached); ``[]`` for a word with nothing to say."""
        return [list(_flite_syllables(_english_spelling(word))) for word in words]

    def speak(self, word: str) -> Speech:
        """Say one word (about 8 ms). The same word always gives the same samples."""
        return _flite_say(self.voice, _english_spelling(word))


@dataclass(frozen=True)
class Espeak:
    """A voice of espeak-ng (22,050 Hz) through the library of ``espeakng_loader``.

    ``voice`` is a language with an optional variant: ``"en-us"``, ``"de+m1"``, ``"cmn-latn-pinyin+m7"``. Raises
    :class:`~songdiff.lyrics.parse.LyricsError` for a sound outside the inventory and ValueError for an unknown voice.
    """

    voice: str

    @property
    def language(self) -> str:
        """The voice without its variant."""
        return self.voice.partition("+")[0]

    def pronounce(self, words: Iterable[str]) -> list[list[Syllable]]:
        """The syllables of each word (about 4 ms a word, cached); ``[]`` for a word with nothing to say."""
        return [list(_espeak_syllables(self, word)) for word in words]

    def speak(self, word: str) -> Speech:
        """Say one word (about 4 ms). The same word always gives the same samples."""
        return _espeak_say(self.voice, self.language, word)


# --- flite ------------------------------------------------------------------------------------------------------------

_RESPELT = {"a": "uh", "mm": "em", "gonna": "gunna", "ahh": "ah", "aah": "ah", "ohh": "oh", "oo": "ooh"}


def _english_spelling(word: str) -> str:
    """A written word as an English engine should see it: plain letters, "nooooo" as "no", singers' ways of saying."""
    word = unicodedata.normalize("NFKD", word.lower().replace("’", "'")).encode("ascii", "ignore").decode()
    word = re.sub(r"[^a-z0-9'&%$.-]", "", word)
    word = re.sub(r"([a-z])\1{2,}", lambda run: run[1] * (1 if run.start() else 2), word).strip(".-")
    return _RESPELT.get(word, word) if any(char.isalnum() for char in word) else ""


@lru_cache(maxsize=1 << 16)
def _flite_syllables(spelling: str) -> tuple[Syllable, ...]:
    phones = _flite_say("kal16", spelling).phones if spelling else ()
    return tuple(syllabify([phone.symbol for phone in phones], [phone.stress for phone in phones]))


class _Wave(c.Structure):
    _fields_ = (
        ("type", c.c_char_p),
        ("sample_rate", c.c_int),
        ("num_samples", c.c_int),
        ("num_channels", c.c_int),
        ("samples", c.POINTER(c.c_short)),
    )


def _flite_say(voice: str, spelling: str) -> Speech:
    flite = _flite_library()
    _C_LIBRARY.srand(1)  # its voices draw their noise from rand()
    utterance = flite.flite_synth_text(spelling.encode(), _flite_voice(voice))
    wave = flite.utt_wave(utterance).contents
    samples, sample_rate = np.array(wave.samples[: wave.num_samples], dtype=np.float64) / 32768, wave.sample_rate
    phones: list[Phone] = []
    start = 0.0
    segment = flite.relation_head(flite.utt_relation(utterance, b"Segment"))
    while segment:
        name = flite.item_feat_string(segment, b"name").decode()
        stress = int(flite.ffeature_string(segment, b"R:SylStructure.parent.stress"))
        end = min(flite.item_feat_float(segment, b"end"), len(samples) / sample_rate)
        if name != "pau":
            phones.append(Phone(ARPABET[name], start, end, stress))
        start = end
        segment = flite.item_next(segment)
    flite.delete_utterance(utterance)  # and the wave with it
    return Speech(samples, sample_rate, tuple(phones))


_C_LIBRARY = c.CDLL(None)
_FLITE_FUNCTIONS: dict[str, tuple[object, tuple[object, ...]]] = {
    "flite_synth_text": (c.c_void_p, (c.c_char_p, c.c_void_p)),
    "utt_wave": (c.POINTER(_Wave), (c.c_void_p,)),
    "utt_relation": (c.c_void_p, (c.c_void_p, c.c_char_p)),
    "relation_head": (c.c_void_p, (c.c_void_p,)),
    "item_next": (c.c_void_p, (c.c_void_p,)),
    "item_feat_string": (c.c_char_p, (c.c_void_p, c.c_char_p)),
    "item_feat_float": (c.c_float, (c.c_void_p, c.c_char_p)),
    "ffeature_string": (c.c_char_p, (c.c_void_p, c.c_char_p)),
    "delete_utterance": (None, (c.c_void_p,)),
}


def _load_flite(name: str) -> c.CDLL:
    try:
        return c.CDLL(f"{name}.so.1", mode=c.RTLD_GLOBAL)
    except OSError:
        raise MissingToolError("flite", "apt-get install flite") from None


@lru_cache(maxsize=1)
def _flite_library() -> c.CDLL:
    library = _load_flite("libflite")
    for part in ("libflite_usenglish", "libflite_cmulex"):
        _load_flite(part)
    _declare(library, _FLITE_FUNCTIONS)
    library.flite_init()
    return library


@cache
def _flite_voice(name: str) -> int:
    _flite_library()
    register = getattr(_load_flite(f"libflite_cmu_us_{name}"), f"register_cmu_us_{name}")
    register.restype, register.argtypes = c.c_void_p, (c.c_char_p,)
    return int(register(None))


def _declare(library: c.CDLL, functions: dict[str, tuple[object, tuple[object, ...]]]) -> None:
    for name, (result, arguments) in functions.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


# --- espeak-ng --------------------------------------------------------------------------------------------------------

_SYNCHRONOUS, _PHONEME_EVENTS_IN_IPA, _DO_NOT_EXIT = 2, 1 | 2, 0x8000
_RATE, _RANGE, _UTF8 = 1, 4, 1
_PHONEME_EVENT = 7
_WORDS_A_MINUTE = 140
_VOICE_FILES = {"fr-fr": "fr", "en": "en-us"}  # where a file is not called by its language


class _EventId(c.Union):
    _fields_ = (("number", c.c_int), ("name", c.c_char_p), ("string", c.c_char * 8))


class _Event(c.Structure):
    _fields_ = (
        ("type", c.c_int),
        ("unique_identifier", c.c_uint),
        ("text_position", c.c_int),
        ("length", c.c_int),
        ("audio_position", c.c_int),  # ms
        ("sample", c.c_int),
        ("user_data", c.c_void_p),
        ("id", _EventId),
    )


_Callback = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_short), c.c_int, c.POINTER(_Event))


@cache
def _espeak_copy() -> tempfile.TemporaryDirectory[str]:
    """A folder with a library of our own: phonemizer keeps the original loaded, so that it would never be fresh."""
    import espeakng_loader

    folder = tempfile.TemporaryDirectory(prefix="songdiff-")
    shutil.copy(espeakng_loader.get_library_path(), f"{folder.name}/espeak-ng.so")
    return folder


def _espeak_utterance(voice: str, text: str) -> tuple[np.ndarray, int, list[tuple[str, float]]]:
    """Samples, sample rate, and espeak's phonemes with the second each starts at ("" is a pause).

    espeak's flutter runs on from utterance to utterance: a library loaded afresh (2 ms) says a word always alike.
    """
    import espeakng_loader

    chunks = [np.zeros(0)]
    tokens: list[tuple[str, float]] = []

    def receive(samples: c._Pointer[c.c_short], count: int, events: c._Pointer[_Event]) -> int:
        if samples and count:
            chunks.append(np.array(samples[:count], dtype=np.float64) / 32768)
        index = 0
        while events[index].type:
            if events[index].type == _PHONEME_EVENT:
                token = events[index].id.string.decode("utf-8", "ignore")
                tokens.append((token, events[index].audio_position / 1000))
            index += 1
        return 0

    library = c.CDLL(f"{_espeak_copy().name}/espeak-ng.so")
    callback = _Callback(receive)
    data = espeakng_loader.get_data_path().encode()
    try:
        sample_rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS_IN_IPA | _DO_NOT_EXIT)
        if sample_rate <= 0:
            raise MissingToolError("espeak-ng data", "pip install --force-reinstall espeakng-loader")
        language, plus, variant = voice.partition("+")
        if library.espeak_SetVoiceByName((_VOICE_FILES.get(language, language) + plus + variant).encode()):
            raise ValueError(f"espeak-ng has no voice {voice!r}; try en-us, en-us+m1, es, de, fr-fr, it, ja")
        library.espeak_SetSynthCallback(callback)
        library.espeak_SetParameter(_RATE, _WORDS_A_MINUTE, 0)
        library.espeak_SetParameter(_RANGE, 0, 0)
        _C_LIBRARY.srand(1)
        encoded = text.encode()
        library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, _UTF8, None, None)
    finally:
        library.espeak_Terminate()
        _ctypes.dlclose(library._handle)
    return np.concatenate(chunks), sample_rate, tokens


@lru_cache(maxsize=1 << 16)
def _espeak_syllables(engine: Espeak, word: str) -> tuple[Syllable, ...]:
    phones = engine.speak(word).phones
    return tuple(syllabify([phone.symbol for phone in phones], [phone.stress for phone in phones]))


def _espeak_say(voice: str, language: str, word: str) -> Speech:
    text = _english_spelling(word) if language.startswith("en") else _plain_spelling(word)
    if not text:
        return Speech(np.zeros(0), 22050, ())
    samples, sample_rate, tokens = _espeak_utterance(voice, text)
    ends = [start for _, start in tokens[1:]] + [len(samples) / sample_rate]
    spans = [
        (token, start, end) for (token, start), end in zip(tokens, ends, strict=True) if token and "(" not in token
    ]
    symbols, stresses = read_ipa("_".join(token for token, _, _ in spans), language, word) if spans else ([], [])
    phones: list[Phone] = []
    for token, start, end in spans:
        count = len(read_ipa(token, language, word)[0])
        for left, right in pairwise(np.linspace(start, end, count + 1).tolist()):
            phones.append(Phone(symbols[len(phones)], left, right, stresses[len(phones)]))
    return Speech(samples, sample_rate, _with_closures(_with_lengths(phones), samples, sample_rate))


def _plain_spelling(word: str) -> str:
    word = unicodedata.normalize("NFC", word.lower().replace("’", "'"))
    return "".join(char for char in word if char.isalnum() or unicodedata.category(char)[0] == "M" or char in "'-")


def _with_lengths(phones: list[Phone]) -> list[Phone]:
    """espeak says a vowel and the liquid after it in one piece and gives the liquid no time: it gets a third of it."""
    mended: list[Phone] = []
    for phone in phones:
        if phone.end - phone.start < 0.005 and mended:
            border = phone.start - (phone.start - mended[-1].start) / 3
            mended[-1], phone = mended[-1]._replace(end=border), phone._replace(start=border)
        mended.append(phone)
    return mended


def _with_closures(phones: list[Phone], samples: np.ndarray, sample_rate: int) -> tuple[Phone, ...]:
    """espeak counts the closure of a stop into the phone before it: give it back to the stop."""
    mended = list(phones)
    step = sample_rate // 200
    for index in range(1, len(mended)):
        before, stop = mended[index - 1], mended[index]
        if stop.symbol not in STOPS or before.symbol in STOPS:
            continue
        said = samples[round(before.start * sample_rate) : round(before.end * sample_rate)]
        level = np.abs(said[: len(said) // step * step]).reshape(-1, step).max(axis=1)
        if len(level) < 4:
            continue
        quiet = int(np.argmax(level[::-1] > 0.1 * level.max()))  # 5 ms steps of closure at its end
        border = before.end - min(quiet, len(level) // 2) * step / sample_rate
        mended[index - 1], mended[index] = before._replace(end=border), stop._replace(start=border)
    return tuple(mended)
