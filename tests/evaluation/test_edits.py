"""Edits that keep their hands off the rest, and edits that do not."""

import numpy as np
import pytest

from songdiff.evaluation.edits import FIGURES, measure_edit
from songdiff.evaluation.errors import EvaluationError

RATE, SPAN = 44100, (4.0, 6.0)


def music(seed, seconds=10.0):
    """Notes of a quarter second at random pitches."""
    rng = np.random.default_rng(seed)
    times = np.arange(RATE // 4) / RATE
    fade = np.minimum(1, np.minimum(times, times[::-1]) / 0.02)
    notes = [fade * np.sin(2 * np.pi * hertz * times) for hertz in rng.uniform(200, 800, round(4 * seconds))]
    mono = 0.2 * np.concatenate(notes) + 0.002 * rng.standard_normal(round(seconds * RATE))
    return np.stack([mono, mono]).astype(np.float32)


def faded(source, other, fade=0.1):
    """``other`` within the span, cross-faded outside it."""
    times = np.arange(source.shape[1]) / RATE
    share = np.clip(np.minimum(times - SPAN[0], SPAN[1] - times) / fade + 1, 0, 1).astype(np.float32)
    return np.where(share == 0, source, source * (1 - share) + other * share).astype(np.float32)


@pytest.fixture(scope="module")
def source():
    return music(0)


def test_a_clean_edit(source):
    figures = measure_edit(source, faded(source, music(1)), [SPAN], RATE)
    assert figures.keys() == FIGURES.keys()
    assert figures["outside_difference"] == figures["outside_changed_share"] == 0
    assert figures["inside_change_db"] > 0
    assert figures["seam_flux_ratio"] < 1.5
    assert figures["seam_level_jump_db"] < 1


def test_no_edit_at_all(source):
    figures = measure_edit(source, source.copy(), [SPAN], RATE)
    assert figures["inside_change_db"] == -200
    assert figures["seam_flux_percentile"] < 100


def test_what_changes_outside_is_found(source):
    edited = faded(source, music(1))
    edited[1, round(3.8 * RATE)] += 0.25
    figures = measure_edit(source, edited, [SPAN], RATE)
    assert figures["outside_difference"] == pytest.approx(0.25, abs=1e-4)
    assert 0 < figures["outside_changed_share"] < 1e-5
    assert measure_edit(source, edited, [SPAN], RATE, cross_fade=0.25)["outside_difference"] == 0
    assert measure_edit(source, edited, [(3.0, 3.9), SPAN], RATE)["outside_difference"] == 0


def test_a_seam_that_one_hears(source):
    clean = measure_edit(source, faded(source, music(1)), [SPAN], RATE)
    clicking = faded(source, music(1))
    clicking[:, round(SPAN[1] * RATE)] += 0.8
    figures = measure_edit(source, clicking, [SPAN], RATE)
    assert figures["seam_flux_percentile"] == 100
    assert figures["seam_flux_ratio"] > 2 * clean["seam_flux_ratio"]
    louder = measure_edit(source, faded(source, 4 * source, fade=0.001), [SPAN], RATE)
    assert louder["seam_level_jump_db"] == pytest.approx(12, abs=0.5)


def test_the_ends_of_a_song_are_no_borders(source):
    figures = measure_edit(source, music(1), [(0.0, 10.0)], RATE)
    assert figures["outside_difference"] is None
    assert figures["seam_flux_ratio"] is None


def test_bad_input_is_refused_with_one_line(source):
    for arguments, said in (
        ((source, source[:, :-1], [SPAN], RATE), "keeps the length"),
        ((source, source[0], [SPAN], RATE), "stereo"),
        ((source, source, [(6.0, 4.0)], RATE), "start < end"),
        ((source, source, [(4.0, 60.0)], RATE), "does not lie within"),
        ((source, source, [], RATE), "none given"),
        ((source, source * np.nan, [SPAN], RATE), "not numbers"),
    ):
        with pytest.raises(EvaluationError, match=said) as error:
            measure_edit(*arguments)
        assert "\n" not in str(error.value)
