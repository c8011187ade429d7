import itertools
import random

import pytest

from songdiff.composer import GENRES
from songdiff.composer.comping import _PATTERNS, play_chords, voice_lead
from songdiff.composer.genre import Voice
from songdiff.composer.grid import Grid
from songdiff.composer.harmony import SCALES, Key, chord_label, harmony, progression
from songdiff.composer.instruments import INSTRUMENTS
from songdiff.composer.progressions import COMMON
from songdiff.composer.text import SungSyllable
from songdiff.composer.timing import time_phonemes


@pytest.mark.parametrize(
    ("numeral", "label"),
    [("I", "C:maj"), ("vi", "A:min"), ("bVImaj7", "Ab:maj7"), ("ii7", "D:min7"), ("V9", "G:9"), ("#idim7", "Db:dim7")],
)
def test_roman_numerals(numeral: str, label: str) -> None:
    assert chord_label(numeral, 0) == label


def test_every_progression_of_every_genre_can_be_read() -> None:
    for genre in GENRES.values():
        for mode in SCALES:
            for label in ("intro", "verse", "prechorus", "chorus", "bridge", "solo", "break", "outro"):
                for seed in range(4):
                    for bar in progression(label, genre, mode, str(seed)):
                        assert bar
                        assert all(chord_label(numeral, 5) for numeral in bar)
        for table in (COMMON, genre.progressions):
            assert set(table) <= set(SCALES)


def test_genre_data_is_consistent() -> None:
    for genre in GENRES.values():
        size = Grid(100, genre.time_signature).slots_per_bar
        for groove in genre.grooves.values():
            assert all(len(row) == size and set(row) <= set("Xxo.") for row in groove.values()), genre.name
        assert genre.bass[0] in INSTRUMENTS
        assert set(genre.tonic) >= set(genre.modes) & {"major", "minor"}
        for voice in genre.voices:
            assert voice.instrument in INSTRUMENTS
            assert voice.style == "fills" or voice.style in _PATTERNS


def test_swing_delays_the_off_beat_to_the_triplet() -> None:
    grid = Grid(60, swing=1.0)
    assert grid.time(2) == pytest.approx(2 / 3)
    assert grid.time(4) == pytest.approx(1.0)
    for slot in range(-8, 40):
        assert grid.nearest_slot(grid.time(slot)) == slot


def test_voices_move_little_and_stay_in_register() -> None:
    piano = INSTRUMENTS["piano"]
    row = [harmony(0, 16, label) for label in ("C:maj", "A:min", "F:maj", "G:7", "C:maj")]
    voicing = voice_lead(row[0], (), piano, "block")
    for chord in row[1:]:
        following = voice_lead(chord, voicing, piano, "block")
        assert {pitch % 12 for pitch in following} == set(chord.tones)
        assert all(piano.low <= pitch <= piano.high for pitch in following)
        assert abs(sum(following) / len(following) - sum(voicing) / len(voicing)) < 4
        voicing = following


def test_a_player_is_silent_below_its_intensity() -> None:
    assert play_chords([], Grid(100), Voice("piano", "chords", "block"), 10.0, random.Random(0)) == []


def syllable(text: str, word: int = 0) -> SungSyllable:
    return SungSyllable(word, 0, tuple(text.split()), 1.0)


def test_consonants_lie_before_the_note_and_vowels_fill_it() -> None:
    timed = time_phonemes([syllable("s t a n d"), syllable("b aɪ", 1)], [(1.0, 2.0), (2.0, 3.0)], 0.0)
    starts = {(p.symbol, p.syllable): p.start for p in timed}
    assert starts["a", 0] == 1.0
    assert starts["aɪ", 1] == 2.0
    assert starts["s", 0] == pytest.approx(1.0 - 0.16)
    assert starts["b", 1] == pytest.approx(1.93)
    assert [p.symbol for p in timed] == ["s", "t", "a", "n", "d", "b", "aɪ"]
    assert timed[-1].end == 3.0


def test_consonants_shrink_when_time_is_short() -> None:
    timed = time_phonemes([syllable("s t ɹ ɛ ŋ θ s"), syllable("s p l a ʃ", 1)], [(0.1, 0.3), (0.3, 0.5)], 0.05)
    assert timed[0].start == pytest.approx(0.05)
    assert all(a.end <= b.start + 1e-9 for a, b in itertools.pairwise(timed))
    vowel = next(p for p in timed if p.symbol == "ɛ")
    assert vowel.end - vowel.start >= 0.4 * 0.2
    assert vowel.start == 0.1


def test_keys() -> None:
    assert Key.parse("D minor").pitch_classes == (2, 4, 5, 7, 9, 10, 0)
    assert str(Key.parse("Gb mixolydian")) == "Gb mixolydian"
    with pytest.raises(ValueError, match="unknown key"):
        Key.parse("D phrygian")
