"""The singers: speech with exact phone times, and songs sung on the notes."""

from __future__ import annotations

import ctypes
import importlib.util

import numpy as np
import pytest

from songdiff.lyrics.phonemes import VOWELS
from songdiff.score.score import Line, Note, Phoneme, Score, Word

if importlib.util.find_spec("pyworld") is None:
    pytest.skip("pyworld is not installed: pip install songdiff[corpus]", allow_module_level=True)
try:
    ctypes.CDLL("libflite.so.1")
except OSError:
    pytest.skip("flite is not installed: apt-get install flite", allow_module_level=True)

import pyworld

from songdiff.corpus.singer import SAMPLE_RATE, sing
from songdiff.corpus.speech import Espeak, Flite
from songdiff.corpus.voices import VOICES, Voice

WORDS = ["silver", "rain", "again"]
PITCHES = [0, 2, 4, 5, 0]


def small_score(voice: Voice) -> Score:
    """Three words on five notes of 0.5 s from 1 s on, then a rest, then the words again; 8.123 s."""
    words, phonemes, melody = [], [], []
    for phrase in range(2):
        time = 1.0 + 4.0 * phrase
        steps = iter(PITCHES)
        for text, syllables in zip(WORDS, voice.pronounce(WORDS), strict=True):
            first = time
            for number, syllable in enumerate(syllables):
                melody.append(Note(start=time, end=time + 0.5, pitch=(voice.low + voice.high) // 2 - 3 + next(steps)))
                nucleus = next(i for i, symbol in enumerate(syllable.phonemes) if symbol in VOWELS)
                short = 0.06
                after = len(syllable.phonemes) - nucleus - 1
                start = time - short * nucleus
                for i, symbol in enumerate(syllable.phonemes):
                    length = 0.36 - short * after if i == nucleus else short
                    end = start + length
                    phonemes.append(Phoneme(symbol=symbol, start=start, end=end, word=len(words), syllable=number))
                    start = end
                time += 0.5
            words.append(Word(start=first - 0.1, end=time, text=text, line=phrase))
    lines = [Line(start=1.0 + 4 * i, end=3.5 + 4 * i, text=" ".join(WORDS)) for i in range(2)]
    return Score(duration=8.123, lines=lines, words=words, phonemes=phonemes, melody=melody)


def test_length_is_exact_and_rests_are_zero() -> None:
    score = small_score(VOICES["jonas"])
    song = sing(score, VOICES["jonas"], np.random.default_rng(0))
    assert song.dtype == np.float32
    assert song.shape == (round(8.123 * SAMPLE_RATE),)
    assert np.isfinite(song).all()
    assert np.abs(song).max() <= 0.9
    assert not song[: int(0.8 * SAMPLE_RATE)].any()
    assert not song[int(3.6 * SAMPLE_RATE) : int(4.8 * SAMPLE_RATE)].any()
    for phoneme in score.phonemes or []:
        if phoneme.symbol in VOWELS:
            assert song[int(phoneme.start * SAMPLE_RATE) : int(phoneme.end * SAMPLE_RATE)].std() > 0.01


@pytest.mark.parametrize("name", ["jonas", "mara", "otto", "magnus"])
def test_notes_are_sung_in_tune(name: str) -> None:
    voice = VOICES[name]
    score = small_score(voice)
    song = sing(score, voice, np.random.default_rng(1))[: 4 * SAMPLE_RATE].astype(float)
    f0, times = pyworld.harvest(song[::3].copy(), SAMPLE_RATE / 3, f0_floor=60, f0_ceil=700)
    errors = []
    for note in (score.melody or [])[:5]:
        inside = (times > note.start + 0.08) & (times < note.start + 0.28) & (f0 > 0)
        assert inside.sum() > 20
        errors.append(1200 * np.log2(f0[inside] / (440 * 2 ** ((note.pitch - 69) / 12))))
    assert np.median(np.abs(np.concatenate(errors))) < 10


def test_unvoiced_consonants_are_noise_and_reach_above_8_khz() -> None:
    voice = VOICES["jonas"]
    score = small_score(voice)
    song = sing(score, voice, np.random.default_rng(0))
    s = next(phoneme for phoneme in score.phonemes or [] if phoneme.symbol == "s")
    spectrum = np.abs(np.fft.rfft(song[int(s.start * SAMPLE_RATE) + 500 : int(s.end * SAMPLE_RATE) - 500])) ** 2
    hertz = np.linspace(0, SAMPLE_RATE / 2, len(spectrum))
    assert spectrum[hertz > 8000].sum() > 20 * spectrum[hertz < 1000].sum()


def test_same_seed_same_song() -> None:
    voice = VOICES["mara"]
    score = small_score(voice)
    first, again, other = (sing(score, voice, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_melisma_follows_every_note_of_a_syllable() -> None:
    voice = VOICES["jonas"]
    syllable = voice.pronounce(["ooh"])[0][0]
    phonemes = [Phoneme(symbol=syllable.phonemes[0], start=0.5, end=2.3, word=0)]
    melody = [Note(start=0.5 + 0.6 * i, end=1.1 + 0.6 * i, pitch=52 + 3 * i, word=0, syllable=0) for i in range(3)]
    words, lines = [Word(start=0.5, end=2.3, text="ooh", line=0)], [Line(start=0.5, end=2.3, text="ooh")]
    score = Score(duration=3, lines=lines, words=words, phonemes=phonemes, melody=melody)
    song = sing(score, voice, np.random.default_rng(0)).astype(float)
    f0, times = pyworld.harvest(song[::3].copy(), SAMPLE_RATE / 3, f0_floor=60, f0_ceil=500)
    for note in melody:
        inside = (times > note.start + 0.15) & (times < note.end - 0.1)
        assert abs(12 * np.log2(np.median(f0[inside]) / 440) + 69 - note.pitch) < 0.2


def test_nothing_to_sing_is_silence() -> None:
    score = Score(duration=1.5, phonemes=[], melody=[])
    assert not sing(score, VOICES["mara"], np.random.default_rng(0)).any()


def test_unknown_or_foreign_phonemes_are_refused() -> None:
    with pytest.raises(ValueError, match="compose phonemes and melody first"):
        sing(Score(duration=1), VOICES["mara"], np.random.default_rng(0))
    score = small_score(VOICES["mara"])
    (score.phonemes or [])[0].symbol = "z"
    with pytest.raises(ValueError, match=r"'silver' at 0\.94 s.*voice\.pronounce"):
        sing(score, VOICES["mara"], np.random.default_rng(0))


@pytest.mark.parametrize("engine", [Flite("slt"), Flite("kal16"), Espeak("en-us+m1"), Espeak("de")])
def test_speech_has_the_phones_it_pronounces(engine: Flite | Espeak) -> None:
    for word, syllables in zip(WORDS, engine.pronounce(WORDS), strict=True):
        speech = engine.speak(word)
        assert [phone.symbol for phone in speech.phones] == [symbol for syl in syllables for symbol in syl.phonemes]
        assert all(0 <= phone.start < phone.end for phone in speech.phones)
        assert speech.phones[-1].end <= len(speech.waveform) / speech.sample_rate
    assert engine.pronounce(["—", ""]) == [[], []]
    first = engine.speak("assess").waveform
    engine.speak("tomorrow")
    assert np.array_equal(first, engine.speak("assess").waveform)


def test_flite_says_words_as_singers_do() -> None:
    said = Flite("rms").pronounce(["a", "(Noooo,", "Café"])
    assert [[symbol for syllable in word for symbol in syllable.phonemes] for word in said] == [
        ["ʌ"], ["n", "oʊ"], ["k", "ə", "f", "eɪ"],
    ]  # fmt: skip
    with pytest.raises(ValueError, match="slt, rms, awb, kal16"):
        Flite("nobody")


def test_voices_keep_within_singable_ranges() -> None:
    for name, voice in VOICES.items():
        assert voice.name == name
        assert voice.high - voice.low >= 12
        assert voice.low >= (52 if voice.gender == "female" else 43)
        assert voice.high <= (76 if voice.gender == "female" else 69)
        assert voice.singer.name == name
