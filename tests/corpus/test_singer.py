"""The singers: speech with exact phone times, and songs sung on the notes."""

from __future__ import annotations

import ctypes
import importlib.util

import numpy as np
import pytest

from songdiff.lyrics.phonemes import VOWELS
from songdiff.score.score import Backing, Line, Note, Phoneme, Score, Singer, Word

if importlib.util.find_spec("pyworld") is None:
    pytest.skip("pyworld is not installed: pip install songdiff[corpus]", allow_module_level=True)
try:
    ctypes.CDLL("libflite.so.1")
except OSError:
    pytest.skip("flite is not installed: apt-get install flite", allow_module_level=True)

import pyworld
from scipy.signal import butter, sosfiltfilt

from songdiff.corpus.singer import SAMPLE_RATE, sing, sing_backing
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


def pitch_errors(song: np.ndarray, notes: list[Note]) -> np.ndarray:
    """Cents between the sung and the written pitch inside the vowels of :func:`small_score`."""
    third = song[::3].astype(float)
    f0, times = pyworld.dio(third, SAMPLE_RATE // 3, f0_floor=60, f0_ceil=700)
    f0 = pyworld.stonemask(third, f0, times, SAMPLE_RATE // 3)
    errors = []
    for note in notes:
        inside = (times > note.start + 0.08) & (times < note.start + 0.28) & (f0 > 0)
        assert inside.sum() > 20
        errors.append(1200 * np.log2(f0[inside] / (440 * 2 ** ((note.pitch - 69) / 12))))
    return np.concatenate(errors)


def level(song: np.ndarray) -> float:
    """RMS in dBFS of what is not silent."""
    power = np.mean(np.atleast_2d(song).astype(float) ** 2, axis=0)
    return float(10 * np.log10(power[power > 0].mean()))


def test_length_is_exact_and_rests_are_zero() -> None:
    score = small_score(VOICES["jonas"])
    song = sing(score, VOICES["jonas"], np.random.default_rng(0))
    assert song.dtype == np.float32
    assert song.shape == (round(8.123 * SAMPLE_RATE),)
    assert np.isfinite(song).all()
    assert np.abs(song).max() <= 0.9
    assert not song[: int(0.4 * SAMPLE_RATE)].any()
    assert not song[int(3.6 * SAMPLE_RATE) : int(4.4 * SAMPLE_RATE)].any()
    assert not song[int(7.6 * SAMPLE_RATE) :].any()
    for phoneme in score.phonemes or []:
        if phoneme.symbol in VOWELS:
            assert song[int(phoneme.start * SAMPLE_RATE) : int(phoneme.end * SAMPLE_RATE)].std() > 0.01


@pytest.mark.parametrize("name", ["jonas", "mara", "otto", "magnus"])
def test_notes_are_sung_in_tune(name: str) -> None:
    voice = VOICES[name]
    score = small_score(voice)
    song = sing(score, voice, np.random.default_rng(1))[: 4 * SAMPLE_RATE]
    assert np.median(np.abs(pitch_errors(song, (score.melody or [])[:5]))) < 10


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


def styled(style: str | None) -> np.ndarray:
    voice = VOICES["callum"]
    score = small_score(voice).model_copy(update={"singer": Singer.model_validate({"style": style})})
    return sing(score, voice, np.random.default_rng(3))


def test_styles_are_in_tune() -> None:
    for style in ("soft", "belted", "airy", "rap"):
        song = styled(style)[: 4 * SAMPLE_RATE]
        assert np.median(np.abs(pitch_errors(song, (small_score(VOICES["callum"]).melody or [])[:5]))) < 12


def test_styles_sound_as_they_are_called() -> None:
    def brightness(song: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(song)) ** 2
        hertz = np.linspace(0, SAMPLE_RATE / 2, len(power))
        return float(np.log(power[(hertz > 1500) & (hertz < 5000)].sum() / power[hertz < 1500].sum()))

    def breath(song: np.ndarray) -> float:
        """How little of 2–6 kHz repeats with the period of the third note."""
        band = sosfiltfilt(butter(3, [2000, 6000], "band", fs=SAMPLE_RATE, output="sos"), song)
        note = (small_score(VOICES["callum"]).melody or [])[2]
        held = band[int((note.start + 0.1) * SAMPLE_RATE) : int((note.start + 0.25) * SAMPLE_RATE)]
        period = SAMPLE_RATE / (440 * 2 ** ((note.pitch - 69) / 12))
        lags = range(int(0.97 * period), int(1.03 * period) + 2)
        return float(1 - max(np.corrcoef(held[:-lag], held[lag:])[0, 1] for lag in lags))

    plain, soft, belted, airy = (styled(style) for style in (None, "soft", "belted", "airy"))
    assert np.array_equal(plain, styled("plain"))
    assert level(soft) < level(plain) - 3 < level(belted) - 4
    assert level(airy) < level(plain) - 2
    assert brightness(soft) < brightness(plain) < brightness(belted)
    assert breath(airy) > breath(plain) + 0.1


def test_rap_has_no_vibrato_and_falls_within_a_note() -> None:
    voice = VOICES["mara"]  # her own vibrato is 25 cents deep
    note = Note(start=0.5, end=2.5, pitch=60, word=0, syllable=0)
    words, lines = [Word(start=0.5, end=2.5, text="ooh", line=0)], [Line(start=0.5, end=2.5, text="ooh")]
    phonemes = [Phoneme(symbol=voice.pronounce(["ooh"])[0][0].phonemes[0], start=0.5, end=2.5, word=0)]
    score = Score(duration=3, lines=lines, words=words, phonemes=phonemes, melody=[note], singer=Singer(style="rap"))
    song = sing(score, voice, np.random.default_rng(0)).astype(float)
    f0, times = pyworld.harvest(song[::3].copy(), SAMPLE_RATE / 3, f0_floor=60, f0_ceil=500)
    inside = (times > 0.7) & (times < 2.3)
    cents = 1200 * np.log2(f0[inside] / 440) + 900
    slope, middle = np.polyfit(times[inside] - 1.5, cents, 1)
    assert -40 < 2 * slope < -15
    assert abs(middle) < 10
    assert np.std(cents - slope * (times[inside] - 1.5)) < 8


def test_a_breath_is_heard_before_some_phrases_only_where_there_is_room() -> None:
    voice = VOICES["jonas"]
    score = small_score(voice)
    breaths = 0
    for seed in range(3):
        song = sing(score, voice, np.random.default_rng(seed))
        breath = song[int(4.4 * SAMPLE_RATE) : int(4.905 * SAMPLE_RATE)]  # the phrase starts at 4.94 s
        if breath.any():
            breaths += 1
            assert -34 < level(breath) - level(song) < -20
            assert 0.15 < (breath != 0).sum() / SAMPLE_RATE < 0.36
    assert 0 < breaths < 3
    words, phonemes, melody = (
        [item.model_copy(update={"start": item.start - 0.8, "end": item.end - 0.8}) for item in items or []]
        for items in (score.words, score.phonemes, score.melody)
    )
    early = score.model_copy(update={"words": words, "phonemes": phonemes, "melody": melody})  # from 0.14 s on
    assert not any(sing(early, voice, np.random.default_rng(seed))[: int(0.1 * SAMPLE_RATE)].any() for seed in range(2))


def test_backing_is_a_loose_double_and_a_harmony_on_the_other_side() -> None:
    voice = VOICES["mara"]
    score = small_score(voice)
    notes = score.melody or []
    higher = [note.model_copy(update={"pitch": note.pitch + 4}) for note in notes[5:]]
    backing = [Backing(start=0.9, end=3.6, kind="double", notes=notes[:5])]
    backing += [Backing(start=4.9, end=7.6, kind="harmony", notes=higher)]
    sung = sing_backing(score.model_copy(update={"backing": backing}), voice, np.random.default_rng(2))
    assert sung.dtype == np.float32
    assert sung.shape == (2, round(8.123 * SAMPLE_RATE))
    assert level(sung) == pytest.approx(-20, abs=0.1)
    assert np.array_equal(
        sung, sing_backing(score.model_copy(update={"backing": backing}), voice, np.random.default_rng(2))
    )

    double, harmony = sung[:, : 4 * SAMPLE_RATE], sung[:, 4 * SAMPLE_RATE :]
    sides = [np.argmax(np.square(part.astype(float)).sum(axis=1)) for part in (double, harmony)]
    assert sides[0] != sides[1]
    lead = sing(score, voice, np.random.default_rng(2))[: 4 * SAMPLE_RATE].astype(float)
    assert np.corrcoef(lead, double.sum(axis=0))[0, 1] < 0.9
    off = np.median(pitch_errors(double.sum(axis=0), notes[:5]))
    assert 0 < abs(off) < 14
    later = [note.model_copy(update={"start": note.start - 4, "end": note.end - 4}) for note in higher]
    assert np.median(np.abs(pitch_errors(harmony.sum(axis=0), later))) < 10
    assert not double[:, : int(0.85 * SAMPLE_RATE)].any()


def test_without_backing_there_is_silence() -> None:
    score = small_score(VOICES["mara"])
    assert not sing_backing(score, VOICES["mara"], np.random.default_rng(0)).any()
    assert sing_backing(Score(duration=1.5), VOICES["mara"], np.random.default_rng(0)).shape == (2, 66150)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("lucia", "corazón"),
        ("anton", "Straße"),
        ("remi", "bonheur"),
        ("chiara", "cuore"),
        ("kenji", "さくら"),
        ("mei", "hao3"),
    ],
)
def test_other_languages_are_sung_in_tune(name: str, word: str) -> None:
    voice = VOICES[name]
    words, phonemes, melody = [], [], []
    for number, syllable in enumerate(voice.pronounce([word])[0]):
        start, pitch = 0.5 + 0.6 * number, voice.low + 4 + 2 * number
        nucleus = next(i for i, symbol in enumerate(syllable.phonemes) if symbol in VOWELS)
        edges = [start + 0.06 * (i - nucleus) for i in range(nucleus + 1)]
        edges += [start + 0.53 - 0.06 * i for i in range(len(syllable.phonemes) - nucleus - 1, -1, -1)]
        for symbol, left, right in zip(syllable.phonemes, edges, edges[1:], strict=False):
            phonemes.append(Phoneme(symbol=symbol, start=left, end=right, word=0, syllable=number))
        melody.append(Note(start=start, end=start + 0.6, pitch=pitch, word=0, syllable=number))
    words = [Word(start=0.4, end=melody[-1].end, text=word, line=0)]
    lines = [Line(start=0.4, end=melody[-1].end, text=word)]
    score = Score(duration=3, language=voice.language, lines=lines, words=words, phonemes=phonemes, melody=melody)
    song = sing(score, voice, np.random.default_rng(0))
    assert np.median(np.abs(pitch_errors(song, melody))) < 12


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
