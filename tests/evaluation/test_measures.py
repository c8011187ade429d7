import numpy as np

from songdiff.errors import InputError
from songdiff.evaluation import measures
from songdiff.evaluation.adherence import measure_adherence
from songdiff.evaluation.chords import chord_accuracy, chroma
from songdiff.evaluation.measures import measure_song, prepare
from songdiff.evaluation.pitch import pitch_accuracy, pitch_track
from songdiff.evaluation.songs import Audio, Song
from songdiff.score import TRACKS, Beat, Chord, Note, Part, Score

RATE = 44100


def voice(pitches, seconds=0.5):
    """A harmonic tone per pitch: something a pitch tracker takes for a voice."""
    phase = 2 * np.pi * np.cumsum(np.repeat([440 * 2 ** ((p - 69) / 12) for p in pitches], int(seconds * RATE))) / RATE
    wave = sum(np.sin(k * phase) / k for k in range(1, 12)) * 0.2
    return np.stack([wave, wave]).astype(np.float32)


def melody(pitches, seconds=0.5):
    return [Note(start=i * seconds, end=(i + 1) * seconds, pitch=p) for i, p in enumerate(pitches)]


def test_pitch_right_and_wrong():
    asked = [57, 60, 64, 62]
    right, voiced = pitch_accuracy(pitch_track(voice(asked)), melody(asked))
    assert voiced > 150
    assert right / voiced > 0.9
    transposed, _ = pitch_accuracy(pitch_track(voice([p + 1 for p in asked])), melody(asked))
    assert transposed / voiced < 0.1


def song(roots, thirds):
    """Two-second bars of triads."""
    times = np.arange(2 * RATE) / RATE
    bars = [
        sum(np.sin(2 * np.pi * 440 * 2 ** ((48 + r + step - 69) / 12) * times) for step in (0, third, 7))
        for r, third in zip(roots, thirds, strict=True)
    ]
    names = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
    chords = [
        Chord(start=2 * i, end=2 * i + 2, label=f"{names[r]}:{'maj' if third == 4 else 'min'}")
        for i, (r, third) in enumerate(zip(roots, thirds, strict=True))
    ]
    beats = [Beat(time=2 * i, position=1) for i in range(len(roots) + 1)]
    wave = np.concatenate(bars) * 0.1
    return np.stack([wave, wave]), Score(duration=2 * len(roots), chords=chords, beats=beats)


def test_chords_right_and_wrong():
    first, first_score = song([0, 5, 7, 9], [4, 4, 4, 3])
    second, _ = song([2, 10, 3, 1], [3, 4, 4, 3])
    assert chord_accuracy(chroma(first), first_score) == (4, 4)
    assert chord_accuracy(chroma(second), first_score) == (0, 4)
    assert chord_accuracy(chroma(first * 0), first_score) == (0, 4)


def test_adherence_of_a_right_a_transposed_and_a_silent_song():
    wave, score = song([0, 5, 7, 9], [4, 4, 4, 3])
    score.melody, score.parts = melody([57, 60, 64, 62]), [Part(track="other", instrument="piano")]
    stems = {track: np.zeros_like(wave) for track in TRACKS} | {"other": wave}
    sung = np.pad(voice([57, 60, 64, 62]), ((0, 0), (0, wave.shape[1] - 2 * RATE)))
    right = measure_adherence(score, stems | {"vocals": sung})
    assert right["chords_right"] == 1
    assert right["pitch_within_50_cents"] > 0.9
    assert right["voiced"] > 0.9
    low = np.pad(voice([55, 58, 62, 60]), ((0, 0), (0, wave.shape[1] - 2 * RATE)))
    wrong = measure_adherence(score, stems | {"vocals": low, "other": np.roll(wave, 2 * RATE, axis=1)})
    assert wrong["pitch_within_50_cents"] < 0.1
    assert wrong["chords_right"] < 0.3
    silent = measure_adherence(score, {track: np.zeros_like(wave) for track in TRACKS})
    assert silent == {"pitch_within_50_cents": 0, "voiced": 0, "chords_right": 0}
    assert set(measure_adherence(Score(duration=8), stems).values()) == {None}


def test_a_group_that_cannot_be_measured_is_named_and_the_others_go_on(monkeypatch):
    def missing(songs):
        raise InputError("no recogniser here")

    def choosy(song, audio):
        raise InputError("no words in this song")

    groups = {
        "words": missing,
        "lines": lambda songs: choosy,
        "sound": lambda songs: lambda song, audio: {"loud": 0.5, "odd": float("inf"), "none": None},
    }
    monkeypatch.setattr(measures, "MEASURES", groups)
    ready, notes = prepare([])
    assert notes == ["words is not measured: no recogniser here"]
    audio = Audio(np.zeros((2, 100), np.float32), None)
    figures = measure_song(Song("a", "", Score(duration=1), lambda: audio), audio, ready)
    assert figures == {"sound.loud": 0.5, "sound.odd": None, "sound.none": None}
    assert audio.remarks == ["lines not measured: no words in this song"]
