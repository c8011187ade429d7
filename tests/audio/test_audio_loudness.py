import numpy as np
import pytest

from songdiff.audio import integrated_loudness, normalize, true_peak

RATE = 44100


def tone(seconds, hertz=997.0, phase=0.0):
    t = np.arange(int(seconds * RATE)) / RATE
    return np.stack([np.sin(2 * np.pi * hertz * t + phase)] * 2).astype(np.float32)


def test_full_scale_tone_measures_as_the_standard_says():
    assert integrated_loudness(tone(3)[:1], RATE) == pytest.approx(-3.01, abs=0.1)  # BS.1770: 997 Hz, one channel


def test_true_peak_sees_between_the_samples():
    wave = 0.5 * tone(1, RATE / 4, np.pi / 4)  # samples at ±0.354, the wave at ±0.5
    assert 20 * np.log10(np.abs(wave).max()) == pytest.approx(-9.03, abs=0.05)
    assert true_peak(wave[:, 100:-100] * np.hanning(wave.shape[1] - 200)) == pytest.approx(-6.02, abs=0.2)


@pytest.mark.parametrize("gain", [0.01, 0.1, 3.0])
def test_normalize_hits_loudness_under_the_peak(gain):
    rng = np.random.default_rng(0)
    t = np.arange(6 * RATE) / RATE
    drums = rng.normal(size=(2, len(t))) * np.exp(-(t % 0.5) * 14) * 0.25
    out = normalize(((0.3 * tone(6, 110.0) + drums) * gain).astype(np.float32), RATE)
    assert true_peak(out) <= -1.0
    assert integrated_loudness(out, RATE) == pytest.approx(-14.0, abs=0.5)
    assert out.dtype == np.float32


def test_silence_and_short_input():
    silence = np.zeros((2, RATE), dtype=np.float32)
    assert integrated_loudness(silence, RATE) == -np.inf
    assert true_peak(silence) == -np.inf
    assert np.array_equal(normalize(silence, RATE), silence)
    out = normalize(tone(0.1), RATE)
    assert out.shape == (2, 4410)
    assert true_peak(out) <= -1.0
    assert normalize(np.zeros((2, 0), dtype=np.float32), RATE).shape == (2, 0)


def test_a_lone_click_is_not_crushed():
    click = np.zeros((2, 2 * RATE), dtype=np.float32)
    click[:, RATE] = 0.5
    assert true_peak(normalize(click, RATE)) <= -1.0
