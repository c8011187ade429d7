import itertools
import re

import pytest

from songdiff.composer import GENRES, ComposeError, compose
from songdiff.composer.harmony import Key
from songdiff.lyrics.parse import Lyrics, LyricSection, parse_lyrics
from songdiff.lyrics.phonemes import VOWELS
from songdiff.score import Note, Score, Singer, chord_pitch_classes

CHORUS = "[Chorus]\nHold me now, hold me tight\nWe are dancing in the light\n"
SONG = parse_lyrics(
    "[Verse 1]\nWalking down the river in the morning light\nI can hear the water calling out my name\n"
    + CHORUS
    + "[Verse 2]\nTomorrow is a song I've never heard\n"
    + CHORUS
)
NEAR = 1e-6


def line_notes(score: Score) -> list[list[Note]]:
    """Sung notes of each line."""
    assert score.words is not None
    assert score.melody is not None
    words = score.words
    return [
        [n for n in score.melody if n.word is not None and words[n.word].line == i]
        for i in range(len(score.lines or []))
    ]


def shift_at(score: Score, time: float) -> int:
    """Semitones between the song's key and the one at ``time``."""
    section = next(s for s in reversed(score.sections or []) if s.start <= time)
    return (Key.parse(section.key or str(score.key)).tonic - Key.parse(str(score.key)).tonic) % 12


def check(score: Score) -> None:
    """What holds for every composed song."""
    assert None not in (
        score.phonemes,
        score.melody,
        score.words,
        score.lines,
        score.parts,
        score.sections,
        score.chords,
    )
    phonemes, melody, words = score.phonemes or [], score.melody or [], score.words or []
    for sounds in (phonemes, melody):
        assert all(sound.end > sound.start for sound in sounds)
        assert all(a.end <= b.start + NEAR for a, b in itertools.pairwise(sounds))
        assert all(sound.end <= score.duration for sound in sounds)
    for spans in (score.sections or [], score.chords or []):
        assert spans[0].start == 0
        assert spans[-1].end == score.duration
        assert all(abs(a.end - b.start) < NEAR for a, b in itertools.pairwise(spans))
    for part in score.parts or []:
        assert part.notes
        assert all(0 <= note.start < note.end <= score.duration for note in part.notes)
    if score.parts:
        rings = 2.6 if GENRES[score.genre or ""].ending == "stop" else 0.5
        assert max(note.end for part in score.parts for note in part.notes) > score.duration - rings
    if not melody:
        return
    assert score.singer is not None
    assert all(score.singer.low <= note.pitch <= score.singer.high for note in melody)
    sung: dict[tuple[int | None, int | None], list[Note]] = {}
    for note in melody:
        sung.setdefault((note.word, note.syllable), []).append(note)
    for place, notes in sung.items():
        vowel = next(p for p in phonemes if (p.word, p.syllable) == place and p.symbol in VOWELS)
        assert abs(vowel.start - notes[0].start) < NEAR
        assert vowel.end - vowel.start >= 0.4 * (notes[-1].end - notes[0].start) - NEAR
    for i, word in enumerate(words):
        own = [p for p in phonemes if p.word == i]
        assert word.start <= own[0].start + NEAR
        assert word.end >= own[-1].end - NEAR
        line = (score.lines or [])[word.line]
        assert line.start <= word.start + NEAR
        assert line.end >= word.end - NEAR


@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_makes_a_sound_song(genre: str) -> None:
    for seed in range(3):
        score = compose(SONG, genre=genre, seed=seed)
        check(score)
        low, high = GENRES[genre].tempo
        assert score.tempo is not None
        assert low - 1 <= score.tempo <= high + 1
        assert {part.track for part in score.parts or []} == {"drums", "bass", "other"}
        for notes in line_notes(score):
            assert len(notes) / (notes[-1].end - notes[0].start) <= 6.5


def test_same_arguments_same_song_and_another_seed_another_song() -> None:
    assert compose(SONG, "sad pop", seed=4) == compose(SONG, "sad pop", seed=4)
    assert compose(SONG, "sad pop", seed=4) != compose(SONG, "sad pop", seed=5)


def test_the_prompt_is_obeyed() -> None:
    score = compose(SONG, "acoustic folk with accordion, female voice, 101 bpm, in E minor, sad")
    assert (score.genre, score.tempo, score.key) == ("folk", 101.0, "E minor")
    assert score.singer is not None
    assert score.singer.gender == "female"
    assert "accordion" in {part.instrument for part in score.parts or []}
    assert all(point.valence < 0 for point in score.emotion or [])


def test_arguments_override_the_prompt() -> None:
    score = compose(
        SONG, "folk, 101 bpm, E minor", genre="house", tempo=120, key="F# major", singer=Singer(gender="male")
    )
    assert (score.genre, score.tempo, score.key) == ("house", 120.0, "Gb major")


@pytest.mark.parametrize("duration", [25.0, 41.37, 180.0])
def test_the_duration_is_kept_and_the_song_ends_on_the_tonic(duration: float) -> None:
    for lyrics in (None, SONG):
        score = compose(lyrics, "pop", duration=duration, seed=2)
        check(score)
        assert score.duration == duration
        assert score.chords is not None
        assert score.key is not None
        last = score.chords[-1]
        assert last.label.split(":")[0] == (score.sections[-1].key or score.key).split()[0]  # type: ignore[index]
        assert duration - last.start >= 0.9


def test_too_many_words_are_refused_with_a_duration_that_works() -> None:
    with pytest.raises(ComposeError, match="the lyrics need at least") as refusal:
        compose(SONG, "ballad", duration=8)
    found = re.search(r"raise the duration to (\d+) s or drop (\d+) line", str(refusal.value))
    assert found is not None
    check(compose(SONG, "ballad", duration=float(found[1])))
    shorter = Lyrics(SONG.lines[: -int(found[2])], SONG.sections)
    check(compose(shorter, "ballad", duration=8))


@pytest.mark.parametrize("genre", ["pop", "jazz", "waltz", "soul", "hip-hop"])
def test_choruses_return_note_for_note_and_lie_above_the_verse(genre: str) -> None:
    for seed in range(4):
        score = compose(SONG, genre=genre, seed=seed)
        lines = line_notes(score)
        shape = [
            [(n.pitch - shift_at(score, notes[-1].start), round(n.start - notes[0].start, 4)) for n in notes]
            for notes in lines
        ]
        assert shape[2:4] == shape[5:7]
        verse = [note.pitch for notes in lines[:2] for note in notes]
        chorus = [note.pitch for notes in lines[2:4] for note in notes]
        assert sum(chorus) / len(chorus) > sum(verse) / len(verse)


def test_melodies_move_by_step_and_rest_on_chord_tones() -> None:
    steps = total = 0
    for seed in range(8):
        score = compose(SONG, "pop", seed=seed)
        for notes in line_notes(score):
            intervals = [abs(a.pitch - b.pitch) for a, b in itertools.pairwise(notes)]
            assert max(intervals) <= 12
            steps += sum(interval <= 2 for interval in intervals)
            total += len(intervals)
            chord = next(c for c in reversed(score.chords or []) if c.start <= notes[-1].start + 0.01)
            assert notes[-1].pitch % 12 in chord_pitch_classes(chord.label)[1]
    assert steps / total > 0.6


LRC = (
    "[00:07.31]Walking down the river now\n[00:11.02]Holding on to you\n"
    "[00:15.40]Never let me go again\n[00:19.77]What am I to do\n"
)


def test_line_times_are_kept() -> None:
    lyrics = parse_lyrics(LRC)
    for seed, genre in enumerate(GENRES):
        score = compose(lyrics, genre=genre, seed=seed)
        check(score)
        for line, notes in zip(lyrics.lines, line_notes(score), strict=True):
            assert line.start is not None
            assert abs(notes[0].start - line.start) < 1e-3


def test_word_times_are_kept() -> None:
    words = [(2.0, 2.41, "Walking"), (2.6, 2.9, "down"), (3.33, 3.5, "the"), (3.5, 4.4, "river"), (7.0, 8.0, "again")]
    lyrics = parse_lyrics("[" + ",".join(f'{{"start":{a},"end":{b},"word":"{w}"}}' for a, b, w in words) + "]")
    score = compose(lyrics, "rock", seed=3, duration=12)
    check(score)
    for i, (start, _, _) in enumerate(words):
        assert score.melody is not None
        assert abs(next(n for n in score.melody if n.word == i).start - start) < 1e-3


def test_the_grid_finds_the_tempo_of_timed_lines() -> None:
    bar = 4 * 60 / 97.0
    times = [0.4 + bar * (2 + 2 * i) for i in range(12)]
    lyrics = parse_lyrics("".join(f"[{int(t // 60):02d}:{t % 60:06.3f}]holding on to you\n" for t in times))
    score = compose(lyrics, "folk", seed=1)
    assert score.tempo == pytest.approx(97.0, abs=0.11)
    downbeats = [beat.time for beat in score.beats or [] if beat.position == 1]
    assert all(min(abs(t - beat) for beat in downbeats) < 0.06 for t in times)


def test_timed_lines_after_the_end_are_refused() -> None:
    with pytest.raises(ComposeError, match=r"starts at 19\.8 s, the song lasts 15 s: raise the duration to"):
        compose(parse_lyrics(LRC), "pop", duration=15)


def test_instrumentals_have_a_lead_and_nobody_sings() -> None:
    score = compose(None, "synthwave", duration=40, seed=1)
    check(score)
    assert score.melody == []
    assert score.phonemes == []
    assert score.singer is None
    assert any(part.role == "lead" for part in score.parts or [])
    tagged = compose(
        Lyrics(sections=[LyricSection("verse", "Verse"), LyricSection("solo", "Solo")]), "rock", duration=40
    )
    assert "solo" in [section.label for section in tagged.sections or []]


def test_what_is_not_understood_is_refused_by_name() -> None:
    with pytest.raises(ComposeError, match="unknown genre 'polkastep'"):
        compose(SONG, genre="polkastep")
    with pytest.raises(ComposeError, match="unknown key 'H moll'"):
        compose(SONG, key="H moll")
    with pytest.raises(ComposeError, match="at least 2 s"):
        compose(None, duration=0.5)
    with pytest.raises(ComposeError, match="between 30 and 300"):
        compose(None, tempo=1000)
