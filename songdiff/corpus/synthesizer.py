"""A small vectorised synthesiser and drum machine, for the electronic genres. No dependency but numpy.

Notes are wavetables (band-limited for their pitch) that fade from a bright to a dark table, as a closing low-pass
filter would, or two-operator FM. Everything is a pure function of the part: the patch is drawn from the part's own
content, so that the same part always sounds the same while songs differ.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..score import Note, Part

SAMPLE_RATE = 44100
_TABLE = 4096


@dataclass(frozen=True)
class Patch:
    """One sound. Times in seconds, cut-offs in multiples of the note's frequency, detune in cents, levels linear."""

    wave: str = "saw"  # "saw", "square", "fm"
    bright: float = 24.0
    dark: float = 4.0
    sweep: float = 0.25
    attack: float = 0.004
    decay: float = 0.3
    sustain: float = 0.6
    release: float = 0.08
    detune: float = 0.0  # three oscillators, spread over the stereo field
    sub: float = 0.0  # a sine one octave below
    ratio: float = 1.0  # FM: frequency of the modulator over the carrier's
    index: float = 0.0  # FM: depth at the start of the note, in radians


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
        Patch("fm", ratio=3.5, index=1.4, sweep=0.12, decay=0.35, sustain=0.05, release=0.3),
    ),
    "lead": (
        Patch("saw", bright=18, dark=9, sweep=0.3, attack=0.012, decay=0.3, sustain=0.75, release=0.12, detune=9),
        Patch("square", bright=14, dark=7, sweep=0.4, attack=0.01, decay=0.3, sustain=0.8, release=0.1),
        Patch("fm", ratio=1, index=2.0, sweep=0.4, attack=0.008, decay=0.5, sustain=0.7, release=0.12, detune=5),
    ),
}


def render_synth(part: Part, samples: int) -> np.ndarray:
    """``part`` → (2, samples) float32 at 44.1 kHz. Notes start on the exact sample; what overhangs the end is cut."""
    out = np.zeros((2, samples), np.float32)
    choice = zlib.crc32(f"{part.instrument} {len(part.notes)} {part.notes[:1]}".encode())
    sounds: dict[tuple[int, int], np.ndarray] = {}
    for note in part.notes:
        start = round(note.start * SAMPLE_RATE)
        if start >= samples:
            continue
        if part.track == "drums":
            sound = _drum(choice % 3, note.pitch)
        else:
            key = (note.pitch, max(1, round((note.end - note.start) * SAMPLE_RATE)))
            if key not in sounds:
                sounds[key] = _tone(_patch(part, choice), *key)
            sound = sounds[key]
        stop = min(samples, start + sound.shape[1])
        out[:, start:stop] += _loudness(note) * sound[:, : stop - start]
    return out


def _patch(part: Part, choice: int) -> Patch:
    patches = PATCHES["bass"] if part.track == "bass" else PATCHES.get(part.role, PATCHES["chords"])
    return patches[choice % len(patches)]


def _loudness(note: Note) -> np.float32:
    return np.float32(0.25 * (note.velocity / 100) ** 1.6)


def _tone(patch: Patch, pitch: int, gate: int) -> np.ndarray:
    """One note held for ``gate`` samples, then released: (2, samples)."""
    release = round(patch.release * SAMPLE_RATE)
    time = np.arange(gate + release, dtype=np.float32) / SAMPLE_RATE
    level = np.minimum(1, time / patch.attack) * (patch.sustain + (1 - patch.sustain) * np.exp(-time / patch.decay))
    level[gate:] *= np.linspace(1, 0, release, dtype=np.float32) ** 2
    sweep = np.exp(-time / patch.sweep)
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    out = np.empty((2, len(time)), np.float32)
    if patch.detune:
        left, middle, right = (
            _oscillator(patch, hertz * 2 ** (cents / 1200), time, sweep, start)
            for cents, start in ((-patch.detune, 0.13), (0.0, 0.0), (patch.detune, 0.61))
        )
        out[0], out[1] = 0.5 * middle + 0.6 * left, 0.5 * middle + 0.6 * right
    else:
        out[:] = _oscillator(patch, hertz, time, sweep, 0.0)
    if patch.sub:
        out += patch.sub * np.sin(np.float32(np.pi * hertz) * time)
    out *= level
    return out


def _oscillator(patch: Patch, hertz: float, time: np.ndarray, sweep: np.ndarray, start: float) -> np.ndarray:
    cycles = np.arange(len(time)) * (hertz / SAMPLE_RATE) + start
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
    amplitude = (1 / k if wave == "saw" else (k % 2) * 1.3 / k) / (1 + (k / cutoff) ** 4) ** 0.5
    spectrum = np.zeros(_TABLE // 2 + 1, complex)
    spectrum[k] = -0.5j * amplitude * _TABLE * 0.6
    return np.fft.irfft(spectrum).astype(np.float32)


@lru_cache(maxsize=128)
def _drum(kit: int, key: int) -> np.ndarray:
    """One hit of General MIDI drum ``key``: (2, samples) float32. Kits: 0 punchy, 1 boomy, 2 dry."""
    length, punch, tone = (0.9, 1.4, 1.1)[kit], (1.2, 0.7, 1.0)[kit], (1.0, 0.86, 1.12)[kit]
    if key in (35, 36):
        hit = _kick(0.22 * length * (2.2 if kit == 1 else 1), 48 * tone, punch)
    elif key in (38, 40):
        hit = _layer(0.5 * _swept(0.09 * length, 185 * tone, 60, 0.02), _noise(0.07 * length, 1200, 9000, key, 0.9))
    elif key == 39:
        burst = _noise(0.07 * length, 900, 6500, key, 0.5)
        hit = _layer(*(np.pad(burst, (delay, 0)) for delay in (0, 450, 930, 1400, 1400)))
    elif key in (42, 44, 70, 82):
        hit = _noise(0.022 * length, 6500 * tone, 17000, key, 0.6)
    elif key == 46:
        hit = _noise(0.1 * length, 6000 * tone, 17000, key, 0.55)
    elif key in (49, 52, 55, 57):
        hit = _noise(0.45 * length, 3500 * tone, 16000, key, 0.6)
    elif key in (51, 53, 59):
        hit = _layer(_noise(0.22 * length, 5000, 15000, key, 0.3), 0.15 * _swept(0.4, 3150 * tone, 0, 1))
    elif key in (41, 43, 45, 47, 48, 50):
        hit = 0.9 * _swept(0.3 * length, (80 + 14 * (key - 41)) * tone, 40, 0.06)
    elif key == 56:
        hit = 0.4 * (_swept(0.2, 560 * tone, 0, 1) + _swept(0.2, 845 * tone, 0, 1))
    else:  # rim shot, claves, tambourine and the rest: a short bright tick
        hit = _layer(0.5 * _swept(0.05, (900 + 37 * (key % 20)) * tone, 0, 1), _noise(0.05, 3000, 12000, key, 0.4))
    side = (key * 37 % 11 - 5) / 25 if key not in (35, 36, 38, 40) else 0.0
    return np.stack([hit * (1 - side), hit * (1 + side)]).astype(np.float32)


def _kick(decay: float, hertz: float, punch: float) -> np.ndarray:
    body = 1.5 * _swept(decay / 2, hertz, 190 * punch, 0.022)
    return np.tanh(1.3 * _layer(body, _noise(0.004, 1500, 8000, 36, 0.5 * punch)))


def _layer(*sounds: np.ndarray) -> np.ndarray:
    out = np.zeros(max(map(len, sounds)), np.float32)
    for sound in sounds:
        out[: len(sound)] += sound
    return out


def _swept(decay: float, hertz: float, sweep: float, fall: float) -> np.ndarray:
    """A decaying sine that falls from ``hertz + sweep`` to ``hertz`` with time constant ``fall`` (all Hz, seconds)."""
    time = np.arange(round(5 * decay * SAMPLE_RATE)) / SAMPLE_RATE
    cycles = hertz * time + sweep * fall * (1 - np.exp(-time / fall))
    return (np.sin(2 * np.pi * cycles) * np.exp(-time / decay)).astype(np.float32)


def _noise(decay: float, low: float, high: float, seed: int, level: float) -> np.ndarray:
    """Decaying noise between ``low`` and ``high`` Hz, always the same for the same seed; 5 time constants long."""
    samples = round(5 * decay * SAMPLE_RATE)
    noise = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    hertz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    noise *= 1 / ((1 + (low / np.maximum(hertz, 1)) ** 6) * (1 + (hertz / high) ** 6)) ** 0.5
    hit = np.fft.irfft(noise, samples) * np.exp(-np.arange(samples) / (decay * SAMPLE_RATE))
    hit *= level / np.abs(hit).max()
    return np.asarray(hit, np.float32)
