import numpy as np
import pytest

from songdiff.evaluation import chord_accuracy, chroma, pitch_accuracy, pitch_track
from songdiff.evaluation.adherence import summarise
from songdiff.score import Beat, Chord, Note, Score

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


def test_chords_right_wrong_and_shuffled():
    first, first_score = song([0, 5, 7, 9], [4, 4, 4, 3])
    second, second_score = song([2, 10, 3, 1], [3, 4, 4, 3])
    assert chord_accuracy(chroma(first), first_score) == (4, 4)
    assert chord_accuracy(chroma(second), first_score) == (0, 4)
    assert chord_accuracy(chroma(first * 0), first_score) == (0, 4)
    rows = [{"pitch": (1, 2), "chords": (4, 4), "chroma": chroma(wave)} for wave in (first, second)]
    summary = summarise(rows, [first_score, second_score])
    assert summary == pytest.approx({"pitch_within_50_cents": 0.5, "chords_right": 1.0, "chords_shuffled": 0.0})
