"""A Score's parts → sound: General MIDI instruments through libfluidsynth, or our own synthesiser.

Knows notes and samples; knows nothing of levels between instruments, effects or voices (mixing.py does).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..score import TRACKS, Part, Score
from .synthesizer import SAMPLE_RATE, render_synth
from .tools import MissingToolError

INSTRUMENT_TRACKS = TRACKS[1:]
Engine = Literal["soundfont", "synth", "hybrid"]
ENGINES: tuple[Engine, ...] = ("soundfont", "synth", "hybrid")

SOUNDFONTS = (  # the first that exists; all are MIT or CC0 (TimGM6mb is GPL: left out on purpose)
    "/usr/share/sounds/sf2/FluidR3_GM.sf2",
    "/usr/share/sounds/sf2/MuseScore_General_Lite.sf2",
    "/usr/share/sounds/sf3/MuseScore_General_Lite.sf3",
    "/usr/share/sounds/sf3/MuseScore_General.sf3",
    "/usr/share/soundfonts/FluidR3_GM.sf2",
    "/opt/homebrew/share/soundfonts/FluidR3_GM.sf2",
    "~/.local/share/soundfonts/FluidR3_GM.sf2",
)
_BLOCK = 64  # fluidsynth starts and ends notes only on multiples of this many samples (1.45 ms)
_DRUM_CHANNEL, _DRUM_BANK = 1, 128
_ORCHESTRA_CYMBALS = {49: 57, 51: 59, 52: 57, 53: 59}  # where the orchestra's kit has timpani instead


def find_soundfont() -> Path:
    """The soundfont: ``$SONGDIFF_SOUNDFONT`` or the first of :data:`SOUNDFONTS`. Raises :class:`MissingToolError`."""
    named = os.environ.get("SONGDIFF_SOUNDFONT")
    for place in [named] if named else SOUNDFONTS:
        path = Path(place).expanduser()
        if path.is_file():
            return path
    name = f"the soundfont {named} ($SONGDIFF_SOUNDFONT)" if named else "a General MIDI soundfont"
    raise MissingToolError(name, "apt-get install fluid-soundfont-gm, or set SONGDIFF_SOUNDFONT to an .sf2 file")


@lru_cache(maxsize=1)
def fluidsynth_library() -> ctypes.CDLL:
    """libfluidsynth 2 or 3. Raises :class:`MissingToolError`."""
    name = ctypes.util.find_library("fluidsynth") or ctypes.util.find_library("fluidsynth-3")
    if name is None:
        raise MissingToolError("libfluidsynth", "apt-get install libfluidsynth3 (macOS: brew install fluid-synth)")
    library = ctypes.CDLL(name)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    library.new_fluid_settings.restype = library.new_fluid_synth.restype = pointer
    signatures: tuple[Any, ...] = (
        (library.fluid_settings_setint, pointer, text, number),
        (library.fluid_settings_setnum, pointer, text, ctypes.c_double),
        (library.delete_fluid_settings, pointer),
        (library.new_fluid_synth, pointer),
        (library.delete_fluid_synth, pointer),
        (library.fluid_set_log_function, number, pointer, pointer),
        (library.fluid_synth_sfload, pointer, text, number),
        (library.fluid_synth_set_channel_type, pointer, number, number),
        (library.fluid_synth_program_select, pointer, number, number, number, number),
        (library.fluid_synth_noteon, pointer, number, number, number),
        (library.fluid_synth_noteoff, pointer, number, number),
        (library.fluid_synth_nwrite_float, pointer, number, pointer, pointer, pointer, pointer),
    )
    for function, *arguments in signatures:
        function.argtypes = arguments
    for level in (2, 3, 4):  # warnings and below; panics and errors stay
        library.fluid_set_log_function(level, None, None)
    return library


def render_parts(
    score: Score, *, engine: Engine = "soundfont", rng: np.random.Generator | None = None
) -> dict[str, np.ndarray]:
    """``score.parts`` → ``{"drums", "bass", "other"}``, each (2, samples) float32 at 44.1 kHz, dry.

    samples = round(score.duration · 44100). A track without a part is silent. ``engine`` is "soundfont" (General MIDI
    samples), "synth" (our synthesiser and drum machine) or "hybrid" (ours for drum machines, for what General MIDI
    calls a synthesiser, and for everything in a chiptune; samples for the rest). ``rng`` draws the synthesiser's
    patches and kits; without one they follow from the notes, so that songs differ anyway. Raises ValueError on an
    unknown engine, :class:`MissingToolError` without fluidsynth or a soundfont.
    """
    tracks = {track: np.zeros((2, sample_count(score)), np.float32) for track in INSTRUMENT_TRACKS}
    for part, waveform in zip(score.parts or [], render_each(score, engine=engine, rng=rng), strict=True):
        tracks[part.track] += waveform
    return tracks


def render_each(
    score: Score, *, engine: Engine = "soundfont", rng: np.random.Generator | None = None
) -> list[np.ndarray]:
    """As :func:`render_parts`, but one (2, samples) waveform for every entry of ``score.parts``, in order."""
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}; there are {', '.join(ENGINES)}")
    parts, samples = score.parts or [], sample_count(score)
    by_synth = [engine == "synth" or (engine == "hybrid" and _is_electronic(part, score.genre)) for part in parts]
    sampled = iter(_render_soundfont([p for p, own in zip(parts, by_synth, strict=True) if not own], samples))
    seeds = [None if rng is None else int(rng.integers(2**32)) for _ in parts]
    return [
        render_synth(part, samples, score.genre, seed) if own else next(sampled)
        for part, own, seed in zip(parts, by_synth, seeds, strict=True)
    ]


def sample_count(score: Score) -> int:
    """The exact length of every waveform of this score, in samples at 44.1 kHz."""
    return round(score.duration * SAMPLE_RATE)


def _render_soundfont(parts: list[Part], samples: int) -> list[np.ndarray]:
    """Every part in one pass: part i plays on MIDI channel i, whose dry sound lands in audio group i."""
    if not parts:
        return []
    library, soundfont = fluidsynth_library(), find_soundfont()
    settings = library.new_fluid_settings()
    for name, value in (
        ("synth.midi-channels", 16 * -(-len(parts) // 16)),
        ("synth.audio-channels", len(parts)),
        ("synth.audio-groups", len(parts)),
        ("synth.dynamic-sample-loading", 1),  # read only the samples of the chosen programs, not all 148 MB
        ("synth.reverb.active", 0),
        ("synth.chorus.active", 0),
    ):
        library.fluid_settings_setint(settings, name.encode(), value)
    library.fluid_settings_setnum(settings, b"synth.sample-rate", float(SAMPLE_RATE))
    library.fluid_settings_setnum(settings, b"synth.gain", 0.5)
    synth = library.new_fluid_synth(settings)
    try:
        font = library.fluid_synth_sfload(synth, str(soundfont).encode(), 0)
        if font < 0:
            raise MissingToolError(f"a readable soundfont ({soundfont})", "apt-get install fluid-soundfont-gm")
        for channel, part in enumerate(parts):
            drums = part.track == "drums"
            library.fluid_synth_set_channel_type(synth, channel, _DRUM_CHANNEL if drums else 0)
            library.fluid_synth_program_select(
                synth, channel, font, _DRUM_BANK if drums else 0, part.program if not drums else _drum_kit(part)
            )
        return _play(library, synth, parts, samples)
    finally:
        library.delete_fluid_synth(synth)
        library.delete_fluid_settings(settings)


def _play(library: ctypes.CDLL, synth: int, parts: list[Part], samples: int) -> list[np.ndarray]:
    blocks = -(-samples // _BLOCK)
    audio = np.zeros((len(parts), 2, blocks * _BLOCK), np.float32)
    pointers = ctypes.c_void_p * len(parts)
    lefts, rights = ([audio[group, side].ctypes.data for group in range(len(parts))] for side in range(2))
    position = 0
    for block, on, channel, pitch, velocity in [*_events(parts, blocks), (blocks, 0, 0, 0, 0)]:
        if block > position:
            offset = position * _BLOCK * audio.itemsize
            left, right = (pointers(*(base + offset for base in side)) for side in (lefts, rights))
            library.fluid_synth_nwrite_float(synth, (block - position) * _BLOCK, left, right, None, None)
            position = block
        if block < blocks:
            if on:
                library.fluid_synth_noteon(synth, channel, pitch, velocity)
            else:
                library.fluid_synth_noteoff(synth, channel, pitch)
    return list(audio[:, :, :samples])


def _events(parts: list[Part], blocks: int) -> list[tuple[int, int, int, int, int]]:
    """(block, on, channel, pitch, velocity) in order; at one time, ends come before starts."""
    events = set()
    for channel, part in enumerate(parts):
        moved = _ORCHESTRA_CYMBALS if part.track == "drums" and _drum_kit(part) == 48 else {}
        for note in part.notes:
            pitch = moved.get(note.pitch, note.pitch)
            start = round(note.start * SAMPLE_RATE / _BLOCK)
            if start < blocks:
                events.add((start, 1, channel, pitch, note.velocity))
                end = max(start + 1, round(note.end * SAMPLE_RATE / _BLOCK))
                events.add((min(end, blocks), 0, channel, pitch, 0))
    return sorted(events)


def _is_electronic(part: Part, genre: str | None) -> bool:
    """Drum machines, and the General MIDI programs of synthesisers: basses, strings, leads, pads; chiptunes wholly."""
    if genre == "chiptune" or part.track == "drums":
        return genre == "chiptune" or "machine" in part.instrument
    return part.program in (38, 39, 50, 51, *range(80, 96))


def _drum_kit(part: Part) -> int:
    """The kit of bank 128 that the instrument's name promises: else the part's program, where that is a kit."""
    kits = {"room": 8, "power": 16, "rock": 16, "electronic": 24, "808": 25, "909": 25, "machine": 25, "jazz": 32}
    kits |= {"brush": 40, "orchestra": 48}
    name = part.instrument.lower()
    if part.program in ((24, 25) if "machine" in name else kits.values()):
        return part.program
    return next((kit for word, kit in kits.items() if word in name), 0)
