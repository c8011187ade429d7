"""What a genre is: tempo, metre, feel, chords, grooves, bass, band, habits. The data lie in ``genres_*.py``.

Chords are roman numerals against the major scale of the tonic (so minor keys spell ``bVI``), ``|`` between bars.
Grooves are one bar of sixteenths per General MIDI drum key: ``X`` accent, ``x`` hit, ``o`` ghost, ``.`` rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .progressions import Progressions

KICK, RIM, SNARE, CLAP, HAT, PEDAL, OPEN, CRASH, RIDE = 36, 37, 38, 39, 42, 44, 46, 49, 51
LOW_TOM, MID_TOM, HIGH_TOM, TAMBOURINE, COWBELL, SHAKER, BASS_DRUM, TRIANGLE = 45, 47, 50, 54, 56, 70, 35, 81
CONGA, LOW_CONGA = 63, 64

Groove = Mapping[int, str]


@dataclass(frozen=True)
class Voice:
    """One player: ``style`` is a pattern of :mod:`.comping`; it plays where the intensity (0–3) reaches ``enters``."""

    instrument: str
    role: str
    style: str
    enters: int = 0


@dataclass(frozen=True)
class Genre:
    """``tempo`` range in felt beats a minute; ``syllable_rate`` comfortable syllables a second; ``syncopation`` 0 … 1.

    Habits of form: bars of ``intro``, ``outro`` and ``solo``, what an ``interlude`` between sung sections is, the row
    of sections of an instrumental (``form``), how songs end. ``contrast`` scales the loudness between sections,
    ``melisma`` 0 … 1 is the share of long last syllables sung on several notes, ``lag`` the seconds singers sit behind
    the beat.
    """

    name: str
    tempo: tuple[int, int]
    modes: Mapping[str, float]
    progressions: Mapping[str, Progressions]
    grooves: Mapping[str, Groove]  # "light", "main", "full"
    bass: tuple[str, str]  # instrument, pattern of .bass
    voices: tuple[Voice, ...]
    time_signature: str = "4/4"
    swing: float = 0.0
    swing_unit: int = 2
    syllable_rate: float = 3.4
    bars_per_line: int = 2
    syncopation: float = 0.3
    mood: tuple[float, float] = (0.2, 0.1)  # usual valence, arousal
    contour: float = 1.0  # how far melodies move: 1 sung, less is nearer to speech
    tonic: Mapping[str, str] = field(default_factory=lambda: {"major": "I", "minor": "i"})
    kit: tuple[str, int] = ("drum kit", 0)  # name, General MIDI kit
    electronic: bool = False
    fills: str = "kit"  # a row of .drums.FILLS; "" plays none
    crash: bool = True
    intro: int = 4
    outro: int = 3
    solo: int = 8
    interlude: Literal["solo", "break"] = "solo"
    form: tuple[str, ...] = ("verse", "chorus", "verse", "chorus", "bridge", "chorus")
    ending: Literal["ring", "stop"] = "ring"
    contrast: float = 1.0
    melisma: float = 0.15
    lag: float = 0.0
    vocal_styles: Mapping[str, float] = field(default_factory=lambda: {"plain": 0.8, "soft": 0.1, "belted": 0.1})
