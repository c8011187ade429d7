"""The band of a song: the genre's players, with what the prompt asks for put in their places."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from .genre import Genre, Voice
from .instruments import INSTRUMENTS
from .style import Style

_SWAPS: dict[str, tuple[str, ...]] = {  # what may stand in without changing the genre
    "piano": ("electric piano",),
    "electric piano": ("piano", "vibraphone"),
    "strings": ("synth strings", "choir"),
    "synth pad": ("bright pad", "synth strings"),
    "fiddle": ("flute", "accordion"),
    "harmonica": ("fiddle",),
    "tenor sax": ("alto sax", "trumpet", "clarinet", "vibraphone"),
    "flute": ("tenor sax", "clarinet"),
    "saw lead": ("square lead",),
    "contrabass": ("tuba",),
    "oboe": ("clarinet", "flute", "violin"),
    "tin whistle": ("bagpipes", "flute"),
    "bells": ("music box", "piano", "harpsichord"),
    "trombone": ("trumpet", "tenor sax"),
    "cello": ("violin", "flute"),
    "violin": ("clarinet", "flute"),
    "brass": ("trumpet", "trombone"),
    "synth pluck": ("marimba", "synth"),
    "banjo": ("mandolin",),
    "electric guitar": ("jazz guitar",),
}
_NO_SWAPS = ("metal", "punk", "rock", "chiptune", "orchestral")
_UNPLUGGED: dict[str, str] = {  # what plays where the prompt says "acoustic"
    "electric guitar": "acoustic guitar", "muted guitar": "acoustic guitar", "overdriven guitar": "acoustic guitar",
    "distorted guitar": "acoustic guitar", "jazz guitar": "nylon guitar", "electric piano": "piano", "organ": "piano",
    "synth pad": "strings", "bright pad": "strings", "synth strings": "strings", "synth pluck": "harp",
    "square pluck": "harp", "synth": "piano", "saw lead": "violin", "square lead": "flute",
    "bass guitar": "upright bass",
    "picked bass": "upright bass", "slap bass": "upright bass", "synth bass": "upright bass",
    "808 bass": "upright bass",
    "acid bass": "upright bass", "reese bass": "upright bass", "square bass": "upright bass",
}  # fmt: skip
_DRUM_MACHINE, _DRUM_KIT = ("drum machine", 25), ("drum kit", 0)
_MOST = 5


@dataclass(frozen=True)
class Band:
    """``drums`` (name, General MIDI kit) and ``bass`` (instrument, pattern) are None where the prompt rules them
    out."""

    drums: tuple[str, int] | None
    bass: tuple[str, str] | None
    voices: tuple[Voice, ...]


def gather(genre: Genre, style: Style, rng: random.Random) -> Band:
    """Choose who plays; nobody where the prompt says a cappella."""
    if style.a_cappella:
        return Band(None, None, ())
    voices: list[Voice] = []
    for voice in genre.voices:
        swaps = _SWAPS.get(voice.instrument, ()) if genre.name not in _NO_SWAPS else ()
        swap = rng.choice(swaps) if swaps and rng.random() < 0.3 else voice.instrument
        if all(swap != other.instrument for other in (*genre.voices, *voices)):
            voice = replace(voice, instrument=swap)
        voices.append(voice)
    player, pattern = genre.bass
    if player in _SWAPS and rng.random() < 0.2:
        player = rng.choice(_SWAPS[player])
    if "acoustic" in style.production:
        voices = [replace(voice, instrument=_UNPLUGGED.get(voice.instrument, voice.instrument)) for voice in voices]
        player = _UNPLUGGED.get(player, player)
    bass: tuple[str, str] | None = (player, pattern)
    fixed: list[Voice] = []
    for name in style.instruments:
        family = INSTRUMENTS[name].family
        if family == "bass":
            bass = (name, "walking" if name == "upright bass" and genre.name == "jazz" else genre.bass[1])
            continue
        same = next((voice for voice in voices if voice.instrument == name), None)
        roles = {
            "pad": ("pad",),
            "wind": ("lead",),
            "strings": ("lead", "pad"),
            "synth": ("lead", "arpeggio"),
            "percussion": ("chords",),
        }.get(family, ("chords", "arpeggio"))
        free = [voice for voice in voices if voice not in fixed]
        place = same or next((voice for role in roles for voice in free if voice.role == role), None)
        fallback = {"pad": "pad", "lead": "fills", "arpeggio": "pluck", "chords": "block"}[roles[0]]
        seat = place or Voice(name, roles[0], fallback)
        chosen = replace(seat, instrument=name, enters=min(seat.enters, 1))
        if place in voices:
            voices[voices.index(place)] = chosen
        else:
            voices.append(chosen)
        fixed.append(chosen)
    voices = [voice for voice in voices if voice.instrument not in style.without]
    voices = sorted(voices, key=lambda voice: voice not in fixed)[:_MOST] if len(voices) > _MOST else voices
    if voices and all(voice.enters for voice in voices):  # somebody plays the intro
        voices[0] = replace(voices[0], enters=0)
    if bass is not None and ("bass guitar" in style.without or bass[0] in style.without):
        bass = None
    drums: tuple[str, int] | None = genre.kit
    if "drum machine" in style.production:
        drums = _DRUM_MACHINE
    elif {"live", "acoustic"} & set(style.production) and genre.kit[0] == "drum machine":
        drums = _DRUM_KIT
    drums = None if "drums" in style.without else drums
    return Band(drums, bass, tuple(voices))


def with_lead(band: Band, rng: random.Random) -> Band:
    """The same band with a player who can carry a tune from the first bar on."""
    if any(voice.role == "lead" for voice in band.voices):
        first = next(i for i, voice in enumerate(band.voices) if voice.role == "lead")
        voices = [replace(voice, enters=0) if i == first else voice for i, voice in enumerate(band.voices)]
        return replace(band, voices=tuple(voices))
    return replace(band, voices=(*band.voices, Voice(rng.choice(("piano", "flute", "vibraphone")), "lead", "fills")))
