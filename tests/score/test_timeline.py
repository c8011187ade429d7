"""Scores cut and joined in time."""

import pytest

from songdiff.composer import compose
from songdiff.lyrics import parse_lyrics
from songdiff.score import Beat, Level, Note, Part, Phoneme, Score, Section
from songdiff.score.timeline import bars, cut, join, section_at


@pytest.fixture(scope="module")
def song():
    lyrics = "[Verse]\nthe river is calling my name\nacross the valley tonight\n[Chorus]\nsing it again"
    return compose(parse_lyrics(lyrics), "folk", duration=24, seed=3)


def times(row):
    return [(round(item.start, 4), round(item.end, 4)) for item in row]


def test_cut_and_joined_is_the_same_song(song):
    at = song.lines[1].start - 0.02  # between two lines
    again = join([cut(song, 0, at), cut(song, at, song.duration)])
    Score.from_json(again.to_json())
    assert again.duration == pytest.approx(song.duration)
    for name in ("lines", "words", "phonemes", "melody"):
        assert times(getattr(again, name)) == times(getattr(song, name))
    assert [again.words[p.word].text for p in again.phonemes] == [song.words[p.word].text for p in song.phonemes]
    assert [again.words[n.word].text for n in again.melody] == [song.words[n.word].text for n in song.melody]
    assert [beat.position for beat in again.beats] == [beat.position for beat in song.beats]
    assert [(part.instrument, part.role) for part in again.parts] == [(p.instrument, p.role) for p in song.parts]
    assert bars(again) == pytest.approx(bars(song))


def test_a_cut_clips_what_reaches_over_its_borders():
    notes = [Note(start=1, end=3, pitch=40), Note(start=8, end=9, pitch=4)]
    score = Score(
        duration=10,
        sections=[Section(start=0, end=6, label="verse"), Section(start=6, end=10, label="chorus")],
        beats=[Beat(time=t, position=t % 4 + 1) for t in range(10)],
        melody=[],
        parts=[Part(track="bass", instrument="bass", notes=notes)],
        dynamics={"drums": [Level(time=0, decibels=0), Level(time=10, decibels=-10)]},
    )
    part = cut(score, 2, 7)
    assert part.duration == 5
    assert [(s.label, s.start, s.end) for s in part.sections] == [("verse", 0, 4), ("chorus", 4, 5)]
    assert [(note.start, note.end) for note in part.parts[0].notes] == [(0, 1)]
    assert [(beat.time, beat.position) for beat in part.beats][:2] == [(0, 3), (1, 4)]
    assert [(p.time, p.decibels) for p in part.dynamics["drums"]] == [(0, -2), (5, -7)]
    assert part.melody == []
    assert part.phonemes is None


def test_another_key_stays_with_its_sections():
    one = Score(duration=2, key="C major", sections=[Section(start=0, end=2, label="verse")])
    other = Score(duration=3, key="D major", sections=[Section(start=0, end=3, label="chorus")])
    song = join([one, other])
    assert (song.key, song.duration) == ("C major", 5)
    assert [(s.start, s.key) for s in song.sections] == [(0, None), (2, "D major")]
    assert section_at(song, 2.5).label == "chorus"


def test_bars_come_from_all_bar_lines():
    beats = [Beat(time=0, position=3)] + [Beat(time=0.7 + i * 0.5, position=i % 4 + 1) for i in range(41)]
    assert bars(Score(duration=30, beats=beats)) == pytest.approx((0.7, 2.0))
    assert bars(Score(duration=30)) is None
    assert bars(Score(duration=30, beats=beats[:3])) is None


def test_unknown_stays_unknown_and_is_not_made_empty():
    song = join([Score(duration=2), Score(duration=2)])
    assert song.beats is song.phonemes is song.parts is song.dynamics is None
    phoneme = Score(
        duration=2,
        lines=[{"text": "a", "start": 0, "end": 1}],
        words=[{"text": "a", "start": 0, "end": 1, "line": 0}],
        phonemes=[Phoneme(symbol="ɑ", start=0, end=1, word=0)],
    )
    song = join([phoneme, Score(duration=1), phoneme])
    assert [(p.start, p.word) for p in song.phonemes] == [(0, 0), (3, 1)]
    assert song.words[1].line == 1
