"""Auditions: composed songs, sung and given to a recogniser."""

from __future__ import annotations

import ctypes
import importlib.util

import numpy as np
import pytest

from songdiff.errors import InputError

if importlib.util.find_spec("pyworld") is None or importlib.util.find_spec("pocketsphinx") is None:
    pytest.skip("needs pyworld and pocketsphinx: pip install songdiff[corpus] pocketsphinx", allow_module_level=True)
try:
    ctypes.CDLL("libflite.so.1")
except OSError:
    pytest.skip("flite is not installed: apt-get install flite", allow_module_level=True)

from songdiff.corpus.audition import audition, pitch_errors
from songdiff.corpus.singer import SAMPLE_RATE
from songdiff.corpus.voices import VOICES
from songdiff.score import Note, Phoneme, Score, Word
from songdiff.score.score import Line


def test_a_clear_voice_is_understood_in_tune_and_alike_every_time() -> None:
    first = next(audition([VOICES["jonas"]], 2, seed=1))
    assert first.voice == "jonas"
    assert 2 <= first.total < 10
    assert first.right >= first.total - 1
    assert first.cents < 10
    assert next(audition([VOICES["jonas"]], 2, seed=1)) == first


def test_voices_of_other_languages_are_refused() -> None:
    with pytest.raises(InputError, match="lucia sings es"):
        next(audition([VOICES["lucia"]], 1))


def test_pitch_errors_are_cents_from_the_note() -> None:
    times = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    hertz = 220 * 2 ** (30 / 1200)  # 30 cents sharp
    tone = sum(np.sin(2 * np.pi * hertz * k * times) / k for k in range(1, 9))
    phonemes = [Phoneme(symbol="ɑ", start=0.2, end=1.8, word=0)]
    melody = [Note(start=0.2, end=1.8, pitch=57, word=0, syllable=0)]
    lines, words = [Line(start=0.2, end=1.8, text="ah")], [Word(start=0.2, end=1.8, text="ah", line=0)]
    score = Score(duration=2, lines=lines, words=words, phonemes=phonemes, melody=melody)
    errors = pitch_errors(score, 0.1 * tone)
    assert len(errors) > 200
    assert np.median(errors) == pytest.approx(30, abs=1)
    assert len(pitch_errors(Score(duration=2), 0.1 * tone)) == 0
