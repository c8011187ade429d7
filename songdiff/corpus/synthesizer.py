"""A small vectorised synthesiser for the electronic genres. No dependency but numpy; drums are drum_machine.py's.

Notes are wavetables (band-limited for their pitch) that fade from a bright to a dark table, as a closing low-pass
filter would, or two-operator FM. A song's patch is one of its genre's, with every parameter drawn around its value.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ..score import Note, Part
from .drum_machine import SAMPLE_RATE, draw_kit, hit

_TABLE = 4096


@dataclass(frozen=True)
class Patch:
    """One sound. Times in seconds, cut-offs in multiples of the note's frequency, detune in cents, levels linear."""

    wave: str = "saw"  # "saw", "square", "pulse" (a quarter), "narrow" (an eighth), "triangle", "sine", "fm"
    bright: float = 24.0
    dark: float = 4.0
    sweep: float = 0.25
    attack: float = 0.004
    decay: float = 0.3
    sustain: float = 0.6
    release: float = 0.08
    detune: float = 0.0  # the outermost oscillators against the middle one, spread over the stereo field
    voices: int = 3  # oscillators, where detuned; 7 make a supersaw
    sub: float = 0.0  # a sine one octave below
    ratio: float = 1.0  # FM: frequency of the modulator over the carrier's
    index: float = 0.0  # FM: depth at the start of the note, in radians
    drop: float = 0.0  # semitones that a note falls in its first 40 ms (an 808's kick)
    drive: float = 0.0  # saturation, 0 none


PATCHES: dict[str, tuple[Patch, ...]] = {
    "bass": (
        Patch("saw", bright=14, dark=2.5, sweep=0.12, sustain=0.7, release=0.04, sub=0.6),
        Patch("square", bright=9, dark=2, sweep=0.2, sustain=0.8, release=0.04, sub=0.4),
        Patch("fm", ratio=1, index=2.5, sweep=0.15, decay=0.5, sustain=0.6, release=0.05),
        Patch("saw", bright=5, dark=1.5, sweep=0.3, decay=0.8, sustain=0.8, release=0.06, sub=0.9),
    ),
    "pad": (
        Patch("saw", bright=6, dark=12, sweep=1.0, attack=0.25, decay=1.0, sustain=0.8, release=0.5, detune=11),
        Patch("square", bright=3, dark=7, sweep=0.8, attack=0.18, decay=1.0, sustain=0.8, release=0.4, detune=8),
        Patch("saw", bright=10, dark=4, sweep=1.5, attack=0.12, decay=1.0, sustain=0.7, release=0.6, detune=15),
    ),
    "chords": (
        Patch("saw", bright=22, dark=5, sweep=0.2, decay=0.4, sustain=0.45, release=0.12, detune=13),
        Patch("fm", ratio=2, index=1.6, sweep=0.35, decay=0.9, sustain=0.3, release=0.2, detune=4),
        Patch("square", bright=12, dark=3, sweep=0.25, decay=0.3, sustain=0.5, release=0.1, detune=6),
        Patch("fm", ratio=1, index=1.2, sweep=0.6, decay=1.2, sustain=0.25, release=0.25, detune=5),
    ),
    "arpeggio": (
        Patch("square", bright=16, dark=3, sweep=0.08, decay=0.15, sustain=0.15, release=0.12),
        Patch("saw", bright=20, dark=3, sweep=0.1, decay=0.2, sustain=0.1, release=0.15, detune=7),
        Patch("fm", ratio=3, index=1.4, sweep=0.12, decay=0.35, sustain=0.05, release=0.3),
    ),
    "lead": (
        Patch("saw", bright=18, dark=9, sweep=0.3, attack=0.012, decay=0.3, sustain=0.75, release=0.12, detune=9),
        Patch("square", bright=14, dark=7, sweep=0.4, attack=0.01, decay=0.3, sustain=0.8, release=0.1),
        Patch("fm", ratio=1, index=2.0, sweep=0.4, attack=0.008, decay=0.5, sustain=0.7, release=0.12, detune=5),
    ),
}
_EIGHT_OH_EIGHT = (
    Patch("sine", decay=1.6, sustain=0.25, release=0.08, drop=16, drive=1.5),
    Patch("sine", decay=1.0, sustain=0.5, release=0.06, drop=10, drive=3.0),
)
_SUPERSAW = (
    Patch("saw", bright=28, dark=14, sweep=0.5, decay=0.6, sustain=0.7, release=0.2, detune=22, voices=7),
    Patch("saw", bright=18, dark=7, sweep=0.3, decay=0.4, sustain=0.6, release=0.15, detune=16, voices=7),
)
_ACID = Patch("square", bright=18, dark=2, sweep=0.1, decay=0.2, sustain=0.4, release=0.03, drive=1.5)
_REESE = (
    Patch("saw", bright=5, dark=3, sweep=0.5, decay=0.8, sustain=0.9, release=0.06, detune=20, sub=0.8),
    Patch("square", bright=6, dark=2.5, sweep=0.7, decay=0.8, sustain=0.9, release=0.06, detune=14, sub=0.6, drive=1),
)
_SQUARE = (
    Patch("square", bright=60, dark=40, attack=0.002, decay=0.4, sustain=0.7, release=0.02),
    Patch("pulse", bright=60, dark=40, attack=0.002, decay=0.4, sustain=0.7, release=0.02),
)
_CHIP_BASS = (
    Patch("triangle", bright=30, dark=30, decay=0.5, sustain=0.9, release=0.01),
    Patch("square", bright=20, dark=12, decay=0.3, sustain=0.6, release=0.01),
)
_CHIP_PLUCK = (
    Patch("narrow", bright=60, dark=30, decay=0.12, sustain=0.2, release=0.02),
    Patch("pulse", bright=60, dark=30, decay=0.12, sustain=0.2, release=0.02),
)
INSTRUMENT_PATCHES: dict[str, tuple[Patch, ...]] = {  # instruments that promise a sound of their own
    "808 bass": _EIGHT_OH_EIGHT,
    "acid bass": (_ACID, replace(_ACID, wave="saw", sweep=0.07)),
    "reese bass": _REESE,
    "square bass": _CHIP_BASS,
    "square lead": _SQUARE,
    "square pluck": _CHIP_PLUCK,
}
GENRE_PATCHES: dict[str, dict[str, tuple[Patch, ...]]] = {
    "trap": {"bass": _EIGHT_OH_EIGHT},
    "hip-hop": {"bass": (*_EIGHT_OH_EIGHT, PATCHES["bass"][3])},
    "r&b": {"bass": (*_EIGHT_OH_EIGHT[:1], PATCHES["bass"][3])},
    "house": {"chords": (*_SUPERSAW, *PATCHES["chords"]), "lead": (*_SUPERSAW, *PATCHES["lead"])},
    "techno": {
        "bass": (
            Patch("saw", bright=7, dark=1.5, sweep=0.07, decay=0.15, sustain=0.3, release=0.03, drive=2),
            _ACID,
            Patch("sine", decay=0.3, sustain=0.4, release=0.04, drop=7, drive=2),
        ),
        "chords": (Patch("saw", bright=14, dark=2.5, sweep=0.09, decay=0.2, sustain=0.1, release=0.15, detune=10),),
    },
    "drum and bass": {
        "bass": (*_REESE, Patch("sine", decay=0.8, sustain=0.8, release=0.05, drop=5, drive=2)),
        "pad": (*PATCHES["pad"], *_SUPERSAW),
    },
    "synthwave": {"chords": (*_SUPERSAW, *PATCHES["chords"]), "lead": (*_SUPERSAW[:1], *PATCHES["lead"])},
    "chiptune": {
        "bass": _CHIP_BASS,
        "pad": (Patch("pulse", bright=30, dark=14, sweep=0.8, attack=0.05, decay=1.0, sustain=0.7, release=0.05),),
        "chords": (
            Patch("pulse", bright=60, dark=30, decay=0.25, sustain=0.4, release=0.02),
            Patch("square", bright=60, dark=30, decay=0.25, sustain=0.5, release=0.02),
        ),
        "arpeggio": _CHIP_PLUCK,
        "lead": _SQUARE,
    },
}


def render_synth(part: Part, samples: int, genre: str | None = None, seed: int | None = None) -> np.ndarray:
    """``part`` → (2, samples) float32 at 44.1 kHz. Notes start on the exact sample; what overhangs the end is cut.

    ``genre`` chooses patches and drum kits, ``seed`` draws among and around them; None draws by the part's own notes.
    """
    out = np.zeros((2, samples), np.float32)
    if seed is None:
        seed = zlib.crc32(f"{part.instrument} {len(part.notes)} {part.notes[:1]}".encode())
    rng = np.random.default_rng(seed)
    notes = [note for note in part.notes if round(note.start * SAMPLE_RATE) < samples]
    if part.track == "drums":
        kit = draw_kit(genre, rng)
        sounds = {note.pitch: hit(kit, note.pitch) for note in notes}
    else:
        patch = draw_patch(part, genre, rng)
        longest: dict[int, int] = {}
        for note in notes:
            longest[note.pitch] = max(longest.get(note.pitch, 0), _gate(note))
        sounds = {pitch: _tone(patch, pitch, gate) for pitch, gate in longest.items()}
    for note in notes:
        sound = sounds[note.pitch] if part.track == "drums" else _released(sounds[note.pitch], _gate(note), patch)
        start = round(note.start * SAMPLE_RATE)
        stop = min(samples, start + sound.shape[1])
        out[:, start:stop] += _loudness(note) * sound[:, : stop - start]
    return out


def draw_patch(part: Part, genre: str | None, rng: np.random.Generator) -> Patch:
    """A patch for the instrument by its name, else by genre and role ("bass", "pad" …; a new role sounds as chords)."""
    role = "bass" if part.track == "bass" else part.role
    usual = PATCHES.get(role, PATCHES["chords"])
    choices = INSTRUMENT_PATCHES.get(part.instrument) or GENRE_PATCHES.get(genre or "", {}).get(role, usual)
    patch = choices[rng.integers(len(choices))]
    filters, times, amounts = 2 ** rng.uniform([-0.6, -0.5, -0.5], [0.6, 0.5, 0.4])
    return replace(
        patch,
        bright=patch.bright * filters,
        dark=max(1.2, patch.dark * filters),
        sweep=patch.sweep * times,
        decay=patch.decay * times,
        release=patch.release * times,
        sustain=min(1.0, patch.sustain * rng.uniform(0.8, 1.2)),
        detune=patch.detune * amounts,
        sub=patch.sub * amounts,
        index=patch.index * amounts,
    )


def _gate(note: Note) -> int:
    return max(1, round((note.end - note.start) * SAMPLE_RATE))


def _loudness(note: Note) -> np.float32:
    return np.float32(0.25 * (note.velocity / 100) ** 1.6)


def _released(tone: np.ndarray, gate: int, patch: Patch) -> np.ndarray:
    """The tone held for ``gate`` samples, then let go: (2, samples)."""
    release = round(patch.release * SAMPLE_RATE)
    sound = tone[:, : gate + release].copy()
    sound[:, gate:] *= np.linspace(1, 0, release, dtype=np.float32) ** 2
    return sound


def _tone(patch: Patch, pitch: int, gate: int) -> np.ndarray:
    """A note of at least ``gate`` samples that is not let go yet, long enough for its release: (2, samples)."""
    time = np.arange(gate + round(patch.release * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
    level = np.minimum(1, time / patch.attack) * (patch.sustain + (1 - patch.sustain) * np.exp(-time / patch.decay))
    sweep = np.exp(-time / patch.sweep)
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    out = np.zeros((2, len(time)), np.float32)
    if patch.detune:
        for i in range(patch.voices):
            place = 2 * i / (patch.voices - 1) - 1  # −1 flat and left … 1 sharp and right
            sound = _oscillator(patch, hertz * 2 ** (place * patch.detune / 1200), time, sweep, 0.382 * i)
            gains = np.array([[1 - 0.9 * place], [1 + 0.9 * place]], np.float32)
            out += gains * sound * np.float32(0.7 / patch.voices**0.5)
    else:
        out[:] = _oscillator(patch, hertz, time, sweep, 0.0)
    if patch.sub:
        out += patch.sub * np.sin(np.float32(np.pi * hertz) * time)
    out *= level
    return np.tanh((1 + patch.drive) * out) / np.float32((1 + patch.drive) ** 0.5) if patch.drive else out


def _oscillator(patch: Patch, hertz: float, time: np.ndarray, sweep: np.ndarray, start: float) -> np.ndarray:
    cycles = np.arange(len(time)) * (hertz / SAMPLE_RATE) + start
    if patch.drop:
        cycles += hertz * (2 ** (patch.drop / 12) - 1) * 0.02 * (1 - np.exp(-time / 0.02))
    if patch.wave == "sine":
        return np.sin(2 * np.pi * (cycles % 1)).astype(np.float32)
    if patch.wave == "fm":
        phase = (2 * np.pi * (cycles % 1)).astype(np.float32)
        ratio = (2 * np.pi * (cycles * patch.ratio % 1)).astype(np.float32)
        return np.sin(phase + patch.index * (0.15 + sweep) * np.sin(ratio))
    place = (cycles * _TABLE).astype(np.int64) & (_TABLE - 1)
    harmonics = int(0.45 * SAMPLE_RATE / hertz)
    dark, bright = (_wavetable(patch.wave, cutoff, harmonics)[place] for cutoff in (patch.dark, patch.bright))
    blend: np.ndarray = dark + sweep * (bright - dark)
    return blend


@lru_cache(maxsize=1024)
def _wavetable(wave: str, cutoff: float, harmonics: int) -> np.ndarray:
    """One period, (4096,) float32: ``harmonics`` partials under a two-pole low-pass at ``cutoff`` times the pitch."""
    k = np.arange(1, max(2, min(harmonics, _TABLE // 4)))
    amplitude = {
        "saw": 1 / k,
        "square": (k % 2) * 1.3 / k,
        "pulse": 1.3 * np.sin(np.pi * k / 4) / k,
        "narrow": 1.4 * np.sin(np.pi * k / 8) / k,
        "triangle": (k % 2) * (1 - (k - 1) % 4) * 1.6 / k**2,
    }[wave] / (1 + (k / cutoff) ** 4) ** 0.5
    spectrum = np.zeros(_TABLE // 2 + 1, complex)
    spectrum[k] = -0.5j * amplitude * _TABLE * 0.6
    return np.fft.irfft(spectrum).astype(np.float32)
