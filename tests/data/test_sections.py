import itertools

import numpy as np
import pytest

from songdiff.data.sections import cuts, heard_sections, told_sections
from songdiff.lyrics import parse_lyrics
from songdiff.score import Beat, Line, Score, Section

BARS = [2.0 * i for i in range(20)]


def lines(*spans):
    return [Line(start=a, end=b, text="la") for a, b in spans]


def test_tags_become_sections_on_bar_lines():
    lyrics = parse_lyrics("[Verse]\nla\nla\n[Chorus]\nla\n[Verse]\nla")
    sections = told_sections(lyrics, lines((3.7, 5), (6, 7.5), (8.1, 9), (22.2, 25)), BARS, 40.0)
    assert [(s.label, s.start, s.end) for s in sections] == [
        ("intro", 0, 4),
        ("verse", 4, 8),
        ("chorus", 8, 10),
        ("solo", 10, 22),
        ("verse", 22, 26),
        ("outro", 26, 40),
    ]
    assert told_sections(parse_lyrics("la"), lines((1, 2)), BARS, 40.0) is None


def test_a_change_of_the_music_is_heard():
    rng = np.random.default_rng(0)
    time = np.arange(40 * 44100) / 44100
    loud = time > 20
    low, high = np.sin(2 * np.pi * 220 * time), np.sin(2 * np.pi * 587.3 * time)
    vocals = np.where((time > 8), 0.2 * low * (np.sin(6 * time) > 0), 0)
    other = np.where(loud, 0.3 * high + 0.05 * rng.standard_normal(len(time)), 0.1 * low)
    sections = heard_sections({"vocals": np.stack([vocals] * 2), "other": np.stack([other] * 2)}, BARS)
    starts = [section.start for section in sections]
    assert 20.0 in starts
    assert set(starts) <= {0.0, *BARS}
    assert sections[-1].end == pytest.approx(40)


def test_long_songs_are_cut_where_sections_begin_else_between_lines():
    beats = [Beat(time=0.5 * i, position=i % 4 + 1) for i in range(800)]
    sections = [Section(start=a, end=b, label="verse") for a, b in itertools.pairwise([0, 90, 190, 290, 400])]
    score = Score(duration=400.0, beats=beats, sections=sections)
    assert cuts(score, 285.0) == [(0.0, 190), (190, 400.0)]
    assert cuts(score, 400.0) == [(0.0, 400.0)]
    plain = Score(duration=400.0, beats=beats, lines=lines((150.5, 250.5)))
    assert cuts(plain, 285.0) == [(0.0, 150.0), (150.0, 400.0)]
    for unknown in (plain, Score(duration=400.0)):
        pieces = cuts(unknown, 60.0)
        assert all(0 < b - a <= 60.0 for a, b in pieces)
        assert [a for a, _ in pieces[1:]] == [b for _, b in pieces[:-1]]
        assert (pieces[0][0], pieces[-1][1]) == (0.0, 400.0)
