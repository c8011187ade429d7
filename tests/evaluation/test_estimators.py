"""Pulses and chords of clicks and tones, heard without a Score."""

import numpy as np
import pytest

from songdiff.evaluation import estimators
from songdiff.evaluation.sound import chroma_features

RATE = 44100
SILENCE = np.zeros(16 * RATE, np.float32)


def clicks(tempo, accent=4):
    """16 s of noise bursts, every ``accent``-th of them with a thump."""
    rng, mono = np.random.default_rng(0), SILENCE.copy()
    times = np.arange(2000) / RATE
    burst, thump = 0.2 * np.exp(-times / 0.01), 0.6 * np.sin(2 * np.pi * 60 * times) * np.exp(-times / 0.03)
    for number, start in enumerate(np.arange(0.5, 15.5, 60 / tempo)):
        at = round(start * RATE)
        mono[at : at + 2000] += burst * rng.standard_normal(2000) + (thump if number % accent == 0 else 0)
    return mono


def chord(*partials):
    times = np.arange(2 * RATE) / RATE
    return sum(0.1 * level * np.sin(2 * np.pi * hertz * times) for hertz, level in partials)


@pytest.mark.parametrize(("asked", "heard"), [(None, 110), (110, 110), (117, 110), (138, 110), (220, 220), (55, 55)])
def test_tempo_of_a_click_track(asked, heard):
    pulse = estimators.pulse(clicks(110), SILENCE, asked)
    assert pulse.tempo == pytest.approx(heard, rel=0.005)
    assert np.diff(pulse.beats) == pytest.approx(60 / heard, abs=0.025)


@pytest.mark.parametrize(
    ("metre", "accent", "heard"), [(4, 4, 4), (2, 2, 2), (None, 4, 4), (4, 3, 3), (3, 3, 3), (3, 4, 4)]
)
def test_bars_begin_at_thumps_whatever_is_asked(metre, accent, heard):
    downbeats = estimators.pulse(clicks(110, accent), SILENCE, 110, metre).downbeats
    assert np.diff(downbeats) == pytest.approx(heard * 60 / 110, abs=0.03)
    assert downbeats[0] == pytest.approx(0.5, abs=0.03)


def test_nothing_pulses_in_silence():
    pulse = estimators.pulse(SILENCE, SILENCE, 120, 4)
    assert (pulse.tempo, len(pulse.beats), len(pulse.downbeats)) == (0, 0, 0)


def test_chords_of_tones_with_partials_and_sevenths():
    """The fifth partial of a minor chord's root is no major third; a seventh chord is its triad."""
    c, eb, e, g, b = (440 * 2 ** (steps / 12) for steps in (-21, -18, -17, -14, -10))
    minor = chord(*((k * hertz, 1 / k) for hertz in (c, eb, g) for k in range(1, 7)))
    seventh = chord((c, 1), (e, 1), (g, 1), (b, 1))
    spans, labels = estimators.chords(chroma_features(np.concatenate([minor, seventh, 0 * minor])))
    assert labels == ["C:min", "C:maj", "N"]
    assert spans[:, 0] == pytest.approx([0, 2, 4], abs=0.2)
