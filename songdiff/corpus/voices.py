"""The singers of the corpus: speech engines multiplied by formants, colour, breath, vibrato and range.

A voice, and the manner it sings in, are data; :func:`songdiff.corpus.singer.sing` makes them sing. A voice knows no
score but the range it likes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from ..lyrics.phonemes import Syllable
from ..score.score import Singer
from .speech import Engine, Espeak, Flite


@dataclass(frozen=True)
class Voice:
    """One singer.

    ``low … high`` is the comfortable range in MIDI numbers. ``formants`` scales the spectral envelope along frequency
    (above 1: a shorter vocal tract; a man's speech times 1.12 … 1.2 sings as a woman). ``tilt`` is brightness in dB per
    octave, around 1 kHz. ``breath`` (0 … 1) is the share of noise mixed into voiced sounds. ``vibrato`` is (rate in Hz,
    depth in cents), ``scoop`` the depth in cents from which phrases rise into their first note, ``glide`` the seconds a
    change of pitch takes. ``held_out`` voices never sing in the training split.
    """

    name: str
    gender: Literal["female", "male"]
    engine: Engine
    low: int
    high: int
    timbre: tuple[str, ...]
    formants: float = 1.0
    tilt: float = 0.0
    breath: float = 0.0
    vibrato: tuple[float, float] = (5.5, 25.0)
    scoop: float = 80.0
    glide: float = 0.09
    held_out: bool = False

    @property
    def language(self) -> str:
        """The language the voice sings, as espeak-ng names it."""
        return self.engine.language

    @property
    def singer(self) -> Singer:
        """The voice as a Score names its singer.

        Brightness is as heard: −1 … 1 for vowels whose 2–6 kHz lie 30 … 16 dB under their 0.2–1.5 kHz. Breathiness 1
        is a voice that is half noise, vibrato 1 one of 50 cents.
        """
        brightness = _BRIGHTNESS.get(self.engine, _BRIGHTNESS_ESPEAK) + 0.4 * self.tilt
        return Singer(
            name=self.name,
            gender=self.gender,
            low=self.low,
            high=self.high,
            timbre=list(self.timbre),
            brightness=round(max(-1.0, min(1.0, brightness)), 2),
            breathiness=round(min(1.0, 2 * self.breath), 2),
            vibrato=round(min(1.0, self.vibrato[1] / 50), 2),
        )

    def pronounce(self, words: Iterable[str], language: str | None = None) -> list[list[Syllable]]:
        """The syllables of each word as this voice sings them; ``[]`` for a word with nothing to sing.

        The composer calls it as ``pronounce(words, language)``. Raises ValueError for a language it does not sing.
        """
        if language is not None and language.split("-")[0] != self.language.split("-")[0]:
            raise ValueError(f"{self.name} sings {self.language}, not {language}; choose another voice")
        return self.engine.pronounce(words)


@dataclass(frozen=True)
class Manner:
    """What a style of singing changes about a voice.

    ``level`` in dB; ``tilt`` (dB per octave) and ``breath`` are added to the voice's own, ``vibrato``, ``scoop`` and
    ``glide`` multiply them. ``onset``: seconds a phrase takes to come up. ``fall``: cents by which a note sinks from
    its start to its end, around its pitch. ``crisp``: dB that unvoiced consonants gain. ``inhale``: how often a breath
    is heard before a phrase.
    """

    level: float = 0.0
    tilt: float = 0.0
    breath: float = 0.0
    vibrato: float = 1.0
    scoop: float = 1.0
    glide: float = 1.0
    onset: float = 0.02
    fall: float = 0.0
    crisp: float = 0.0
    inhale: float = 0.6

    def of(self, voice: Voice) -> Voice:
        """The voice, singing so."""
        rate, extent = voice.vibrato
        return replace(
            voice,
            tilt=voice.tilt + self.tilt,
            breath=min(max(voice.breath + self.breath, 0.0), 0.8),
            vibrato=(rate, extent * self.vibrato),
            scoop=voice.scoop * self.scoop,
            glide=voice.glide * self.glide,
        )


MANNERS = {
    "plain": Manner(),
    "soft": Manner(-4.0, tilt=-1.5, breath=0.2, vibrato=0.5, scoop=0.7, glide=1.15, onset=0.035),
    "belted": Manner(2.0, tilt=1.8, breath=-0.2, vibrato=1.7, scoop=1.3, crisp=2.0, inhale=0.8),
    "airy": Manner(-3.0, tilt=0.1, breath=0.45, vibrato=0.6, scoop=0.5, glide=1.2, onset=0.05, inhale=0.9),
    "rap": Manner(0.0, tilt=0.8, vibrato=0.0, scoop=0.4, glide=0.5, fall=34.0, crisp=4.0, inhale=0.5),
}


_SLT, _RMS, _AWB, _KAL = (Flite(voice) for voice in ("slt", "rms", "awb", "kal16"))
_PLAIN, _M1, _M7 = (Espeak(voice) for voice in ("en-us", "en-us+m1", "en-us+m7"))
_BRIGHTNESS: dict[Engine, float] = {_SLT: 0.0, _RMS: -0.55, _AWB: 0.25, _KAL: -0.05, _M7: 0.55}  # measured
_BRIGHTNESS_ESPEAK = 1.1

_ENGLISH = (
    Voice("mara", "female", _SLT, 54, 70, ("warm", "clear")),
    Voice("lena", "female", _SLT, 56, 72, ("bright", "young"), 1.05, 1.0, 0.05, (5.8, 20.0), 60.0, 0.07),
    Voice("odile", "female", _SLT, 53, 69, ("dark", "smoky"), 0.94, -1.5, 0.12, (5.1, 35.0), 120.0, 0.11),
    Voice("wren", "female", _SLT, 53, 68, ("airy", "light"), 1.08, 0.2, 0.1, (6.0, 15.0), 40.0, 0.08),
    Voice("ada", "female", _RMS, 53, 69, ("full", "steady"), 1.16, -0.5, 0.0, (5.6, 30.0)),
    Voice("iris", "female", _RMS, 54, 70, ("silky", "breathy"), 1.2, 0.6, 0.16, (6.1, 18.0), 50.0, 0.08),
    Voice("june", "female", _KAL, 53, 69, ("reedy", "bright"), 1.17, 0.8, 0.08, (5.9, 22.0), 50.0, 0.07),
    Voice("nell", "female", _AWB, 53, 69, ("round", "folk"), 1.15, 0.0, 0.08, (5.4, 32.0), 90.0, 0.1),
    Voice("vera", "female", _M7, 52, 66, ("synthetic", "soft"), 1.08, -1.0, 0.03, (5.6, 25.0), held_out=True),
    Voice("jonas", "male", _RMS, 45, 64, ("warm", "steady"), 1.0, 0.0, 0.0, (5.4, 25.0)),
    Voice("silas", "male", _RMS, 43, 60, ("deep", "dark"), 0.93, -1.5, 0.05, (5.0, 30.0), 130.0, 0.12),
    Voice("theo", "male", _RMS, 48, 67, ("clear", "tenor"), 1.08, 1.2, 0.0, (5.9, 35.0), 60.0, 0.07),
    Voice("callum", "male", _AWB, 45, 64, ("round", "folk"), 1.0, 0.0, 0.04, (5.3, 20.0)),
    Voice("ewan", "male", _AWB, 48, 67, ("light", "breathy"), 1.07, 0.5, 0.25, (5.7, 18.0), 50.0, 0.08),
    Voice("otto", "male", _KAL, 45, 62, ("nasal", "plain"), 0.97, -0.5, 0.0, (5.2, 15.0), 40.0, 0.06),
    Voice("robin", "male", _PLAIN, 45, 59, ("synthetic", "clear"), 1.04, -0.7),
    Voice("magnus", "male", _M1, 44, 60, ("synthetic", "deep"), 0.96, -1.6, 0.02, (5.0, 30.0)),
    Voice("felix", "male", _KAL, 48, 66, ("reedy", "retro"), 1.06, 0.8, 0.1, (5.6, 40.0), 90.0, 0.09),
    Voice("milo", "male", _M7, 47, 64, ("synthetic", "soft"), 1.04, -1.5, 0.1, (5.8, 20.0), held_out=True),
)


def _foreign() -> list[Voice]:
    """A woman and a man for every other language, both of espeak-ng."""
    names = {
        "es": ("lucia", "mateo"), "de": ("greta", "anton"), "fr-fr": ("colette", "remi"), "it": ("chiara", "enzo"),
        "ja": ("hana", "kenji"), "cmn-latn-pinyin": ("mei", "wei"),
    }  # fmt: skip
    voices = []
    for language, (woman, man) in names.items():
        voices += [
            Voice(woman, "female", Espeak(language), 52, 66, ("clear",), 1.08, -0.8, 0.08, (5.8, 20.0), 60.0, 0.08),
            Voice(man, "male", Espeak(language), 46, 62, ("plain",), 1.0, -1.0, 0.03, (5.3, 25.0)),
        ]
    return voices


VOICES: dict[str, Voice] = {voice.name: voice for voice in (*_ENGLISH, *_foreign())}
