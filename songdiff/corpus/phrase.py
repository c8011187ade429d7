"""One sung phrase: words, spoken once, analysed and laid on notes by the WORLD vocoder (Morise et al., 2016).

A word is analysed into envelope and aperiodicity; its phones are stretched onto the phonemes of the Score and given the
pitch of the melody. It knows a voice and its manner; the song around the phrase is :mod:`.singer`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyworld
from scipy.signal import butter, sosfiltfilt

from ..lyrics.phonemes import VOWELS
from ..score.score import Note, Phoneme
from .speech import STOPS, Engine, Phone
from .voices import Manner, Voice

SAMPLE_RATE = 44100
HOP = 220  # samples: an integer, so that labels in seconds never drift
_PERIOD = 1000 * HOP / SAMPLE_RATE  # ms
_FFT = 2048
_BIN = SAMPLE_RATE / _FFT  # Hz
_FREQUENCIES = np.arange(_FFT // 2 + 1) * _BIN
_NO_RUMBLE = (8 * np.log(np.clip(_FREQUENCIES / 300, 0.1, 1))).astype(np.float32)  # log power, below 300 Hz

_VOWELS = frozenset(VOWELS)
_GLIDING = frozenset(["eɪ", "aɪ", "ɔɪ", "aʊ", "oʊ"])
_HISSING = frozenset(["f", "θ", "s", "z", "ʃ", "ʒ", "tʃ", "dʒ", "ts", "dz", "ɕ", "tɕ", "tsʰ", "tɕʰ", "ʂ", "tʂ", "tʂʰ"])
_UNVOICED = (_HISSING - {"z", "ʒ", "dʒ", "dz"}) | {"p", "t", "k", "h", "x", "ç", "pʰ", "tʰ", "kʰ", "ɸ"}

_WORD_FRAME = 0.005  # seconds between the frames of an analysed word
_VOWEL_NOISE = -7.0  # dB: the most aperiodicity that a vowel has at 3 kHz (and 6) before the voice's breath
_MARGIN = 0.03  # seconds of speech kept around a word
_TAIL = 0.03  # seconds that a phrase may ring after its last phoneme, and come before its first
_HIGH_PASS = butter(2, 65, "high", fs=SAMPLE_RATE, output="sos")  # WORLD thumps where voicing begins and ends
_DECIBEL = np.log(10) / 10  # as natural log of power
_SILENT = -20.0  # natural log of power: −87 dB


# --- words ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sound:
    """An analysed word: log power (frames, bins of ``_BIN`` Hz) and aperiodicity in dB (frames, bands)."""

    envelope: np.ndarray
    aperiodicity: np.ndarray
    bands: np.ndarray  # Hz
    phones: tuple[Phone, ...]  # times count from frame 0


@dataclass(frozen=True)
class SungWord:
    sound: Sound
    phonemes: tuple[Phoneme, ...]

    @property
    def start(self) -> float:
        return self.phonemes[0].start

    @property
    def end(self) -> float:
        return self.phonemes[-1].end


@lru_cache(maxsize=2048)  # about 80 KB a word
def analyse(engine: Engine, word: str) -> Sound:
    speech = engine.speak(word)
    if not speech.phones:
        return Sound(np.zeros((1, 2), np.float16), np.zeros((1, 2)), np.zeros(2), ())
    rate = speech.sample_rate
    begin = max(speech.phones[0].start - _MARGIN, 0.0)
    samples = speech.waveform[round(begin * rate) : round((speech.phones[-1].end + _MARGIN) * rate)]
    begin = round(begin * rate) / rate
    phones = tuple(phone._replace(start=phone.start - begin, end=phone.end - begin) for phone in speech.phones)

    samples = np.ascontiguousarray(samples)
    f0, times = pyworld.dio(samples, rate, f0_floor=60, f0_ceil=400, frame_period=1000 * _WORD_FRAME)
    f0 = _filled(pyworld.stonemask(samples, f0, times, rate), times, phones)
    power = pyworld.cheaptrick(samples, f0, times, rate)
    size = 2 * (power.shape[1] - 1)
    coded = pyworld.code_aperiodicity(pyworld.d4c(samples, f0, times, rate, threshold=0.0, fft_size=size), rate)

    ends = np.full((len(coded), 1), -60.0), np.zeros((len(coded), 1))
    aperiodicity = np.hstack([ends[0], np.minimum(coded, 0.0), ends[1]])
    for phone in phones:  # D4C is unsure of short vowels and the edges of others; a held vowel must not turn into noise
        inside = (times >= phone.start) & (times < phone.end)
        if phone.symbol in _VOWELS and inside.any():
            aperiodicity[inside, 1:-1] = np.minimum(np.median(aperiodicity[inside, 1:-1], axis=0), _VOWEL_NOISE)
    bands = np.append(np.arange(aperiodicity.shape[1] - 1) * 3000.0, rate / 2)

    bins = np.arange(int(rate / 2 / _BIN) + 1) * _BIN * size / rate
    below = np.minimum(bins.astype(int), power.shape[1] - 2)
    log_power = np.log(np.maximum(power, 1e-12))
    envelope = log_power[:, below] + (bins - below) * (log_power[:, below + 1] - log_power[:, below])
    return Sound(envelope.astype(np.float16), aperiodicity, bands, phones)


def _filled(f0: np.ndarray, times: np.ndarray, phones: tuple[Phone, ...]) -> np.ndarray:
    """Pitch wherever a voiced phone is said (the phones are known; the pitch tracker loses some), 0 elsewhere."""
    heard = f0 > 0
    full = np.interp(times, times[heard], f0[heard]) if heard.any() else np.full(len(f0), 140.0)
    voiced = np.zeros(len(f0), bool)
    for phone in phones:
        if phone.symbol not in _UNVOICED:
            voiced |= (times >= phone.start) & (times < phone.end)
    return np.where(voiced, full, 0.0)


# --- phrases ----------------------------------------------------------------------------------------------------------


def sing_phrase(
    words: list[SungWord], notes: list[Note], voice: Voice, manner: Manner, detune: float, rng: np.random.Generator
) -> tuple[int, np.ndarray]:
    """One phrase: (the sample of the song where it starts, its waveform)."""
    first = int((words[0].start - _TAIL) * SAMPLE_RATE // HOP)
    last = int((max(word.end for word in words) + _TAIL) * SAMPLE_RATE // HOP) + 1
    times = np.arange(first, last) * HOP / SAMPLE_RATE

    voiced = np.zeros(len(times), bool)
    sung = np.zeros(len(times), bool)
    gain = np.zeros(len(times))  # natural log of power
    envelope = np.full((len(times), len(_FREQUENCIES)), -20.0, np.float32)
    aperiodicity = np.ones_like(envelope)
    for before, word, after in zip([None, *words[:-1]], words, [*words[1:], None], strict=True):
        span = slice(*np.searchsorted(times, [word.start, word.end]))
        here = times[span]
        if not len(here):
            continue
        position = _source_positions(word, here, rng) / _WORD_FRAME
        envelope[span], aperiodicity[span] = _spectra(word, here, position, voice, manner.crisp)
        gain[span] = _levels(word, here, position)
        gain[span] += _fade(here - word.start, 0.012 if before and before.end > word.start - 0.01 else manner.onset)
        gain[span] += _fade(word.end - here, 0.012 if after and after.start < word.end + 0.01 else 0.04)
        for phoneme in word.phonemes:
            inside = slice(*np.searchsorted(times, [phoneme.start, phoneme.end]))
            sung[inside] = True
            voiced[inside] = phoneme.symbol not in _UNVOICED
    gain[~sung] = _SILENT
    loudness = np.log(np.exp(envelope).mean(axis=1)) + gain
    if voiced.any():  # where a vowel rings on into a consonant, noise must not burst out at its level
        limit = np.quantile(loudness[voiced], 0.8) - 2.0 + 0.5 * manner.crisp * _DECIBEL
        gain -= np.where(voiced, 0.0, np.maximum(loudness - limit, 0))
    gain += _dynamics(times, words, notes, rng)

    f0 = np.where(voiced, _pitch(times, words[0], notes, voice, manner.fall, detune, rng), 0.0)
    power = np.exp(envelope.astype(np.float64) + gain[:, None])
    waveform = pyworld.synthesize(f0, power, aperiodicity.astype(np.float64), SAMPLE_RATE, _PERIOD)
    waveform = sosfiltfilt(_HIGH_PASS, waveform)
    ramp = round(_TAIL * SAMPLE_RATE)
    rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(ramp) / ramp)
    waveform[:ramp] *= rise
    waveform[-ramp:] *= rise[::-1]
    return first * HOP, waveform


def _fade(distance: np.ndarray, seconds: float) -> np.ndarray:
    """Log power of a raised-cosine fade over the first ``seconds``."""
    inside = np.clip((distance + HOP / SAMPLE_RATE) / (seconds + HOP / SAMPLE_RATE), 0.02, 1)
    return np.asarray(2 * np.log(np.sin(np.pi / 2 * inside)))


def _source_positions(word: SungWord, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Where in the spoken word, in seconds, each moment of the sung word comes from."""
    starts, said = [phoneme.start for phoneme in word.phonemes], [phone.start for phone in word.sound.phones]
    position = np.interp(times, starts, said)
    for phoneme, phone in zip(word.phonemes, word.sound.phones, strict=True):
        span = slice(*np.searchsorted(times, [phoneme.start, phoneme.end]))
        target, source = _knots(phone.symbol, phoneme.end - phoneme.start, phone.end - phone.start)
        here = times[span] - phoneme.start
        position[span] = phone.start + np.interp(here, target, source)
        if phoneme.symbol in _VOWELS and len(here) > 30:  # a held vowel keeps moving a little
            sway = np.interp(here, *_random_walk(here[-1], 0.11, rng))
            rest = np.interp(here, [target[1], target[1] + 0.05, target[2] - 0.05, target[2]], [0, 1, 1, 0])
            position[span] += sway * rest * min(0.012, 0.15 * (phone.end - phone.start))
    return np.clip(position, 0, (len(word.sound.envelope) - 1) * _WORD_FRAME)


def _random_walk(seconds: float, step: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    knots = np.arange(0, seconds + 2 * step, step)
    return knots, rng.uniform(-1, 1, len(knots))


def _knots(symbol: str, target: float, source: float) -> tuple[list[float], list[float]]:
    """Four points (sung seconds, spoken seconds) of the time map of a phone: its edges keep their natural pace."""
    if target <= source:
        if symbol not in STOPS:
            return [0, target / 3, 2 * target / 3, target], [0, source / 3, 2 * source / 3, source]
        burst = min(0.6 * target, 0.045)  # of a short stop the closure gives way, the burst stays
        return [0, (target - burst) / 2, target - burst, target], [0, (source - burst) / 2, source - burst, source]
    if symbol in STOPS:
        start, end = 0.2 * source, 0.5 * source
    elif symbol in _GLIDING:  # singers hold the first target and glide late
        start, end = min(0.3 * source, 0.07), 0.55 * source
    elif symbol in _VOWELS:
        start, end = min(0.35 * source, 0.08), min(0.4 * source, 0.12)
    else:
        start = end = 0.3 * source
    return [0, start, target - end, target], [0, start, source - end, source]


def _spectra(
    word: SungWord, times: np.ndarray, position: np.ndarray, voice: Voice, crisp: float
) -> tuple[np.ndarray, np.ndarray]:
    """Log power envelope and aperiodicity (amplitude ratio) of every frame on the bins of the 44.1 kHz synthesis."""
    sound = word.sound
    below = np.minimum(position.astype(int), max(len(sound.envelope) - 2, 0))
    part = (position - below).astype(np.float32)[:, None]
    spoken = sound.envelope.astype(np.float32)
    frames = spoken[below] * (1 - part) + spoken[below + 1] * part
    noise = sound.aperiodicity[below]

    left, weight, top, extension = _warp(voice.formants, voice.tilt, frames.shape[1])
    envelope = frames[:, left] * (1 - weight) + frames[:, left + 1] * weight
    # Above the band of the engine: the mean level of its last octave third, falling on.
    edge = envelope[:, int(0.82 * top) : int(0.93 * top)].mean(axis=1, keepdims=True)
    slope = np.full((len(times), 1), -5.0, np.float32)  # natural log of power an octave: −22 dB
    level = np.zeros_like(slope)
    unvoiced = np.zeros_like(slope)
    for phoneme in word.phonemes:
        span = slice(*np.searchsorted(times, [phoneme.start, phoneme.end]))
        if phoneme.symbol in _HISSING:
            slope[span], level[span] = -2.0, -0.6
        elif phoneme.symbol in _UNVOICED:
            level[span] = 0.9  # singers articulate
        if phoneme.symbol in _UNVOICED:
            unvoiced[span] = 1.0
            level[span] += crisp * _DECIBEL
    octaves, blend, colour = extension
    envelope = envelope * (1 - blend) + (edge + slope * octaves) * blend + colour + level + unvoiced * _NO_RUMBLE

    table = _noise_table(tuple(sound.bands * voice.formants), voice.breath)
    decibels = np.clip(noise, -60, 0) @ table[0]
    ratio = 10 ** (decibels / 20)
    return envelope, np.clip(ratio + (1 - ratio) * table[1], 1e-3, 1 - 1e-6)


@lru_cache(maxsize=64)
def _warp(
    formants: float, tilt: float, bins: int
) -> tuple[np.ndarray, np.ndarray, int, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Where each output bin lies among ``bins`` spoken ones, and how the band goes on above them."""
    source = np.arange(len(_FREQUENCIES)) / formants
    left = np.minimum(source.astype(int), bins - 2)
    weight = np.minimum(source - left, 1.0).astype(np.float32)
    top = (bins - 1) * formants
    index = np.maximum(np.arange(len(_FREQUENCIES)), 1)
    octaves = np.maximum(np.log2(index / (0.93 * top)), 0).astype(np.float32)
    blend = np.clip((index / top - 0.86) / 0.1, 0, 1).astype(np.float32)
    colour = tilt * np.log2(np.clip(_FREQUENCIES, 125, 8000) / 1000) * _DECIBEL
    return left, weight, int(top), (octaves, blend, colour.astype(np.float32))


@lru_cache(maxsize=64)
def _noise_table(bands: tuple[float, ...], breath: float) -> tuple[np.ndarray, np.ndarray]:
    """A matrix from bands to bins, and the share of breath at every bin."""
    table = np.stack([np.interp(_FREQUENCIES, bands, unit) for unit in np.eye(len(bands))])
    return table, breath * np.clip(np.log2(np.maximum(_FREQUENCIES, 1) / 700) / 3, 0, 1)


def _levels(word: SungWord, times: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Log gain that brings the vowels of a word towards one loudness; consonants follow their neighbours."""
    centres: list[float] = []
    gains: list[float] = []
    frames = np.arange(len(word.sound.envelope)) * _WORD_FRAME
    pairs = list(zip(word.phonemes, word.sound.phones, strict=True))
    vowels = [pair for pair in pairs if pair[0].symbol in _VOWELS]
    for phoneme, phone in vowels or pairs:
        core = (frames >= phone.start) & (frames <= phone.end)
        power = np.exp(word.sound.envelope[core].astype(np.float64)).mean(axis=1)
        level = np.log(np.quantile(power, 0.8)) if len(power) else 0.0
        centres.append((phoneme.start + phoneme.end) / 2)
        gains.append(-0.85 * level)
    gain = np.interp(times, centres, gains)
    power = np.log(np.exp(word.sound.envelope.astype(np.float32)).mean(axis=1))
    for phoneme, _ in vowels:  # speech fades early: hold the level of long vowels
        span = slice(*np.searchsorted(times, [phoneme.start, phoneme.end]))
        here = times[span] - phoneme.start
        said = np.interp(position[span], np.arange(len(power)), power)
        if len(here) > 30:
            rest = np.clip(np.minimum(here, here[-1] - here) / 0.06 - 0.5, 0, 1)
            gain[span] += 0.7 * rest * np.clip(np.quantile(said, 0.8) - said, 0, 2.5)
    return gain


def _dynamics(times: np.ndarray, words: list[SungWord], notes: list[Note], rng: np.random.Generator) -> np.ndarray:
    """Log gain of the phrase: an arch, the velocity of its notes, a little more when high, a little chance."""
    across = np.clip((times - times[0]) / max(times[-1] - times[0], 1e-3), 0, 1)
    arch = 3.0 * (np.sin(np.pi * across**0.8) - 0.7)
    centres = [(note.start + note.end) / 2 for note in notes]
    accents = [0.08 * (note.velocity - 90) + 0.15 * (note.pitch - 60) for note in notes]
    chance = [rng.normal(0, 0.7) for _ in words]
    decibels = arch + np.interp(times, centres, accents) + np.interp(times, [word.start for word in words], chance)
    return np.asarray(decibels * _DECIBEL)


def _pitch(
    times: np.ndarray,
    first_word: SungWord,
    notes: list[Note],
    voice: Voice,
    fall: float,
    detune: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Pitch in Hz: the notes joined by glides, with scoop, fall, delayed vibrato and drift."""
    starts = np.array([note.start for note in notes])
    glide = voice.glide
    index = np.clip(np.searchsorted(starts - 0.3 * glide, times, side="right") - 1, 0, None)
    first_sung = int(np.searchsorted(starts, first_word.start - 1e-6))
    index = np.maximum(index, min(first_sung, len(notes) - 1))  # consonants of an onset have the pitch of their note
    cents = detune + 100.0 * np.array([notes[i].pitch for i in index])
    if fall:
        ends = np.array([note.end for note in notes])
        through = (times - starts[index]) / np.maximum(ends[index] - starts[index], 0.05)
        cents += fall * (0.5 - np.clip(through, 0, 1))
    window = np.hanning(round(glide * SAMPLE_RATE / HOP) + 2)[1:-1]
    half = len(window) // 2
    padded = np.concatenate([np.full(half, cents[0]), cents, np.full(len(window) - 1 - half, cents[-1])])
    cents = np.convolve(padded, window / window.sum(), mode="valid")

    onset = notes[min(first_sung, len(notes) - 1)].start
    depth = voice.scoop * rng.uniform(0.4, 1.2)
    cents -= depth * np.exp(-np.maximum(times - onset + 0.03, 0) / 0.04)

    rate, extent = voice.vibrato
    phase = 2 * np.pi * np.cumsum(np.full(len(times), rate * rng.uniform(0.94, 1.06) * HOP / SAMPLE_RATE))
    swell = np.zeros(len(times))
    for i in np.unique(index):
        note = notes[i]
        if note.end - note.start > 0.4:
            delay = rng.uniform(0.2, 0.35)
            inside = times < note.end
            swell = np.maximum(swell, np.clip((times - note.start - delay) / 0.3, 0, 1) * inside)
    swell = np.convolve(swell, np.ones(9) / 9, mode="same")
    cents += extent * rng.uniform(0.7, 1.2) * swell * np.sin(phase + rng.uniform(0, 2 * np.pi))

    knots, drift = _random_walk(times[-1] - times[0], 0.25, rng)
    cents += 6 * np.interp(times - times[0], knots, drift)
    return np.asarray(440 * 2 ** ((cents / 100 - 69) / 12))
