"""A song made of tones that plays just what its score says, and songs that do not."""

import sys

import numpy as np
import pytest

from songdiff.corpus.tools import MissingToolError
from songdiff.evaluation.errors import EvaluationError
from songdiff.evaluation.music import FIGURES, measure_music
from songdiff.score import Beat, Chord, Level, Note, Part, Score, Section, chord_pitch_classes

RATE, BEAT = 44100, 0.5
VERSE = ["C:maj", "A:min", "F:maj", "G:maj"]
CHORUS = ["F:maj", "G:maj", "E:min", "C:maj"]
FORM = [("verse", VERSE, -3.0), ("chorus", CHORUS, 3.0), ("verse", VERSE, -3.0), ("chorus", CHORUS, 3.0)]
TUNE = {"verse": [0, 2, 4, 2], "chorus": [7, 9, 7, 5]}  # semitones above C4, a note for every second beat


def tone(pitch, seconds, harmonics, level):
    times = np.arange(round(seconds * RATE)) / RATE
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    wave = sum(np.sin(2 * np.pi * k * hertz * times) / k for k in range(1, harmonics + 1))
    return level * wave * np.minimum(1, np.minimum(times, times[::-1]) / 0.01)


def stroke(pitch, rng):
    times = np.arange(round(0.1 * RATE)) / RATE
    if pitch == 36:
        return 0.5 * np.sin(2 * np.pi * 60 * times) * np.exp(-times / 0.04)
    return (0.3 if pitch == 38 else 0.08) * rng.standard_normal(len(times)) * np.exp(-times / 0.02)


def compose(form=FORM):
    """Eight seconds of every section: a bar is a chord, kick and snare in turn, hi-hats between."""
    fields = {"chords": [], "sections": [], "melody": [], "beats": []}
    drums, bass, other = [], [], []
    level = []
    for number, (label, chords, decibels) in enumerate(form):
        start = 8.0 * number
        fields["sections"].append(Section(start=start, end=start + 8, label=label))
        level += [Level(time=start + 0.01, decibels=decibels), Level(time=start + 7.99, decibels=decibels)]
        for bar, chord in enumerate(chords):
            at = start + 2 * bar
            root, pitch_classes = chord_pitch_classes(chord)
            fields["chords"].append(Chord(start=at, end=at + 2, label=chord))
            bass.append(Note(start=at, end=at + 1.9, pitch=36 + root))
            other += [Note(start=at, end=at + 1.9, pitch=60 + p) for p in pitch_classes]
            for half in range(2):
                pitch = 60 + TUNE[label][(bar + 2 * half) % 4]
                fields["melody"].append(Note(start=at + half, end=at + half + 0.8, pitch=pitch))
            for beat in range(4):
                fields["beats"].append(Beat(time=at + beat * BEAT, position=beat + 1))
                time = at + beat * BEAT
                drums.append(Note(start=time, end=time + 0.1, pitch=38 if beat % 2 else 36))
                drums.append(Note(start=time + BEAT / 2, end=time + 0.3, pitch=42))
    parts = [("drums", drums), ("bass", bass), ("other", other)]
    score = Score(
        duration=8.0 * len(form),
        tempo=120,
        key="C major",
        parts=[Part(track=track, instrument=track, notes=notes) for track, notes in parts],
        dynamics={"drums": level, "other": level},
        **fields,
    )
    return score.canonical()


def play(score):
    rng = np.random.default_rng(0)
    stems = {}
    for track in ("vocals", "drums", "bass", "other"):
        mono = np.zeros(round(score.duration * RATE))
        for note in score.track_notes(track):
            if track == "drums":
                sound = stroke(note.pitch, rng)
            else:
                harmonics, level = {"vocals": (10, 0.1), "bass": (3, 0.15), "other": (4, 0.05)}[track]
                sound = tone(note.pitch, note.end - note.start, harmonics, level)
            first = round(note.start * RATE)
            mono[first : first + len(sound)] += sound[: len(mono) - first]
        for section in score.sections if track in (score.dynamics or {}) else []:
            levels = score.dynamics[track]
            gain = 10 ** (np.interp(section.start + 1, [p.time for p in levels], [p.decibels for p in levels]) / 20)
            mono[round(section.start * RATE) : round(section.end * RATE)] *= gain
        stems[track] = np.stack([mono, mono]).astype(np.float32)
    return stems


@pytest.fixture(scope="module")
def song():
    score = compose()
    return score, play(score)


@pytest.fixture(scope="module")
def right(song):
    return measure_music(*song)


def test_a_song_that_plays_its_score(right):
    assert right.keys() == FIGURES.keys()
    for name in ("tempo_within_2", "tempo_within_4", "tempo_any_level", "key_right", "key_score"):
        assert right[name] == 1, name
    for name in ("beats_f", "beats_any_level", "downbeats_f", "chords_root", "chords_majmin", "boundaries_f"):
        assert right[name] > 0.9, name
    for name in ("melody_pitch", "melody_chroma", "voicing_recall", "drum_onsets_f", "dynamics_correlation"):
        assert right[name] > 0.9, name
    assert right["voicing_false_alarm"] < 0.2
    assert right["notes_unheard"] == 0
    assert right["repeat_contrast"] > 0.3


def test_transposed_melody_and_shuffled_chords(song, right):
    score = song[0].model_copy(deep=True)
    for note in score.melody:
        note.pitch += 2 if note.start < 16 else 12  # an octave keeps its chroma
    labels = [chord.label for chord in score.chords]
    for chord, label in zip(score.chords, labels[3:] + labels[:3], strict=True):
        chord.label = label
    score.key = "Gb major"
    wrong = measure_music(score, song[1])
    assert wrong["melody_pitch"] < 0.1
    assert 0.4 < wrong["melody_chroma"] < 0.6
    assert wrong["chords_root"] < 0.3
    assert wrong["chords_majmin"] < 0.3
    assert wrong["key_right"] == wrong["key_score"] == 0
    assert wrong["beats_f"] == right["beats_f"]


def test_wrong_tempo_and_planned_levels(song):
    score = song[0].model_copy(deep=True)
    score.tempo, score.melody = 93.0, None
    score.beats = [Beat(time=i * 60 / 93, position=i % 4 + 1) for i in range(49)]
    for levels in score.dynamics.values():
        for level in levels:
            level.decibels *= -1
    wrong = measure_music(score, song[1])
    assert wrong["tempo_within_4"] == wrong["tempo_any_level"] == 0
    assert wrong["tempo_error"] == pytest.approx(27 / 93, abs=0.02)
    assert wrong["beats_f"] < 0.5
    assert wrong["downbeats_f"] < 0.5
    assert wrong["dynamics_correlation"] < -0.8


@pytest.mark.parametrize("faster", [1.06, 1.25])
def test_a_song_played_too_fast(song, faster):
    """It plays at 120; what was asked for is slower, and the search near it still finds 120."""
    score = song[0].model_copy(update={"tempo": 120 / faster, "melody": None, "sections": None})
    score.beats = [Beat(time=i * BEAT * faster, position=i % 4 + 1) for i in range(int(64 / faster))]
    wrong = measure_music(score, song[1])
    assert wrong["tempo_bpm"] == pytest.approx(120, rel=0.005)
    assert wrong["tempo_error"] == pytest.approx(faster - 1, abs=0.01)
    assert wrong["tempo_within_2"] == wrong["tempo_within_4"] == wrong["tempo_any_level"] == 0
    assert wrong["beats_f"] < 0.5


def test_the_asked_metrical_level_is_heard(song):
    """The same sound may be written down as half as fast, with two beats a bar."""
    beats = [Beat(time=2 * i * BEAT, position=i % 2 + 1) for i in range(32)]
    score = song[0].model_copy(update={"tempo": 60.0, "beats": beats, "melody": None, "sections": None})
    figures = measure_music(score, song[1])
    assert figures["tempo_within_2"] == figures["tempo_any_level"] == 1
    assert figures["beats_any_level"] > 0.9


def test_swapped_sections(song, right):
    """The second verse and chorus change places: choruses no longer agree, and boundaries go missing."""
    wave = {track: np.concatenate([s[:, :706_000], s[:, -354_000:], s[:, 706_000:-354_000]], 1)
            for track, s in song[1].items()}  # fmt: skip
    wrong = measure_music(song[0].model_copy(update={"melody": None}), wave)
    assert wrong["repeat_contrast"] < right["repeat_contrast"] - 0.3
    assert wrong["boundaries_f"] < right["boundaries_f"]
    assert wrong["chords_majmin"] < 0.8


def test_silence_and_noise_where_there_should_be_none(song):
    score, stems = song
    silent = measure_music(score, {track: np.zeros_like(stem) for track, stem in stems.items()})
    assert silent["notes_unheard"] == 1
    for name in ("tempo_within_4", "beats_f", "downbeats_f", "key_score", "chords_majmin", "melody_pitch"):
        assert silent[name] == 0, name
    assert silent["drum_onsets_f"] == silent["voicing_recall"] == 0
    lone = score.model_copy(update={"melody": score.melody[:4]})
    sung = measure_music(lone, stems)
    assert sung["silence_s"] == pytest.approx(32 - 3.8 - 3.0, abs=0.2)
    assert sung["silence_broken"] > 0.7
    assert sung["voicing_false_alarm"] > 0.7
    quiet = stems | {"vocals": np.where(np.arange(stems["vocals"].shape[1]) < 3.9 * RATE, stems["vocals"], 0)}
    assert measure_music(lone, quiet)["silence_broken"] == 0


def test_what_is_unknown_is_not_measured(song):
    figures = measure_music(Score(duration=32), song[1])
    assert all(not value for value in figures.values())


def test_bad_input_is_refused_with_one_line(song, monkeypatch):
    score, stems = song
    cut = stems["drums"][:, :1000]
    broken = stems["drums"].copy()
    broken[0, 7] = np.nan
    for bad, said in (
        ({k: v for k, v in stems.items() if k != "drums"}, "no drums"),
        (stems | {"drums": cut}, "lengths differ"),
        (stems | {"drums": stems["drums"].T}, "shape"),
        (stems | {"drums": broken}, "1 samples are not numbers"),
        ({track: stem[:, ::2] for track, stem in stems.items()}, "resample"),
    ):
        with pytest.raises(EvaluationError, match=said) as error:
            measure_music(score, bad)
        assert "\n" not in str(error.value)
    monkeypatch.setitem(sys.modules, "mir_eval", None)
    with pytest.raises(MissingToolError, match="pip install"):
        measure_music(score, stems)
