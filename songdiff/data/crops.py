"""Short stretches of corpus audio, for the parts that learn from waveforms."""

from __future__ import annotations

import numpy as np

from ..corpus.shards import CorpusSong, read_stem
from ..score import TRACKS


def random_crop(songs: list[CorpusSong], rng: np.random.Generator, length: int, mixtures: float = 0.25) -> np.ndarray:
    """(2, length): one stem (vocals as often as the others together) or, with chance ``mixtures``, the sum of several;
    at a random gain of −12 … +6 dB, channels swapped half the time."""
    song = songs[rng.integers(len(songs))]
    start = int(rng.integers(max(1, round(song.score.duration * 44100) - length)))
    if rng.random() < mixtures:
        chosen = [track for track in TRACKS if rng.random() < 0.7] or list(TRACKS)
    else:
        chosen = [str(rng.choice(TRACKS, p=[0.5, 0.15, 0.15, 0.2]))]
    audio = np.sum([read_stem(song, track, start, length) for track in chosen], axis=0)
    if rng.random() < 0.5:
        audio = audio[::-1]
    return np.asarray(audio * 10 ** (rng.uniform(-12, 6) / 20), dtype=np.float32)
