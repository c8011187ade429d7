"""Is it the same recording? Fingerprints that survive another format, rate, level and equaliser, and cut ends.

The method is Haitsma and Kalker's (ISMIR 2002): 32 bits a frame say whether the difference of energy between
neighbouring bands (300 to 2000 Hz) rises or falls. Two recordings are the same where, at one lag, few bits differ; lags
to try come from frames that agree in every bit. It knows samples only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..evaluation.sound import SAMPLE_RATE, spectrum

SECONDS = 90.0
"""From the middle of a recording; a song cut at one end still shares most of them."""
DIFFERENT = 0.2
"""Share of differing bits from which on two recordings are not the same. Measured: 0.02 to 0.07 for MP3 (down to 22
kHz) and for OGG at another rate and level with cut ends, 0.25 for a song's instrumental version, 0.5 for strangers."""
_HOP = 2048
_WINDOW = 16384  # long against the hop: frames agree although they do not begin at the same sample
_EDGES = np.geomspace(300.0, 2000.0, 34)  # Hz
_COMMON = 20  # a frame that occurs more often (silence, a drone) says nothing
_SHORTEST = 40  # frames that two recordings must share


def fingerprint(mono: np.ndarray) -> np.ndarray:
    """(samples,) at 44.1 kHz → (frames,) uint32, one every 2048 samples of the middle; 0 for silence."""
    excess = max(0, len(mono) - round(SECONDS * SAMPLE_RATE))
    mono = mono[excess // 2 : len(mono) - (excess - excess // 2)]
    power = np.square(spectrum(mono, _WINDOW, _HOP))
    bins = np.round(_EDGES * _WINDOW / SAMPLE_RATE).astype(int)
    bands = np.add.reduceat(power[: bins[-1]], bins[:-1], axis=0)
    slopes = bands[:-1] - bands[1:]
    bits = np.diff(slopes, axis=1, prepend=slopes[:, :1]) > 0
    words = (bits.astype(np.uint32) << np.arange(32, dtype=np.uint32)[:, None]).sum(0, dtype=np.uint32)
    return np.where(bands.sum(0) > 1e-9, words, np.uint32(0))


def find_duplicates(fingerprints: Sequence[np.ndarray]) -> list[tuple[int, float] | None]:
    """For every recording the earlier one that it repeats, and the share of bits that are equal; None for a new one.

    A recording is held against those before it that are new, so put those first that are to be kept.
    """
    found: list[tuple[int, float] | None] = [None] * len(fingerprints)
    for later, lags in sorted(_candidates(fingerprints).items()):
        for (earlier, lag), _ in lags.most_common(8):
            if found[earlier] is None:
                equal = 1 - _difference(fingerprints[earlier], fingerprints[later], lag)
                if equal > 1 - DIFFERENT:
                    found[later] = earlier, equal
                    break
    return found


def _candidates(fingerprints: Sequence[np.ndarray]) -> dict[int, Counter[tuple[int, int]]]:
    """later recording → how often each (earlier recording, lag in frames) has a frame in common with it."""
    words = np.concatenate([np.zeros(0, np.uint32), *fingerprints])
    owners = np.repeat(np.arange(len(fingerprints)), [len(row) for row in fingerprints])
    places = np.concatenate([np.zeros(0, int), *(np.arange(len(row)) for row in fingerprints)])
    order = np.argsort(words, kind="stable")
    words, owners, places = words[order], owners[order], places[order]
    starts = np.flatnonzero(np.diff(words, prepend=np.uint32(0)))  # words of 0 are silence: left out
    candidates: dict[int, Counter[tuple[int, int]]] = {}
    for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
        if 1 < end - start <= _COMMON and owners[start] != owners[end - 1]:
            for i in range(start, end):
                for j in range(i + 1, end):
                    if owners[i] != owners[j]:
                        lags = candidates.setdefault(int(owners[j]), Counter())
                        lags[int(owners[i]), int(places[j] - places[i])] += 1
    return candidates


def _difference(one: np.ndarray, other: np.ndarray, lag: int) -> float:
    """Share of differing bits where frame i of ``one`` lies on frame i + lag of ``other``; 1 for a short overlap."""
    first, last = max(0, -lag), min(len(one), len(other) - lag)
    a, b = one[first:last], other[first + lag : last + lag]
    sounds = (a != 0) & (b != 0)
    if sounds.sum() < min(_SHORTEST, len(one) // 2, len(other) // 2):
        return 1.0
    different = (a ^ b)[sounds].view(np.uint8)
    return float(np.unpackbits(different).sum() / (32 * sounds.sum())) if sounds.any() else 1.0
