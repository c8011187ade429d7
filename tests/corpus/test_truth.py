"""The annotations of the corpus, measured again from its sound. ``pytest -m slow -s`` prints the table of 20 songs."""

import numpy as np
import pytest

from songdiff.corpus.build import make_song, plan_song
from songdiff.evaluation.truth import measure_truth
from songdiff.score import PITCH_CLASSES, Score

MOST = {"pitch_cents": 10, "vowel_onset_ms": 25, "beat_ms": 15, "section_ms": 1, "silence_dbfs": -80}
LEAST = {"chords_right": 0.85, "chord_roots_right": 0.9, "dynamics_right": 0.8, "notes_heard": 0.99}
COUNTS = ("vowels", "vowel_onsets", "beats", "chords", "sections", "changes", "silence_seconds")


@pytest.fixture(scope="module")
def songs():
    """Score, stems and figures of the first two short songs in which there is everything to measure."""
    found = []
    for index in range(1, 100, 8):  # every block has another singer
        plan = plan_song(7, index, (12.0, 14.0))
        if plan.lyrics and "a cappella" not in plan.prompt:
            score, stems = make_song(plan)
            figures = measure_truth(score, stems)
            if all(figures[count] for count in COUNTS if count != "changes"):
                found.append((score, stems, figures))
        if len(found) == 2:
            break
    return found


def test_annotations_of_two_songs_are_true(songs):
    assert len(songs) == 2
    for _, _, figures in songs:
        for name, most in MOST.items():
            assert figures[name] < most, name
        for name in ("chord_roots_right", "notes_heard"):
            assert figures[name] >= LEAST[name], name


def test_the_measure_hears_what_is_wrong(songs):
    score, stems, true = songs[0]
    late = {track: np.pad(stem, ((0, 0), (1764, 0)))[:, : stem.shape[1]] for track, stem in stems.items()}  # 40 ms
    heard = measure_truth(score, late)
    assert heard["vowel_bias_ms"] - true["vowel_bias_ms"] == pytest.approx(40, abs=8)
    assert heard["beat_bias_ms"] - true["beat_bias_ms"] == pytest.approx(40, abs=5)
    higher = score.model_copy(deep=True)
    for note in higher.melody:
        note.pitch += 1
    for chord in higher.chords:
        root, _, quality = chord.label.partition(":")
        if quality:
            chord.label = f"{PITCH_CLASSES[(PITCH_CLASSES.index(root) + 1) % 12]}:{quality}"
    heard = measure_truth(higher, stems)
    assert heard["pitch_cents"] == pytest.approx(100, abs=10)
    assert heard["chord_roots_right"] < 0.4
    hum = {track: stem + np.float32(0.001) for track, stem in stems.items()}
    assert measure_truth(score, hum)["silence_dbfs"] > -70
    silent = {track: np.zeros_like(stem) for track, stem in stems.items()}
    assert measure_truth(score, silent)["notes_heard"] == 0


def test_what_is_unknown_is_not_measured():
    silence = {track: np.zeros((2, 44100), np.float32) for track in ("vocals", "drums", "bass", "other")}
    figures = measure_truth(Score(duration=1.0), silence)
    assert all(not value for value in figures.values())


@pytest.mark.slow
def test_annotations_of_twenty_songs_are_true():
    rows, names = [], [*MOST, *LEAST, "pitch_frame_cents", "vowel_bias_ms", "beat_bias_ms", *COUNTS]
    for number in range(20):
        plan = plan_song(7, 8 * number + number % 8, (20.0, 40.0))  # twenty blocks: twenty singers, if there are
        score, stems = make_song(plan)
        rows.append(measure_truth(score, stems))
        shown = "  ".join(f"{name} {_shown(rows[-1][name])}" for name in names)
        print(f"\n{plan.genre:14s} {plan.voice:10s} {shown}", end="", flush=True)
    medians = {name: _median([row[name] for row in rows]) for name in names}
    print("\n\nmedian         worst      songs  figure")
    for name in names:
        values = [row[name] for row in rows if row[name] is not None]
        worst = min(values, default=None) if name in LEAST else max(values, default=None)
        print(f"{_shown(medians[name]):14s} {_shown(worst):10s} {len(values):5d}  {name}")
    for name, most in MOST.items():
        assert all(row[name] < most for row in rows if row[name] is not None), name
    for name, least in LEAST.items():
        assert medians[name] >= least, name


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
