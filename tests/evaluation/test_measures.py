import numpy as np

from songdiff.errors import InputError
from songdiff.evaluation import measures
from songdiff.evaluation.measures import measure_song, prepare
from songdiff.evaluation.pitch import pitch_accuracy, pitch_track
from songdiff.evaluation.songs import Audio, Song
from songdiff.score import Note, Score

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


def test_pitch_in_pieces_is_that_of_the_whole():
    sung = voice([57, 60, 64, 62], 0.4)
    whole, pieces = pitch_track(sung), pitch_track(sung, block=0.8)
    assert len(whole) == len(pieces) == 161
    assert np.isclose(whole, pieces, rtol=0.01).mean() > 0.97


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
