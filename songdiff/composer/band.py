"""The band of a song: the genre's players, with what the prompt asks for put in their places."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from .genres import Genre, Voice
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
    "cello": ("violin", "flute"),
    "violin": ("clarinet", "flute"),
    "brass": ("trumpet", "trombone"),
    "synth pluck": ("marimba", "synth"),
    "banjo": ("mandolin",),
    "electric guitar": ("jazz guitar",),
}
_NO_SWAPS = ("metal", "punk", "rock")
_KITS: dict[str, tuple[str, int]] = {
    "jazz": ("drum kit", 32), "bossa nova": ("drum kit", 40), "folk": ("drum kit", 40), "waltz": ("drum kit", 40),
    "rock": ("drum kit", 8), "metal": ("drum kit", 16), "punk": ("drum kit", 16), "house": ("drum machine", 25),
    "hip-hop": ("drum machine", 25), "synthwave": ("drum machine", 24), "lo-fi": ("drum machine", 8),
}  # fmt: skip
_MOST = 4


@dataclass(frozen=True)
class Band:
    """``drums`` (name, General MIDI kit) and ``bass`` (instrument, pattern) are None where the prompt rules them
    out."""

    drums: tuple[str, int] | None
    bass: tuple[str, str] | None
    voices: tuple[Voice, ...]


def gather(genre: Genre, style: Style, rng: random.Random) -> Band:
    """Choose who plays."""
    voices: list[Voice] = []
    for voice in genre.voices:
        swaps = _SWAPS.get(voice.instrument, ()) if genre.name not in _NO_SWAPS else ()
        swap = rng.choice(swaps) if swaps and rng.random() < 0.3 else voice.instrument
        if all(swap != other.instrument for other in (*genre.voices, *voices)):
            voice = replace(voice, instrument=swap)
        voices.append(voice)
    bass: tuple[str, str] | None = genre.bass
    fixed: list[Voice] = []
    for name in style.instruments:
        family = INSTRUMENTS[name].family
        if family == "bass":
            bass = (name, "walking" if name == "upright bass" and genre.name == "jazz" else genre.bass[1])
            continue
        same = next((voice for voice in voices if voice.instrument == name), None)
        roles = {"pad": ("pad",), "wind": ("lead",), "strings": ("lead", "pad"), "synth": ("lead", "arpeggio")}.get(
            family, ("chords", "arpeggio")
        )
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
    if bass is not None and ("bass guitar" in style.without or bass[0] in style.without):
        bass = None
    drums = None if "drums" in style.without else _KITS.get(genre.name, ("drum kit", 0))
    return Band(drums, bass, tuple(voices))


def with_lead(band: Band, rng: random.Random) -> Band:
    """The same band with a player who can carry a tune from the first bar on."""
    if any(voice.role == "lead" for voice in band.voices):
        first = next(i for i, voice in enumerate(band.voices) if voice.role == "lead")
        voices = [replace(voice, enters=0) if i == first else voice for i, voice in enumerate(band.voices)]
        return replace(band, voices=tuple(voices))
    return replace(band, voices=(*band.voices, Voice(rng.choice(("piano", "flute", "vibraphone")), "lead", "fills")))
