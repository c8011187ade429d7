"""The shipped recogniser on what a singer of the corpus sings: right words, other words, silence, and their times."""

import numpy as np
import pytest

from songdiff.composer import compose
from songdiff.corpus.singer import sing
from songdiff.corpus.voices import VOICES
from songdiff.errors import InputError
from songdiff.evaluation.words import align, hear, load_recogniser, words_heard
from songdiff.lyrics import parse_lyrics
from songdiff.score import Score

WORDS = "[Verse]\nthe river runs beside the old town wall\nand every morning brings another day"
OTHERS = "[Verse]\nshadows follow people under neon light\nwe should have told him nothing for a while"


def composed(words: str) -> Score:
    pronounce = VOICES["jonas"].pronounce
    return compose(parse_lyrics(words), "folk, male vocals", duration=14.0, seed=4, pronounce=pronounce)


@pytest.fixture(scope="module")
def score() -> Score:
    return composed(WORDS)


@pytest.fixture(scope="module")
def vocals(score) -> np.ndarray:
    mono = sing(score, VOICES["jonas"], np.random.default_rng(0))
    return np.stack([mono, mono])


@pytest.fixture(scope="module")
def heard(vocals):
    return hear(load_recogniser(), vocals)


def test_right_words_are_heard_and_other_words_are_not(score, heard):
    right = words_heard(heard, score, load_recogniser())
    assert right.error_rate < 0.3
    assert not right.missed_lines
    other = compose(
        parse_lyrics(OTHERS), "folk, male vocals", duration=14.0, seed=4, pronounce=VOICES["jonas"].pronounce
    )
    wrong = words_heard(heard, other, load_recogniser())
    assert wrong.error_rate > 0.6
    assert wrong.missed_lines == [0, 1]


def test_lines_in_another_order_are_wrong(score, heard):
    words = score.words or []
    first = [p for p in score.phonemes or [] if words[p.word].line == 0]
    second = [p for p in score.phonemes or [] if words[p.word].line == 1]
    late = [p.model_copy(update={"start": p.start + 20, "end": p.end + 20}) for p in first]
    swapped = score.model_copy(update={"phonemes": [*second, *late]})
    assert words_heard(heard, swapped, load_recogniser()).error_rate > 0.5


def test_silence_sings_nothing(score):
    silent = words_heard(hear(load_recogniser(), np.zeros((2, 14 * 44100), np.float32)), score, load_recogniser())
    assert silent.error_rate == 1.0
    assert silent.missed_lines == [0, 1]


def test_phonemes_are_found_where_they_are_sung(score, heard):
    phonemes = sorted(score.phonemes, key=lambda phoneme: phoneme.start)
    found = align(heard, phonemes, load_recogniser())
    assert np.median(np.abs(np.array(found) - [phoneme.start for phoneme in phonemes])) < 0.08
    with pytest.raises(InputError, match="do not fit"):
        align(heard[: len(phonemes) // 2], phonemes, load_recogniser())


def test_long_songs_are_heard_in_pieces_as_at_once(vocals, heard):
    pieces = hear(load_recogniser(), vocals, seconds=5.0)
    assert pieces.shape == heard.shape
    assert (pieces.argmax(-1) == heard.argmax(-1)).float().mean() > 0.99


def test_no_words_and_no_recogniser_are_named(heard, tmp_path):
    with pytest.raises(InputError, match="does not say what is sung"):
        words_heard(heard, Score(duration=1), load_recogniser())
    with pytest.raises(InputError, match="holds no phoneme recogniser"):
        load_recogniser(str(tmp_path))
