"""Dry voice and instruments → four mixed stems: levels, panning, equaliser, compression, room.

The mix *is* the sum of the stems: everything after the sum (loudness, fade) is one gain curve that all stems share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.signal import oaconvolve

from ..score import TRACKS, Score
from .instruments import sample_count
from .synthesizer import SAMPLE_RATE
from .tools import MissingToolError

LEVELS = {  # RMS of the active stretches, dBFS before mastering
    "vocals": -15.5,
    "drums": -19.0,
    "bass": -20.0,
    "chords": -23.0,
    "arpeggio": -26.0,
    "pad": -28.0,
    "lead": -27.0,
}
GENRE_LEVELS: dict[str, dict[str, float]] = {  # decibels on top of LEVELS
    "rock": {"drums": 1.5, "chords": 2.0, "bass": 0.5},
    "metal": {"drums": 2.0, "chords": 3.0, "bass": 1.0},
    "punk": {"drums": 2.0, "chords": 2.5, "bass": 1.0},
    "house": {"drums": 2.0, "bass": 1.5, "vocals": -0.5},
    "hip-hop": {"drums": 2.0, "bass": 2.5, "chords": -1.5},
    "funk": {"drums": 1.0, "bass": 2.0},
    "reggae": {"bass": 2.5, "chords": -0.5},
    "synthwave": {"drums": 1.0, "bass": 1.0, "pad": 2.0, "arpeggio": 1.0},
    "lo-fi": {"vocals": -1.0, "drums": 0.5},
    "folk": {"drums": -4.0, "bass": -2.0, "chords": 1.5, "arpeggio": 3.0},
    "country": {"drums": -1.0, "chords": 1.0},
    "bossa nova": {"drums": -3.0, "chords": 1.5},
    "jazz": {"drums": -3.5, "bass": 0.5, "chords": 0.5},
    "waltz": {"drums": -4.0, "chords": 1.0},
    "ballad": {"drums": -3.0, "bass": -1.5, "pad": 1.5, "arpeggio": 3.0},
    "ambient": {"drums": -6.0, "bass": -2.0, "pad": 4.0, "arpeggio": 2.0},
}
ROOMS = {  # decay to −60 dB in seconds; elsewhere 1.5
    "ballad": 2.4,
    "ambient": 3.0,
    "synthwave": 2.0,
    "folk": 1.1,
    "hip-hop": 0.9,
    "funk": 0.9,
    "punk": 0.8,
    "rock": 1.2,
}
PAN = {"chords": 0.25, "arpeggio": -0.4, "lead": -0.2}  # −1 left … 1 right; one song in two is mirrored
MIX_LEVEL, PEAK, FADE = -13.5, 0.94, 0.06  # active RMS of the mix (dBFS), highest sample, seconds of fade at the end


def mix_song(
    score: Score, vocals: np.ndarray, instruments: Sequence[np.ndarray], *, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Mix a dry voice and the dry instruments of :func:`.instruments.render_each`.

    Args:
        score: says genre, tempo and the role of every instrument.
        vocals: mono (samples,) float32 at 44.1 kHz; zeros for an instrumental.
        instruments: one (2, samples) waveform for every entry of ``score.parts``.
        rng: varies levels (± 1.5 dB), the room, the amounts of reverb and echo, and which side an instrument stands on.

    Returns: the stems of :data:`songdiff.score.TRACKS`, each (2, samples) float32; the mix is their sum, its highest
        sample is at most 0.94. Raises ValueError where a length is not the score's.
    """
    samples = sample_count(score)
    for name, waveform in [("vocals", vocals), *((f"instrument {i}", x) for i, x in enumerate(instruments))]:
        if waveform.shape[-1] != samples:
            raise ValueError(f"{name} has {waveform.shape[-1]} samples; the score's {score.duration:g} s are {samples}")
    genre, mirror = score.genre or "", rng.choice([-1.0, 1.0])
    seconds = ROOMS.get(genre, 1.5) * rng.uniform(0.8, 1.25)
    room = _room(seconds, 0.0, rng)
    echo = _room(seconds, 0.75 * 60 / (score.tempo or 110), rng)

    stems = {track: np.zeros((2, samples), np.float32) for track in TRACKS}
    stems["vocals"] += np.asarray(vocals, np.float32)
    for part, dry in zip(score.parts or [], instruments, strict=True):
        role = part.track if part.track != "other" else part.role
        stems[part.track] += _at_level(_panned(dry, mirror * PAN.get(role, 0.0)), _level(role, genre, rng))
    for track, stem in stems.items():
        if stem.any():
            wet = _effects(track)(_at_level(stem, -18.0) if track != "other" else stem, SAMPLE_RATE)
            stems[track] = _at_level(wet, _level(track, genre, rng)) if track != "other" else wet
    stems["drums"] = _soft_clip(stems["drums"], 0.7)
    _add_room(stems["vocals"], echo, -13 + rng.uniform(-4, 3))
    _add_room(stems["other"], room, -14 + rng.uniform(-4, 3))
    _add_room(stems["drums"], room[:, : round(0.4 * SAMPLE_RATE)], -20 + rng.uniform(-4, 4))
    return _mastered(stems)


def active_level(waveform: np.ndarray) -> float:
    """RMS in dBFS over the 50 ms frames within 30 dB of the loudest one; −inf for silence. (channels, samples)."""
    frame = SAMPLE_RATE // 20
    whole = waveform[..., : waveform.shape[-1] // frame * frame]
    power: np.ndarray = np.square(whole).reshape(whole.shape[0], -1, frame).mean(axis=(0, 2), dtype=np.float64)
    if not power.size or power.max() <= 0:
        return float("-inf")
    return float(10 * np.log10(power[power > power.max() / 1000].mean()))


def _level(role: str, genre: str, rng: np.random.Generator) -> float:
    jitter = rng.uniform(-1.5, 1.5)
    return LEVELS.get(role, LEVELS["chords"]) + GENRE_LEVELS.get(genre, {}).get(role, 0.0) + jitter


def _at_level(waveform: np.ndarray, decibels: float) -> np.ndarray:
    now = active_level(waveform)
    return waveform if now == float("-inf") else waveform * np.float32(10 ** ((decibels - now) / 20))


def _panned(waveform: np.ndarray, place: float) -> np.ndarray:
    """Balance of a stereo source: constant power for −1 … 1."""
    angle = (place + 1) * np.pi / 4
    return waveform * np.array([[np.cos(angle)], [np.sin(angle)]], np.float32) * np.float32(2**0.5)


def _effects(track: str) -> Any:
    """The pedalboard chain of a track: gentle equaliser and compression. Raises :class:`MissingToolError`."""
    try:
        import pedalboard as pb  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise MissingToolError("pedalboard", "pip install pedalboard") from None
    chains: dict[str, list[Any]] = {
        "vocals": [
            pb.HighpassFilter(90),
            pb.PeakFilter(300, -1.5, 0.8),
            pb.Compressor(threshold_db=-24, ratio=3, attack_ms=4, release_ms=90),
            pb.HighShelfFilter(6500, 2.0),
        ],
        "drums": [pb.HighpassFilter(28), pb.Compressor(threshold_db=-16, ratio=2.5, attack_ms=12, release_ms=110)],
        "bass": [pb.HighpassFilter(32), pb.Compressor(threshold_db=-24, ratio=3, attack_ms=12, release_ms=140)],
        "other": [pb.HighpassFilter(110), pb.PeakFilter(2500, -1.5, 0.7)],  # room for bass and words
    }
    return pb.Pedalboard(chains[track])  # type: ignore[attr-defined, unused-ignore]


def _room(seconds: float, echo: float, rng: np.random.Generator) -> np.ndarray:
    """An impulse response, (2, samples): decaying noise after 18 ms, and two repeats ``echo`` seconds apart."""
    samples = round((seconds + 2 * echo) * SAMPLE_RATE)
    time = np.arange(samples, dtype=np.float32) / SAMPLE_RATE
    noise = rng.standard_normal((2, samples), np.float32)
    dark = noise + np.roll(noise, 1, 1) + np.roll(noise, 2, 1)
    fade = np.exp(-6.9 * time / seconds)
    response: np.ndarray = (dark * fade + 0.5 * noise * fade**2) * np.minimum(1, np.maximum(0, time - 0.018) / 0.01)
    response /= np.sqrt(np.square(response).sum() / 2)
    if echo:
        for repeat, level in ((1, 0.45), (2, 0.2)):
            response[:, round(repeat * echo * SAMPLE_RATE)] += level
    return response


def _add_room(stem: np.ndarray, response: np.ndarray, decibels: float) -> None:
    """Add the stem's own reverberation to it, in place, ``decibels`` under the dry sound."""
    if stem.any():
        wet = oaconvolve(stem, response, axes=1)[:, : stem.shape[1]]
        stem += np.float32(10 ** (decibels / 20)) * wet.astype(np.float32)


def _soft_clip(waveform: np.ndarray, ceiling: float) -> np.ndarray:
    return np.float32(ceiling) * np.tanh(waveform / np.float32(ceiling))


def _mastered(stems: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    mix = np.sum(list(stems.values()), axis=0)
    peak = max(float(np.abs(waveform).max(initial=0.0)) for waveform in (mix, *stems.values()))
    if peak == 0:
        return stems
    gain = min(10 ** ((MIX_LEVEL - active_level(mix)) / 20), PEAK / peak)
    curve = np.full(mix.shape[1], gain, np.float32)
    fade = min(len(curve), round(FADE * SAMPLE_RATE))
    curve[len(curve) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return {track: waveform * curve for track, waveform in stems.items()}
