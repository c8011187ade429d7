"""Other words on the same notes, other notes for the same words, more of the same song."""

import itertools

import pytest

from songdiff.composer import ComposeError, compose
from songdiff.composer.continuation import continue_score
from songdiff.composer.resing import SHORTEST, new_melody, new_words
from songdiff.lyrics import parse_lyrics
from songdiff.score import Score
from songdiff.score.timeline import bars, join

LYRICS = "[Verse]\nthe river is calling my name\nacross the valley tonight\n[Chorus]\nsing it again\nsing it once more"


@pytest.fixture(scope="module")
def song():
    return compose(parse_lyrics(LYRICS), "folk", duration=24, seed=3)


@pytest.fixture
def span(song):
    """The second line."""
    return song.lines[1].start - 0.02, song.lines[1].end + 0.02


def outside(score, span, name):
    rows = [item for item in getattr(score, name) if item.end <= span[0] or item.start >= span[1]]
    return [(item.start, item.end, getattr(item, "pitch", None), getattr(item, "symbol", None)) for item in rows]


def in_order(score):
    return all(a.end <= b.start + 1e-6 for a, b in itertools.pairwise(score.phonemes))


def test_as_many_syllables_take_the_notes_as_they_are(song, span):
    new = new_words(song, parse_lyrics("hello to everyone here"), [span])  # 7 syllables, as before
    Score.from_json(new.to_json())
    assert [line.text for line in new.lines][:3] == [
        "the river is calling my name",
        "hello to everyone here",
        "sing it again",
    ]
    assert [(n.start, n.end, n.pitch) for n in new.melody] == [(n.start, n.end, n.pitch) for n in song.melody]
    assert {new.words[n.word].text for n in new.melody if span[0] < n.start < span[1]} == {
        "hello",
        "to",
        "everyone",
        "here",
    }
    for name in ("phonemes", "melody"):
        assert outside(new, span, name) == outside(song, span, name)
    assert in_order(new)
    assert new.lines[1].section == "verse"


@pytest.mark.parametrize("text", ["oh", "love", "a new day is dawning over the hill", "one two three"])
def test_other_numbers_of_syllables_divide_or_tie_notes(song, span, text):
    new = new_words(song, parse_lyrics(text), [span])
    assert in_order(new)
    assert new.lines[1].text == text
    notes = [note for note in new.melody if span[0] < note.start < span[1]]
    old = [note for note in song.melody if span[0] < note.start < span[1]]
    assert (notes[0].start, notes[-1].end) == (old[0].start, old[-1].end)
    assert {note.pitch for note in notes} <= {note.pitch for note in old}
    assert min(note.end - note.start for note in notes) >= SHORTEST - 1e-9
    assert {(n.word, n.syllable) for n in notes} == {
        (p.word, p.syllable) for p in new.phonemes if new.words[p.word].line == 1
    }


def test_too_many_words_are_refused(song, span):
    with pytest.raises(ComposeError, match=r"has 40 syllables for 1\.\d s of melody; at most 1\d can be sung"):
        new_words(song, parse_lyrics("la " * 40), [span])
    with pytest.raises(ComposeError, match="nothing is sung in the span"):
        new_words(song, parse_lyrics("hello"), [(0.0, 1.0)])


def test_a_line_with_too_many_words_takes_notes_of_the_next(song):
    span = song.lines[1].start - 0.02, song.lines[2].end + 0.02
    text = "la " * 21
    new = new_words(song, parse_lyrics(f"{text}\nyes"), [span])
    assert [line.text for line in new.lines][1:3] == [text.strip(), "yes"]
    assert new.lines[1].end > song.lines[2].start
    assert in_order(new)


def test_of_timed_lyrics_the_lines_in_the_span_are_taken(song, span):
    clock = f"[00:{span[0] + 0.1:05.2f}]"
    lyrics = parse_lyrics(f"[00:01.00]not this one\n{clock}but this\n[00:20.00]nor this\n")
    assert new_words(song, lyrics, [span]).lines[1].text == "but this"
    with pytest.raises(ComposeError, match="none of the timed lines"):
        new_words(song, parse_lyrics("[00:01.00]not this one\n"), [span])


def test_part_of_a_line(song):
    new = new_words(song, parse_lyrics("ocean"), [(song.words[1].start + 0.05, song.words[1].end)])
    assert [line.text for line in new.lines][:3] == ["the", "ocean", "is calling my name"]
    assert in_order(new)


def test_another_melody_keeps_words_and_rhythm(song, span):
    new = new_melody(song, [span], seed=5)
    assert new.phonemes == song.phonemes
    assert [line.text for line in new.lines] == [line.text for line in song.lines]
    inside = [(a.pitch, b.pitch) for a, b in zip(song.melody, new.melody, strict=True) if span[0] < a.start < span[1]]
    assert any(a != b for a, b in inside)
    assert outside(new, span, "melody") == outside(song, span, "melody")
    assert new_melody(song, [span], seed=5) == new


def test_a_given_melody_gives_its_pitches(song, span):
    old = [note for note in song.melody if span[0] < note.start < span[1]]
    notes = [note.model_copy(update={"pitch": 60 + i, "start": 0.0, "end": 1.0}) for i, note in enumerate(old)]
    new = new_melody(song, [span], melody=notes)
    assert [n.pitch for n in new.melody if span[0] < n.start < span[1]] == [60 + i for i in range(len(old))]
    with pytest.raises(ComposeError, match=r"melody: has 1 notes, the words in the span have 7"):
        new_melody(song, [span], melody=notes[:1])


@pytest.mark.parametrize(("start", "seconds"), [(24.0, 9.7), (-6.3, 6.3)])
@pytest.mark.parametrize("words", [None, "one more line to sing for you"])
def test_more_of_a_song_is_in_phase(song, start, seconds, words):
    lyrics = None if words is None else parse_lyrics(words)
    piece = continue_score(song, start, seconds, lyrics, "folk", seed=9)
    whole = join([song, piece] if start > 0 else [piece, song], like=int(start < 0))
    Score.from_json(whole.to_json())
    assert whole.duration == pytest.approx(24 + seconds)
    gaps = [b.time - a.time for a, b in itertools.pairwise(whole.beats)]
    assert gaps == pytest.approx([gaps[0]] * len(gaps), abs=1e-4)
    positions = [beat.position for beat in whole.beats]
    assert all(b == a % 4 + 1 for a, b in itertools.pairwise(positions))
    assert {(p.instrument, p.role) for p in piece.parts} <= {(p.instrument, p.role) for p in song.parts}
    assert (piece.key, piece.tempo) == (song.key, pytest.approx(song.tempo))
    assert [line.text for line in piece.lines] == ([] if words is None else [words])
    assert bars(whole)[1] == pytest.approx(bars(song)[1])
