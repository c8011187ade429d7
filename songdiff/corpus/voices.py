"""The singers of the corpus: speech engines multiplied by formants, colour, breath, vibrato and range.

A voice is data; :func:`songdiff.corpus.singer.sing` makes it sing. It knows no score but the range it likes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..lyrics.phonemes import Syllable
from ..score.score import Singer
from .speech import Engine, Espeak, Flite


@dataclass(frozen=True)
class Voice:
    """One singer.

    ``low … high`` is the comfortable range in MIDI numbers. ``formants`` scales the spectral envelope along frequency
    (above 1: a shorter vocal tract). ``tilt`` is brightness in dB per octave, around 1 kHz. ``breath`` (0 … 1) is the
    share of noise mixed into voiced sounds. ``vibrato`` is (rate in Hz, depth in cents), ``scoop`` the depth in cents
    from which phrases rise into their first note, ``glide`` the seconds a change of pitch takes.
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

    @property
    def language(self) -> str:
        """The language the voice sings, as espeak-ng names it."""
        return self.engine.language

    @property
    def singer(self) -> Singer:
        """The voice as a Score names its singer."""
        return Singer(name=self.name, gender=self.gender, low=self.low, high=self.high)

    def pronounce(self, words: Iterable[str], language: str | None = None) -> list[list[Syllable]]:
        """The syllables of each word as this voice sings them; ``[]`` for a word with nothing to sing.

        The composer calls it as ``pronounce(words, language)``. Raises ValueError for a language it does not sing.
        """
        if language is not None and language.split("-")[0] != self.language.split("-")[0]:
            raise ValueError(f"{self.name} sings {self.language}, not {language}; choose another voice")
        return self.engine.pronounce(words)


_SLT, _RMS, _AWB, _KAL = (Flite(voice) for voice in ("slt", "rms", "awb", "kal16"))

VOICES: dict[str, Voice] = {
    voice.name: voice
    for voice in (
        Voice("mara", "female", _SLT, 55, 72, ("warm", "clear")),
        Voice("lena", "female", _SLT, 57, 74, ("bright", "young"), 1.05, 1.0, 0.05, (5.8, 20.0), 60.0, 0.07),
        Voice("odile", "female", _SLT, 53, 69, ("dark", "smoky"), 0.94, -1.5, 0.12, (5.1, 35.0), 120.0, 0.11),
        Voice("wren", "female", _SLT, 57, 73, ("airy", "light"), 1.09, 0.5, 0.2, (6.0, 15.0), 40.0, 0.08),
        Voice("jonas", "male", _RMS, 45, 64, ("warm", "steady"), 1.0, 0.0, 0.0, (5.4, 25.0)),
        Voice("silas", "male", _RMS, 43, 60, ("deep", "dark"), 0.93, -1.5, 0.05, (5.0, 30.0), 130.0, 0.12),
        Voice("theo", "male", _RMS, 48, 67, ("bright", "tenor"), 1.08, 1.2, 0.0, (5.9, 35.0), 60.0, 0.07),
        Voice("callum", "male", _AWB, 45, 64, ("round", "folk"), 1.0, 0.0, 0.04, (5.3, 20.0)),
        Voice("ewan", "male", _AWB, 48, 67, ("light", "breathy"), 1.07, 0.5, 0.25, (5.7, 18.0), 50.0, 0.08),
        Voice("otto", "male", _KAL, 45, 62, ("nasal", "plain"), 0.97, -0.5, 0.0, (5.2, 15.0), 40.0, 0.06),
        Voice("robin", "male", Espeak("en-us"), 46, 62, ("synthetic", "clear"), 1.0, -1.0),
        Voice("magnus", "male", Espeak("en-us+m1"), 43, 60, ("synthetic", "deep"), 0.95, -1.0, 0.05, (5.0, 30.0)),
        Voice("milo", "male", Espeak("en-us+m7"), 47, 64, ("synthetic", "soft"), 1.04, -1.5, 0.1, (5.8, 20.0)),
        Voice("felix", "male", _KAL, 48, 66, ("reedy", "retro"), 1.06, 0.8, 0.1, (5.6, 40.0), 90.0, 0.09),
    )
}
