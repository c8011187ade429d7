import pytest

from songdiff.composer import ComposeError, untimed_score
from songdiff.lyrics import parse_lyrics


def test_words_are_spread_over_the_song_and_nothing_else_is_known():
    score = untimed_score(parse_lyrics("sing a song of sixpence\na pocket full of rye"), duration=12.0)
    assert (score.melody, score.chords, score.beats, score.parts) == (None, None, None, None)
    assert [word.text for word in score.words][:3] == ["sing", "a", "song"]
    assert 0 < score.phonemes[0].start < score.phonemes[-1].end <= 12
    assert all(a.end <= b.start + 1e-6 for a, b in zip(score.lines, score.lines[1:], strict=False))


def test_given_line_starts_are_kept():
    score = untimed_score(parse_lyrics("[00:02.00]sing a song\n[00:05.00]of sixpence"))
    assert [line.start for line in score.lines] == [2.0, 5.0]


def test_too_short_a_song_is_refused():
    with pytest.raises(ComposeError, match=r"need at least .* raise the duration"):
        untimed_score(parse_lyrics("la la la la la la la la\n" * 30), duration=20)
    with pytest.raises(ComposeError, match="line 1 starts at 50 s"):
        untimed_score(parse_lyrics("[00:50.00]late"), duration=20)


def test_no_lyrics_is_an_instrumental():
    assert untimed_score(None, duration=5).phonemes == []
