"""A drum machine in numpy: five families of kits, each hit synthesised, every song's kit tuned a little differently."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

SAMPLE_RATE = 44100


@dataclass(frozen=True)
class Kit:
    """``family``: "punchy", "boomy", "tight", "gated", "chip"; the rest multiplies lengths, attacks, pitches, noise."""

    family: str = "punchy"
    length: float = 1.0
    punch: float = 1.0
    tone: float = 1.0
    hiss: float = 1.0


_FAMILIES = {  # where a genre does not say: any but chip
    "trap": ("boomy",),
    "hip-hop": ("boomy", "tight"),
    "r&b": ("boomy", "tight"),
    "house": ("punchy",),
    "techno": ("punchy",),
    "drum and bass": ("tight",),
    "synthwave": ("gated",),
    "chiptune": ("chip",),
    "disco": ("tight", "punchy"),
}


def draw_kit(genre: str | None, rng: np.random.Generator) -> Kit:
    """A kit that suits the genre; any genre's name will do."""
    families = _FAMILIES.get(genre or "", ("punchy", "boomy", "tight", "gated"))
    length, punch, tone, hiss = rng.uniform([0.75, 0.75, 0.87, 0.7], [1.2, 1.35, 1.15, 1.3])
    return Kit(families[rng.integers(len(families))], *(round(float(x), 3) for x in (length, punch, tone, hiss)))


@lru_cache(maxsize=128)
def hit(kit: Kit, key: int) -> np.ndarray:
    """One hit of General MIDI drum ``key``: (2, samples) float32 at 44.1 kHz; it starts on its first sample."""
    sound = _chip_hit(kit, key) if kit.family == "chip" else _hit(kit, key)
    side = (key * 37 % 11 - 5) / 25 if key not in (35, 36, 38, 40) else 0.0
    return np.stack([sound * (1 - side), sound * (1 + side)]).astype(np.float32)


def _hit(kit: Kit, key: int) -> np.ndarray:
    length, tone, hiss = kit.length, kit.tone, kit.hiss
    if key in (35, 36):
        decay = {"boomy": 0.5, "tight": 0.14, "gated": 0.2}.get(kit.family, 0.24) * length
        return _kick(decay, (44 if kit.family == "boomy" else 50) * tone, kit.punch)
    if key in (38, 40):
        return _snare(kit, key)
    if key == 39:
        burst = _noise(0.07 * length, 900, 6500 * tone, key, 0.5)
        return _layer(*(np.pad(burst, (delay, 0)) for delay in (0, 450, 930, 1400, 1400)))
    if key in (42, 44, 70, 82):
        return _layer(_noise(0.022 * length, 6500 * tone, 17000, key, 0.6 * hiss), _ring(0.02 * length, 0.1 * tone))
    if key == 46:
        return _layer(_noise(0.1 * length, 6000 * tone, 17000, key, 0.55 * hiss), _ring(0.08 * length, 0.1 * tone))
    if key in (49, 52, 55, 57):
        return _noise(0.45 * length, 3500 * tone, 16000, key, 0.6 * hiss)
    if key in (51, 53, 59):
        return _layer(_noise(0.22 * length, 5000, 15000, key, 0.3 * hiss), 0.15 * _swept(0.4, 3150 * tone, 0, 1))
    if key in (41, 43, 45, 47, 48, 50):
        return 0.9 * _swept(0.3 * length, (80 + 14 * (key - 41)) * tone, 40, 0.06)
    if key == 56:
        return 0.4 * (_swept(0.2, 560 * tone, 0, 1) + _swept(0.2, 845 * tone, 0, 1))
    # rim shot, claves, tambourine and the rest: a short bright tick
    return _layer(0.5 * _swept(0.05, (900 + 37 * (key % 20)) * tone, 0, 1), _noise(0.05, 3000, 12000, key, 0.4 * hiss))


def _snare(kit: Kit, key: int) -> np.ndarray:
    body, rattle, low = {
        "boomy": (0.06, 0.05, 1800),
        "tight": (0.08, 0.09, 900),
        "gated": (0.12, 0.3, 700),
    }.get(kit.family, (0.09, 0.07, 1200))
    noise = _noise(rattle * kit.length, low, 9000 * kit.tone, key, 0.9 * kit.hiss)
    if kit.family == "gated":  # the room of the eighties, cut off
        gate = round(0.22 * kit.length * SAMPLE_RATE)
        noise = noise[:gate] * np.minimum(1, np.linspace(20, 0, gate, dtype=np.float32))
    return _layer(0.5 * _swept(body * kit.length, 185 * kit.tone, 60 * kit.punch, 0.02), noise)


def _chip_hit(kit: Kit, key: int) -> np.ndarray:
    """The noise channel of an old console, and a falling triangle for kick and toms."""
    if key in (35, 36, 41, 43, 45, 47, 48, 50):
        pitch = (55 if key < 40 else 80 + 14 * (key - 41)) * kit.tone
        return 1.1 * np.arcsin(0.98 * _swept(0.1 * kit.length, pitch, 240 * kit.punch, 0.03)).astype(np.float32)
    period, decay, level = (6, 0.07, 0.8) if key in (38, 39, 40) else (2, 0.02, 0.5)
    if key in (46, 49, 51, 52, 55, 57):
        decay = 0.12 if key == 46 else 0.3
    held = np.repeat(np.random.default_rng(key).choice([-1.0, 1.0], round(5 * decay * SAMPLE_RATE / period)), period)
    steps = np.round(15 * np.exp(-np.arange(len(held)) / (decay * kit.length * SAMPLE_RATE))) / 15
    return (level * kit.hiss * held * steps).astype(np.float32)


def _kick(decay: float, hertz: float, punch: float) -> np.ndarray:
    body = 1.5 * _swept(decay / 2, hertz, 190 * punch, 0.022)
    return np.tanh(1.3 * _layer(body, _noise(0.004, 1500, 8000, 36, 0.5 * punch)))


def _ring(decay: float, level: float) -> np.ndarray:
    """The metal of a hat: six square-ish partials that have nothing to do with each other."""
    time = np.arange(round(5 * decay * SAMPLE_RATE)) / SAMPLE_RATE
    partials = sum(np.sin(2 * np.pi * hertz * time) for hertz in (5120, 6373, 7411, 8219, 9677, 11210))
    return (level / 3 * partials * np.exp(-time / decay)).astype(np.float32)


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
    sound = np.fft.irfft(noise, samples) * np.exp(-np.arange(samples) / (decay * SAMPLE_RATE))
    sound *= level / np.abs(sound).max()
    return np.asarray(sound, np.float32)
