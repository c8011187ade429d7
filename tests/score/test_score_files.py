import json

import mido
import pytest

from songdiff.lyrics import parse_lyrics
from songdiff.score import (
    Beat,
    Line,
    Note,
    Part,
    Score,
    ScoreError,
    Section,
    Word,
    melody_from_midi,
    to_lrc,
    to_midi,
    to_word_json,
)


@pytest.fixture
def score():
    beats = [Beat(time=0.3 + 0.5 * i + 0.004 * i * i, position=i % 4 + 1) for i in range(16)]
    melody = [
        Note(start=1.0, end=1.5, pitch=60, word=0, syllable=0),
        Note(start=1.5, end=2.0, pitch=62, word=0, syllable=1),
        Note(start=2.2, end=3.456, pitch=64, velocity=70, word=1, syllable=0),
    ]
    return Score(
        duration=12,
        title="É",
        tempo=120,
        time_signature="3/4",
        key="Db minor",
        beats=beats,
        sections=[Section(start=0, end=1.2, label="intro"), Section(start=1.2, end=9, label="prechorus")],
        lines=[
            Line(start=1.0, end=3.456, text="hello world", section="prechorus"),
            Line(start=6, end=7, text="yes", section="prechorus"),
        ],
        words=[
            Word(start=1, end=2, text="hello", line=0),
            Word(start=2.2, end=3.456, text="world", line=0),
            Word(start=6, end=7, text="yes", line=1),
        ],
        melody=melody,
        parts=[
            Part(track="drums", instrument="kit", notes=[Note(start=0.3, end=0.4, pitch=36)]),
            Part(track="bass", instrument="bass", program=33, notes=[Note(start=0.3, end=2, pitch=30)]),
        ],
    )


@pytest.mark.parametrize("words", [False, True])
def test_lrc_reads_back(score, words):
    lyrics = parse_lyrics(to_lrc(score, words=words))
    assert [(line.text, line.start) for line in lyrics.lines] == [("hello world", 1.0), ("yes", 6.0)]
    assert [section.label for section in lyrics.sections] == ["intro", "prechorus"]
    assert [line.section for line in lyrics.lines] == [1, 1]
    assert lyrics.lines[0].end == 3.46
    assert not lyrics.problems
    assert lyrics.title == "É"


def test_word_json_reads_back(score):
    text = to_word_json(score)
    assert json.loads(text)[1] == {"start": 2.2, "end": 3.456, "word": "world", "line": 0, "section": "prechorus"}
    assert [line.text for line in parse_lyrics(text).lines] == ["hello world", "yes"]


def test_midi_keeps_the_melody_in_time(score, tmp_path):
    path = tmp_path / "song.mid"
    to_midi(score, path)
    notes = melody_from_midi(path)
    assert [(note.pitch, note.velocity) for note in notes] == [(60, 90), (62, 90), (64, 70)]
    for note, written in zip(notes, score.melody, strict=True):
        assert note.start == pytest.approx(written.start, abs=1e-3)
        assert note.end == pytest.approx(written.end, abs=1e-3)
    file = mido.MidiFile(path, charset="utf-8")
    assert [message.text for message in file.tracks[1] if message.type == "lyrics"] == ["hello", "-", "world"]
    assert [track.name for track in file.tracks] == ["É", "vocals", "drums: kit", "bass: bass"]
    first = path.read_bytes()
    to_midi(score, path)
    assert path.read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == ["song.mid"]


def test_beats_of_the_score_are_beats_of_the_file(score, tmp_path):
    to_midi(score, tmp_path / "a.mid")
    time, ticks, onbeat = 0.0, 0, []
    tempo = 500_000
    for message in mido.merge_tracks(mido.MidiFile(tmp_path / "a.mid").tracks):
        time += mido.tick2second(message.time, 960, tempo)
        ticks += message.time
        tempo = message.tempo if message.type == "set_tempo" else tempo
        if message.type == "set_tempo":
            onbeat.append((ticks / 960, time))
    expected = [0.0] + [beat.time for beat in score.beats]
    assert all(time == pytest.approx(expected[int(beat)], abs=1e-4) for beat, time in onbeat)
    assert len(onbeat) > 10


def test_a_polyphonic_track_becomes_one_voice(tmp_path):
    score = Score(
        duration=5,
        melody=[Note(start=0, end=2, pitch=60), Note(start=0, end=1.5, pitch=67), Note(start=1, end=2, pitch=65)],
    )
    to_midi(score, tmp_path / "a.mid")
    assert [(note.start, note.end, note.pitch) for note in melody_from_midi(tmp_path / "a.mid")] == [
        (0, 1, 67),
        (1, 2, 65),
    ]


def test_refusals_name_the_file(tmp_path):
    bad = tmp_path / "bad.mid"
    for data in (b"", b"MThd\0\0", b"hello", b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x20\0\x90"):
        bad.write_bytes(data)
        with pytest.raises(ScoreError, match=r"bad\.mid"):
            melody_from_midi(bad)
    with pytest.raises(ScoreError, match="no such"):
        melody_from_midi(tmp_path / "none.mid")
    with pytest.raises(ScoreError, match="lines are unknown"):
        to_lrc(Score(duration=1))
