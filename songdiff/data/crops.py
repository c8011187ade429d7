"""Short stretches of sound for the parts that learn from waveforms, varied so that they hold on music never seen.

:func:`corpus_crop` is the corpus as it is; :func:`random_crop` draws from it, or from a user's recordings, and plays
the result faster or slower, filters, widens, clips, encodes … it. Every random number comes from the generator given.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import soundfile
from scipy import fft

from ..corpus.shards import CorpusSong, read_stem
from ..score import TRACKS
from .recordings import Recording, random_excerpt

SAMPLE_RATE = 44100
KINDS = {"stem": 0.55, "some stems": 0.15, "mix": 0.15, "strangers": 0.15}
"""What a crop of the corpus is, and how often: one stem; the sum of two or three stems of a song; of all four; of two
stems of any songs and places, each at −6 … +6 dB. Stems are 1.8 on average: decoding them costs most of the time."""
STEMS = {"vocals": 0.5, "drums": 0.15, "bass": 0.15, "other": 0.2}
"""How often each stem is drawn where one is drawn alone."""
CHANCES = {
    "speed": 0.4,  # played 0.8 … 1.25 times as fast: other pitches, formants and tempi
    "equaliser": 0.5,  # a smooth curve of up to ±9 dB with a point an octave
    "low-pass": 0.15,  # from 6 … 18 kHz on, as in lossy and old recordings
    "high-pass": 0.05,  # below 40 … 200 Hz
    "width": 0.3,  # the side at 0 … 1.6 times its level, a third of them mono
    "polarity": 0.5,
    "channel swap": 0.5,
    "soft clipping": 0.15,
    "noise": 0.1,  # −90 … −50 dBFS, white
    "codec": 0.03,  # Vorbis, and MP3 for one in five
}
"""How often each variation is made."""
_MARGIN = 1024
"""Samples read beyond the crop on both sides, so that the circular filter leaves no trace at its ends."""


def corpus_crop(songs: Sequence[CorpusSong], rng: np.random.Generator, length: int) -> np.ndarray:
    """(2, ``length``) float32 at 44.1 kHz: stems, or sums of them as in :data:`KINDS`, at the corpus's own levels."""
    kind = rng.choice(list(KINDS), p=list(KINDS.values()))
    if kind == "stem":
        return _one_stem(songs, rng, length)
    if kind == "strangers":
        parts = [_one_stem(songs, rng, length) * _gain(rng, -6, 6) for _ in range(2)]
    else:
        song, start = _place(songs, rng, length)
        count = len(TRACKS) if kind == "mix" else int(rng.integers(2, 4))
        parts = [read_stem(song, str(track), start, length) for track in rng.permutation(TRACKS)[:count]]
    return np.stack(parts).sum(axis=0)


def random_crop(
    songs: Sequence[CorpusSong],
    rng: np.random.Generator,
    length: int,
    recordings: Sequence[Recording] = (),
    recordings_share: float = 0.5,
    augment: bool = True,
) -> np.ndarray:
    """(2, ``length``) float32 at 44.1 kHz from ``recordings``, with chance ``recordings_share``, or from the corpus.

    Unless ``augment`` is False it is varied as in :data:`CHANCES`, at −18 … +6 dB and never above full scale.
    """
    from_recordings = len(recordings) > 0 and rng.random() < recordings_share

    def read(frames: int) -> np.ndarray:
        return random_excerpt(recordings, rng, frames) if from_recordings else corpus_crop(songs, rng, frames)

    if not augment:
        return read(length)
    chosen = {name for name, chance in CHANCES.items() if rng.random() < chance}
    if chosen & {"speed", "equaliser", "low-pass", "high-pass"}:
        whole = fft.next_fast_len(length + 2 * _MARGIN, real=True)
        speed = 2 ** rng.uniform(np.log2(0.8), np.log2(1.25)) if "speed" in chosen else 1.0
        gains = filter_gains(rng, fft.rfftfreq(whole, 1 / SAMPLE_RATE), chosen)
        audio = resample_and_filter(read(fft.next_fast_len(round(whole * speed), real=True)), whole, gains)
        audio = audio[:, _MARGIN : _MARGIN + length]
    else:
        audio = read(length)
    if "width" in chosen:
        audio = widen(audio, 0.0 if rng.random() < 1 / 3 else rng.uniform(0.2, 1.6))
    if "polarity" in chosen:
        audio = -audio
    if "channel swap" in chosen:
        audio = audio[::-1]
    if "soft clipping" in chosen:
        audio = soft_clip(audio, rng.uniform(1, 4))
    audio = audio * _gain(rng, -18, 6)
    if "noise" in chosen:
        audio = audio + rng.standard_normal(audio.shape, np.float32) * _gain(rng, -90, -50)
    audio = audio / max(1.0, float(np.abs(audio).max()))
    if "codec" in chosen:
        audio = through_codec(audio, "MP3" if rng.random() < 0.2 else "OGG", rng.uniform(0.2, 0.9))
    return np.ascontiguousarray(audio, dtype=np.float32)


def filter_gains(rng: np.random.Generator, frequencies: np.ndarray, chosen: set[str]) -> np.ndarray:
    """Gain at each of ``frequencies`` (Hz, from 0 up) of the filters among ``chosen`` names of :data:`CHANCES`."""
    frequencies = np.maximum(frequencies, frequencies[1])
    gains = np.ones(len(frequencies), dtype=np.float32)
    if "equaliser" in chosen:
        octaves = np.arange(9)  # 62.5 Hz … 16 kHz
        decibels = rng.uniform(-1, 1, len(octaves)) * rng.uniform(2, 9)
        gains *= 10 ** (np.interp(np.log2(frequencies / 62.5), octaves, decibels) / 20)
    if "low-pass" in chosen:
        gains /= 1 + (frequencies / 2 ** rng.uniform(np.log2(6000), np.log2(18000))) ** 32
    if "high-pass" in chosen:
        gains /= 1 + (2 ** rng.uniform(np.log2(40), np.log2(200)) / frequencies) ** 4
    return gains


def resample_and_filter(audio: np.ndarray, length: int, gains: np.ndarray) -> np.ndarray:
    """(2, any) → (2, ``length``) through one spectrum: what came in lasts ``length`` samples, in pitch as in time.

    ``gains`` (``length`` // 2 + 1): the factor at each output frequency. The ends run into each other.
    """
    spectrum = fft.rfft(audio)[:, : len(gains)]
    spectrum *= gains[: spectrum.shape[1]] * np.float32(length / audio.shape[1])
    return fft.irfft(spectrum, length)


def widen(audio: np.ndarray, width: float) -> np.ndarray:
    """Mid as it is, side times ``width``: 0 is mono, 1 changes nothing."""
    middle, side = (audio[0] + audio[1]) / 2, (audio[0] - audio[1]) * (width / 2)
    return np.stack([middle + side, middle - side]).astype(np.float32)


def soft_clip(audio: np.ndarray, drive: float) -> np.ndarray:
    """tanh with the peak at ``drive``: quiet parts keep their level, the loudest lose up to a factor ``drive``."""
    scale = np.float32(drive / max(float(np.abs(audio).max()), 1e-6))
    return np.tanh(audio * scale) / scale


def through_codec(audio: np.ndarray, kind: str, compression: float) -> np.ndarray:
    """Encoded and decoded again, of the same length. ``kind``: "OGG" (Vorbis) or "MP3"; ``compression``: 0 … 1."""
    subtype = {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}[kind]
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", SAMPLE_RATE, 2, subtype, format=kind, compression_level=compression
    ) as encoder:
        for start in range(
            0, audio.shape[1], 1 << 15
        ):  # libsndfile's Vorbis encoder overflows its stack on long writes
            encoder.write(np.ascontiguousarray(audio[:, start : start + (1 << 15)].T))
    buffer.seek(0)
    decoded, _ = soundfile.read(buffer, audio.shape[1], dtype="float32", fill_value=0.0)
    return decoded.T


def _one_stem(songs: Sequence[CorpusSong], rng: np.random.Generator, length: int) -> np.ndarray:
    song, start = _place(songs, rng, length)
    return read_stem(song, str(rng.choice(list(STEMS), p=list(STEMS.values()))), start, length)


def _place(songs: Sequence[CorpusSong], rng: np.random.Generator, length: int) -> tuple[CorpusSong, int]:
    song = songs[int(rng.integers(len(songs)))]
    return song, int(rng.integers(max(1, round(song.score.duration * SAMPLE_RATE) - length)))


def _gain(rng: np.random.Generator, low: float, high: float) -> np.float32:
    """A factor between two levels in dB."""
    return np.float32(10 ** (rng.uniform(low, high) / 20))
