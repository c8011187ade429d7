"""Auditions: every singer sings composed songs, and a speech recogniser says how many of their lines it can tell.

This measures the singers on what they are for: melodies of the composer and lines of the lyrics generator, in all
vocal styles that are sung. See :mod:`songdiff.evaluation.lines` for the method.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyworld

from ..composer import GENRES, compose
from ..errors import InputError
from ..evaluation.lines import line_identification
from ..lyrics.phonemes import VOWELS
from ..score import Score
from .singer import SAMPLE_RATE, sing
from .voices import Voice
from .words import write_lyrics

_GENRES = tuple(sorted(GENRES))


class Audition(NamedTuple):
    """How a voice did: lines told right, lines heard, median pitch error inside vowels in cents."""

    voice: str
    right: int
    total: int
    cents: float


def audition(voices: Iterable[Voice], lines: int, seed: int = 0, style: str | None = None) -> Iterator[Audition]:
    """Let each voice sing at least ``lines`` lines of its own songs, and yield how many were understood.

    Args:
        voices: English ones; others raise :class:`~songdiff.errors.InputError`, as the recogniser knows English.
        lines: lines to hear of each voice, at least 1.
        seed: another seed is another set of songs.
        style: how all songs are sung (see :class:`songdiff.score.Singer`); None for as suits their genre.

    About 0.5 CPU-seconds a line. Raises :class:`.tools.MissingToolError` without pocketsphinx.
    """
    for voice in voices:
        if not voice.language.startswith("en"):
            raise InputError(f"{voice.name} sings {voice.language}, which the recogniser does not know")
        right = total = song = 0
        cents: list[np.ndarray] = []
        while total < lines:
            rng = np.random.default_rng([seed, song, *voice.name.encode()])
            score = _song(voice, min(max(lines, 2), 8), rng, style)
            song += 1
            vocals = sing(score, voice, rng)
            distractors = [line.text for _ in range(6) for line in write_lyrics(rng, lines=12).lines]
            told = line_identification(score, vocals, distractors, rng)
            right, total = right + told[0], total + told[1]
            cents.append(pitch_errors(score, vocals))
        yield Audition(voice.name, right, total, round(float(np.median(np.concatenate(cents))), 2))


def _song(voice: Voice, lines: int, rng: np.random.Generator, style: str | None) -> Score:
    """A song of about so many lines in a genre at random."""
    return compose(
        write_lyrics(rng, lines=lines),
        seed=int(rng.integers(2**31)),
        singer=voice.singer.model_copy(update={"style": style}),
        pronounce=lambda words, _: voice.pronounce(words),
        genre=_GENRES[rng.integers(len(_GENRES))],
    )


def pitch_errors(score: Score, vocals: np.ndarray) -> np.ndarray:
    """Absolute distance in cents from the note, of every voiced frame (5 ms) inside a vowel and away from its edges.

    ``vocals`` is (samples,) at 44.1 kHz; pitch by DIO and StoneMask (Morise et al., 2009).
    """
    third, rate = np.ascontiguousarray(vocals[::3], dtype=np.float64), SAMPLE_RATE // 3
    rough, times = pyworld.dio(third, rate, f0_floor=60.0, f0_ceil=900.0)
    f0 = pyworld.stonemask(third, rough, times, rate)
    errors = [np.zeros(0)]
    vowels = [phoneme for phoneme in score.phonemes or [] if phoneme.symbol in VOWELS]
    for note in score.melody or []:
        for vowel in vowels:
            start, end = max(vowel.start, note.start) + 0.08, min(vowel.end, note.end) - 0.03
            inside = (times >= start) & (times < end) & (f0 > 0)
            errors.append(np.abs(1200 * np.log2(f0[inside] / 440) + 6900 - 100 * note.pitch))
    return np.concatenate(errors)
