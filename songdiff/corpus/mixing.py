"""Dry voices and instruments → four mixed stems: levels, places, equaliser, compression, saturation, room, echo.

The mix *is* the sum of the stems: everything after the sum (glue compression, loudness, limiter, fade) is one gain
curve that all stems share. What differs between genres and productions is data of production.py. Effects delay
nothing: notes and phonemes stay where the score has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d
from scipy.signal import lfilter, oaconvolve

from ..score import TRACKS, Level, Part, Score
from .instruments import sample_count
from .production import (
    BACKING,
    GENRE_MIXES,
    LEVELS,
    PAN,
    PRODUCTIONS,
    SEND,
    GenreMix,
    Production,
    choose_production,
)
from .synthesizer import SAMPLE_RATE
from .tools import MissingToolError

MIX_LEVEL, PEAK, FADE = -13.5, 0.94, 0.06  # active RMS of the mix (dBFS), highest sample, seconds of fade at the end
SILENT_AFTER = 3.0  # seconds without a note after which a track is silent: tails are faded out by then
_LIMIT = 6.0  # dB that the limiter may take from peaks; beyond it the mix gets quieter instead
_BLOCK = 64  # samples a step of gain curves
_AMPLIFIED = ("overdriven guitar", "distorted guitar")


def mix_song(
    score: Score,
    vocals: np.ndarray,
    instruments: Sequence[np.ndarray],
    *,
    backing: np.ndarray | None = None,
    production: str | None = None,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Mix a dry voice and the dry instruments of :func:`.instruments.render_each`.

    Args:
        score: says genre, tempo, the role of every instrument, planned dynamics, and where a track rests.
        vocals: mono (samples,) float32 at 44.1 kHz; zeros for an instrumental.
        instruments: one (2, samples) waveform for every entry of ``score.parts``.
        backing: backing vocals, (2, samples) float32 at any level: they end up 8 dB under the lead, in its stem.
        production: one of :data:`.production.PRODUCTIONS`; None draws one that suits the genre.
        rng: varies levels (± 1.5 dB), places, colours, the room, and the amounts of reverb and echo.

    Returns: the stems of :data:`songdiff.score.TRACKS`, each (2, samples) float32; the mix is their sum. No sample of
        the mix or of a stem is above 0.94, and a track is exactly zero from 3 s after its last note to its next one.
        Raises ValueError where a length is not the score's or the production is unknown.
    """
    samples = sample_count(score)
    waveforms = [("vocals", vocals), *((f"instrument {i}", x) for i, x in enumerate(instruments))]
    for name, waveform in [*waveforms, *([("backing", backing)] if backing is not None else [])]:
        if waveform.shape[-1] != samples:
            raise ValueError(f"{name} has {waveform.shape[-1]} samples; the score's {score.duration:g} s are {samples}")
    style = GENRE_MIXES.get(score.genre or "", GenreMix())
    production = production or choose_production(score.genre, rng)
    if production not in PRODUCTIONS:
        raise ValueError(f"unknown production {production!r}; there are {', '.join(PRODUCTIONS)}")
    sound = PRODUCTIONS[production]

    stems = {track: np.zeros((2, samples), np.float32) for track in TRACKS}
    stems["vocals"] += _voices(vocals, backing, LEVELS["vocals"] + style.levels.get("vocals", 0.0), rng)
    stems["other"], send = _other(score, instruments, style, sound, rng)
    for track in ("drums", "bass"):
        for part, dry in zip(score.parts or [], instruments, strict=True):
            if part.track == track:
                stems[track] += dry
        stems[track] = _bus(track, stems[track], style, sound, rng)
    curves = {track: _planned((score.dynamics or {}).get(track), samples) for track in stems}  # type: ignore[call-overload]
    for track, curve in curves.items():
        if curve is not None:
            stems[track] *= curve
            send *= curve if track == "other" else np.float32(1)

    seconds = style.room * sound.room * rng.uniform(0.8, 1.25)
    repeats = 0.1 if style.repeats == 0 else style.repeats * 60 / (score.tempo or 110)
    plate = _room(seconds, rng.uniform(0.02, 0.04), rng)
    room = _room(seconds, rng.uniform(0.008, 0.02), rng)
    _add_repeats(plate, repeats, sound.echo + rng.uniform(-5, 2))
    _add_room(stems["vocals"], stems["vocals"], plate, -15 + 0.7 * sound.wet + rng.uniform(-3, 2))
    _add_room(stems["other"], send, room, -14 + sound.wet + rng.uniform(-4, 3))
    short = room[:, : round(0.4 * sound.room * SAMPLE_RATE)]
    _add_room(stems["drums"], stems["drums"], short, -20 + 1.2 * sound.wet + rng.uniform(-4, 4))
    for track, stem in stems.items():
        _rest(stem, _sounding(score, track))
    return _mastered(stems, MIX_LEVEL + style.loudness, sound.glue)


def active_level(waveform: np.ndarray) -> float:
    """RMS in dBFS over the 50 ms frames within 30 dB of the loudest one; −inf for silence. (channels, samples)."""
    frame = SAMPLE_RATE // 20
    whole = waveform[..., : waveform.shape[-1] // frame * frame]
    power: np.ndarray = np.square(whole).reshape(whole.shape[0], -1, frame).mean(axis=(0, 2), dtype=np.float64)
    if not power.size or power.max() <= 0:
        return float("-inf")
    return float(10 * np.log10(power[power > power.max() / 1000].mean()))


# --- tracks -----------------------------------------------------------------------------------------------------------


def _voices(lead: np.ndarray, backing: np.ndarray | None, level: float, rng: np.random.Generator) -> np.ndarray:
    """Lead and backing at their levels, (1 or 2, samples). Parallel compression lifts what is soft: consonants."""
    pb = _pedalboard()
    softer = float(np.clip((active_level(lead[None]) + 20) / 2, -2.5, 1.5))  # half of what the singer's style means
    tilt, level = rng.uniform(-1.5, 1.5), level + softer + rng.uniform(-1.5, 1.5)
    squeezed = pb.Pedalboard([pb.Compressor(threshold_db=-34, ratio=6, attack_ms=2, release_ms=70), pb.Gain(8)])
    chain = [
        pb.HighpassFilter(90),
        pb.PeakFilter(300, -1.5 - tilt, 0.8),
        pb.Mix([pb.Gain(-3), squeezed]),
        pb.HighShelfFilter(6500, 2.0 + tilt),
    ]
    voices = _at_level(_through(chain, _at_level(lead[None].astype(np.float32), -18.0)), level)
    if backing is not None and backing.any():
        chain = [
            pb.HighpassFilter(160),
            pb.Compressor(threshold_db=-24, ratio=4, attack_ms=3, release_ms=90),
            pb.PeakFilter(3000, -2.0, 0.7),  # room for the lead's words
        ]
        behind = _through(chain, _at_level(backing.astype(np.float32), -18.0))
        voices = voices + _at_level(behind, level + BACKING + rng.uniform(-1, 1))
    return voices


def _other(
    score: Score, instruments: Sequence[np.ndarray], style: GenreMix, sound: Production, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The stem of chords, pads and leads, and what of it goes to the room: each (2, samples)."""
    stem = np.zeros((2, sample_count(score)), np.float32)
    send = stem.copy()
    side, duck = rng.choice([-1.0, 1.0]), _ducking(score, style.duck)
    for part, dry in zip(score.parts or [], instruments, strict=True):
        if part.track != "other" or not dry.any():
            continue
        place = side * min(0.9, PAN.get(part.role, 0.0) * sound.width * rng.uniform(0.7, 1.3))
        side = -side if part.role in PAN else side
        level = LEVELS.get(part.role, LEVELS["chords"]) + style.levels.get(part.role, 0.0) + rng.uniform(-1.5, 1.5)
        voice = _at_level(_panned(_through(_colour(part, sound, rng), _at_level(dry, -18.0)), place), level)
        if duck is not None and part.role in ("chords", "pad"):
            voice = voice * duck
        stem += voice
        send += voice * np.float32(10 ** (SEND.get(part.role, 0.0) / 20))
    return stem, send


def _colour(part: Part, sound: Production, rng: np.random.Generator) -> list[Any]:
    """The effects of one instrument: room for bass and words, a tilt of its own, an amplifier, a chorus."""
    pb = _pedalboard()
    chain: list[Any] = [
        pb.HighpassFilter(180 if part.role in ("pad", "lead") else 110),
        pb.PeakFilter(2500, rng.uniform(-3.0, 0.0), 0.7),
        pb.HighShelfFilter(4000, rng.uniform(-3.0, 3.0)),
    ]
    chorus, drive = rng.random() < 0.4, rng.uniform(4.0, 11.0)
    if part.instrument in _AMPLIFIED:
        chain += [pb.Distortion(drive), pb.LowpassFilter(5500), pb.Gain(-drive / 2)]
    elif chorus and (part.role == "pad" or part.instrument in ("electric piano", "electric guitar", "synth")):
        chain.append(pb.Chorus(rate_hz=rng.uniform(0.3, 1.0), depth=0.15, centre_delay_ms=7.0, mix=0.3))
    if sound.ceiling < 20000:
        chain.append(pb.LowpassFilter(sound.ceiling * rng.uniform(0.8, 1.2)))
    return chain


def _bus(track: str, dry: np.ndarray, style: GenreMix, sound: Production, rng: np.random.Generator) -> np.ndarray:
    """Drums or bass through equaliser, compressor and saturation, at its level."""
    if not dry.any():
        return dry
    pb = _pedalboard()
    chain: list[Any]
    if track == "drums":
        chain = [
            pb.HighpassFilter(28),
            pb.LowShelfFilter(90, rng.uniform(-1.5, 2.0)),
            pb.HighShelfFilter(7000, rng.uniform(-2.5, 2.0)),
            pb.Compressor(threshold_db=-16, ratio=2.5, attack_ms=12, release_ms=110),
        ]
    else:
        chain = [
            pb.HighpassFilter(32),
            pb.PeakFilter(800, rng.uniform(-2.0, 2.5), 0.7),
            pb.Compressor(threshold_db=-24, ratio=3, attack_ms=12, release_ms=140),
        ]
    if sound.ceiling < 20000:
        chain.append(pb.LowpassFilter(1.2 * sound.ceiling))
    wet = _through(chain, _at_level(dry, -18.0))
    wet = _soft_clip(wet, 0.8 * 10 ** (-(style.drive + sound.drive + rng.uniform(-1, 1)) / 20))
    return _at_level(wet, LEVELS[track] + style.levels.get(track, 0.0) + rng.uniform(-1.5, 1.5))


def _pedalboard() -> Any:
    """The package of effects. Raises :class:`MissingToolError`."""
    try:
        import pedalboard  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise MissingToolError("pedalboard", "pip install pedalboard") from None
    return pedalboard


def _through(chain: list[Any], waveform: np.ndarray) -> np.ndarray:
    wet: np.ndarray = _pedalboard().Pedalboard(chain)(waveform, SAMPLE_RATE)
    return wet


def _at_level(waveform: np.ndarray, decibels: float) -> np.ndarray:
    now = active_level(waveform)
    return waveform if now == float("-inf") else waveform * np.float32(10 ** ((decibels - now) / 20))


def _panned(waveform: np.ndarray, place: float) -> np.ndarray:
    """Balance of a stereo source: constant power for −1 … 1."""
    angle = (place + 1) * np.pi / 4
    return waveform * np.array([[np.cos(angle)], [np.sin(angle)]], np.float32) * np.float32(2**0.5)


def _soft_clip(waveform: np.ndarray, ceiling: float) -> np.ndarray:
    return np.float32(ceiling) * np.tanh(waveform / np.float32(ceiling))


# --- gain curves ------------------------------------------------------------------------------------------------------


def _stretched(gains: np.ndarray, samples: int) -> np.ndarray:
    """Gains at the centres of blocks → one a sample, linear between them."""
    centres = (np.arange(len(gains)) + 0.5) * _BLOCK
    return np.interp(np.arange(samples), centres, gains).astype(np.float32)


def _block_times(samples: int) -> np.ndarray:
    return (np.arange(-(-samples // _BLOCK)) + 0.5) * (_BLOCK / SAMPLE_RATE)


def _planned(levels: list[Level] | None, samples: int) -> np.ndarray | None:
    """The gain curve (samples,) of planned dynamics: linear in decibels between its points, level outside them."""
    if not levels:
        return None
    levels = sorted(levels, key=lambda level: level.time)
    decibels = np.interp(_block_times(samples), [x.time for x in levels], [x.decibels for x in levels])
    return _stretched(10 ** (decibels / 20), samples)


def _ducking(score: Score, depth: float) -> np.ndarray | None:
    """The gain curve (samples,) that dips ``depth`` dB at every kick and is back within a third of a second."""
    kicks = [n.start for p in score.parts or [] if p.track == "drums" for n in p.notes if n.pitch in (35, 36)]
    if depth <= 0 or not kicks:
        return None
    samples = sample_count(score)
    times, kicks = _block_times(samples), sorted(kicks)
    since = times - np.array([-10.0, *kicks])[np.searchsorted(kicks, times, side="right")]
    return _stretched(10 ** (-depth * np.exp(-since / 0.11) * np.minimum(1, since / 0.006) / 20), samples)


def _sounding(score: Score, track: str) -> list[tuple[float, float]] | None:
    """(start, end) in seconds of everything the track plays or sings; None where unknown."""
    notes = score.track_notes(track)
    if notes is None:
        return None
    spans = [(note.start, note.end) for note in notes]
    if track == "vocals":
        spans += [(phoneme.start - 0.7, phoneme.end) for phoneme in score.phonemes or []]  # 0.7 s: drawing breath
        spans += [(note.start, note.end) for voice in score.backing or [] for note in voice.notes]
    return spans


def _rest(stem: np.ndarray, spans: list[tuple[float, float]] | None) -> None:
    """Fade tails out, in place, within :data:`SILENT_AFTER` of the last note where a track rests longer than that."""
    if spans is None:
        return
    end = stem.shape[1] / SAMPLE_RATE
    last = -SILENT_AFTER
    for start, stop in [*sorted(spans), (end + 1.0, end + 1.0)]:
        if start - last > SILENT_AFTER:
            times = (last + SILENT_AFTER, last + 2.0, start - 0.01)
            quiet, fade, back = (max(0, round(time * SAMPLE_RATE)) for time in times)
            slope = np.cos(np.linspace(0, np.pi / 2, max(0, quiet - fade), dtype=np.float32)) ** 2
            stem[:, fade:quiet] *= slope[: max(0, stem.shape[1] - fade)]
            stem[:, quiet:back] = 0
        last = max(last, stop)


# --- space ------------------------------------------------------------------------------------------------------------


def _room(seconds: float, delay: float, rng: np.random.Generator) -> np.ndarray:
    """An impulse response of unit energy, (2, samples): early reflections, then noise that darkens as it decays."""
    samples = round((delay + seconds) * SAMPLE_RATE)
    time = np.arange(samples, dtype=np.float32) / SAMPLE_RATE - np.float32(delay)
    noise = rng.standard_normal((2, samples), np.float32)
    dark = noise + np.roll(noise, 1, 1) + np.roll(noise, 2, 1)
    fade = np.exp(-6.9 * np.maximum(time, 0) / seconds)
    response: np.ndarray = (dark * fade + rng.uniform(0.2, 0.8) * noise * fade**2) * np.clip(time / 0.01, 0, 1)
    for side in range(2):
        for reflection in rng.uniform(0.4 * delay, delay + 0.03, 5):
            response[side, round(reflection * SAMPLE_RATE) % samples] += rng.uniform(3, 9) * rng.choice([-1, 1])
    response /= np.sqrt(np.square(response).sum() / 2)
    return response


def _add_repeats(response: np.ndarray, seconds: float, decibels: float) -> None:
    """Two softer repeats of the direct sound, one to each side, in place; those beyond the response fall away."""
    for repeat, level in ((1, 0.4), (2, 0.2)):
        place = round(repeat * seconds * SAMPLE_RATE)
        if place < response.shape[1]:
            gains = (1.0, 0.5) if repeat == 1 else (0.5, 1.0)
            response[:, place] += np.array(gains, np.float32) * np.float32(level * 10 ** (decibels / 20))


def _add_room(stem: np.ndarray, send: np.ndarray, response: np.ndarray, decibels: float) -> None:
    """Add the reverberation of ``send`` to the stem, in place, ``decibels`` under the dry sound."""
    if send.any():
        wet = oaconvolve(send, response, axes=1)[:, : stem.shape[1]]
        stem += np.float32(10 ** (decibels / 20)) * wet.astype(np.float32)


# --- mastering --------------------------------------------------------------------------------------------------------


def _mastered(stems: dict[str, np.ndarray], level: float, glue: float) -> dict[str, np.ndarray]:
    """The stems under one gain curve: bus compression, loudness, a look-ahead limiter, the fade at the end."""
    mix = np.sum(list(stems.values()), axis=0)
    if not mix.any():
        return stems
    samples = mix.shape[1]
    peaks = np.max([_block_peaks(waveform) for waveform in (mix, *stems.values())], axis=0)
    curve = _glue(mix, glue) * 10 ** ((level + 1.0 - active_level(mix)) / 20)  # + 1: what gluing takes
    curve *= min(1.0, PEAK * 10 ** (_LIMIT / 20) / float((peaks * curve).max()))
    curve *= _limiter(peaks * maximum_filter1d(curve, 3))
    gains = _stretched(curve, samples)
    fade = min(samples, round(FADE * SAMPLE_RATE))
    gains[samples - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return {track: waveform * gains for track, waveform in stems.items()}


def _block_peaks(waveform: np.ndarray) -> np.ndarray:
    highest = np.abs(waveform).max(axis=0)
    return np.pad(highest, (0, -len(highest) % _BLOCK)).reshape(-1, _BLOCK).max(axis=1)


def _glue(mix: np.ndarray, most: float) -> np.ndarray:
    """Gains (blocks,) of a slow compressor, 2:1 above the mix's usual level, that takes ``most`` dB at most."""
    power = np.square(mix).mean(axis=0)
    power = np.pad(power, (0, -len(power) % _BLOCK)).reshape(-1, _BLOCK).mean(axis=1)
    pole = np.exp(-_BLOCK / SAMPLE_RATE / 0.12)
    over = 10 * np.log10(np.maximum(lfilter([1 - pole], [1, -pole], power), 1e-9)) - active_level(mix)
    gains: np.ndarray = 10 ** (-np.clip(over / 2 + 1, 0, most) / 20)
    return gains


def _limiter(peaks: np.ndarray) -> np.ndarray:
    """Gains (blocks,), smooth over 12 ms, that keep every block of peaks and its neighbours under :data:`PEAK`."""
    reach = 4
    needed = np.minimum(1.0, PEAK / np.maximum(peaks, 1e-9))
    lowest = minimum_filter1d(needed, 2 * (reach + 1) + 1)
    window = np.hanning(2 * reach + 3)[1:-1]
    smooth: np.ndarray = np.convolve(np.pad(lowest, reach, mode="edge"), window / window.sum(), mode="valid")
    return smooth
