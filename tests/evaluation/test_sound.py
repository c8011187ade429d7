"""Sound with a known defect, and without."""

import numpy as np
import pytest

from songdiff.evaluation.errors import EvaluationError
from songdiff.evaluation.sound import (
    COMPARED,
    FIGURES,
    audio_features,
    chroma_features,
    compare_waveforms,
    frechet_distance,
    measure_sound,
)

RATE = 44100


def noise(seconds=6.0, seed=0, level=0.05):
    """Pink enough to be music's spectrum, its level beating four times a second."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal((2, round(seconds * RATE))))
    spectrum /= np.sqrt(np.arange(spectrum.shape[1]) + 100.0)
    spectrum[:, 0] = 0
    wave = np.fft.irfft(spectrum, round(seconds * RATE))
    beating = 1 + 0.5 * np.sin(2 * np.pi * 4 * np.arange(wave.shape[1]) / RATE)
    return (level * wave / wave.std() * beating).astype(np.float32)


@pytest.fixture(scope="module")
def clean():
    return noise()


def test_clean_sound(clean):
    figures = measure_sound(clean, {"a": clean * 0.25, "b": clean * 0.75})
    assert figures.keys() == FIGURES.keys()
    assert -30 < figures["loudness_lufs"] < -15
    assert -15 < figures["true_peak_dbtp"] < 0
    for name in ("clipped_share", "nonfinite_samples", "clicks_per_minute"):
        assert figures[name] == 0, name
    assert figures["dc_offset"] < 1e-3
    assert figures["rolloff_95_hz"] < figures["rolloff_99_hz"] < figures["bandwidth_hz"]
    assert figures["bandwidth_hz"] > 20000
    assert abs(figures["stereo_correlation"]) < 0.2
    assert max(figures["silent_head_s"], figures["silent_tail_s"], figures["silent_middle_s"]) < 0.05
    assert figures["stems_error_db"] < -100


def test_every_defect_is_found(clean):
    assert measure_sound(np.clip(clean, -0.08, 0.08))["clipped_share"] > 0.02
    assert measure_sound(clean * 20)["clipped_share"] > 0.1
    assert measure_sound(clean + np.float32(0.1))["dc_offset"] == pytest.approx(0.1, abs=0.002)
    broken = clean.copy()
    broken[0, 100:103], broken[1, 7] = np.nan, np.inf
    assert measure_sound(broken)["nonfinite_samples"] == 4
    assert measure_sound(np.stack([clean[0], clean[0]]))["stereo_correlation"] == pytest.approx(1)
    assert measure_sound(np.stack([clean[0], -clean[0]]))["stereo_correlation"] == pytest.approx(-1)
    assert measure_sound(clean, {"a": clean * 0.5})["stems_error_db"] == pytest.approx(-6, abs=0.1)


def test_bandwidth_of_a_tone():
    tone = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE)
    figures = measure_sound(np.stack([tone, tone]).astype(np.float32))
    assert figures["rolloff_95_hz"] == pytest.approx(1000, abs=25)
    assert figures["bandwidth_hz"] < 1500


def test_silences():
    wave = noise(4.0)
    wave[:, : RATE // 2] = 0
    wave[:, RATE : 2 * RATE] = 0
    wave[:, -RATE // 4 :] = 0
    figures = measure_sound(wave)
    assert figures["silent_head_s"] == pytest.approx(0.5, abs=0.02)
    assert figures["silent_middle_s"] == pytest.approx(1.0, abs=0.02)
    assert figures["silent_tail_s"] == pytest.approx(0.25, abs=0.02)
    nothing = measure_sound(np.zeros((2, RATE), np.float32))
    assert nothing["silent_head_s"] == nothing["silent_tail_s"] == 1
    for name in ("loudness_lufs", "true_peak_dbtp", "bandwidth_hz", "stereo_correlation"):
        assert nothing[name] is None, name


def test_clicks_stand_alone():
    """A lone spike and a splice are clicks; a sawtooth's edges and a stroke that goes on are none."""
    times = np.arange(3 * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 220 * times)
    spiked, spliced = tone.copy(), tone.copy()
    spiked[RATE] += 0.3
    spliced[RATE:] *= -0.6
    spliced[RATE] += 0.2
    struck = tone.copy()
    struck[RATE : RATE + 2000] += 0.2 * np.random.default_rng(0).standard_normal(2000)
    sawtooth = 0.3 * (2 * (times * 110.0 % 1) - 1)
    counts = [
        measure_sound(np.stack([x, x]).astype(np.float32))["clicks_per_minute"] / 20
        for x in (tone, spiked, spliced, struck, sawtooth)
    ]
    assert counts[:3] == pytest.approx([0, 1, 1])
    assert counts[3:] == pytest.approx([0, 0])


def test_compared_waveforms():
    clean = noise(1.0)
    same = compare_waveforms(clean, clean)
    assert same.keys() == COMPARED.keys()
    assert same["log_spectral_db"] == same["mel_l1"] == 0
    assert same["si_sdr_db"] > 100
    hiss = np.random.default_rng(1).standard_normal(clean.shape).astype(np.float32)
    noisy = [compare_waveforms(clean, clean + level * clean.std() * hiss) for level in (0.03, 0.1)]
    assert noisy[0]["si_sdr_db"] == pytest.approx(-20 * np.log10(0.03), abs=0.3)
    assert noisy[1]["si_sdr_db"] == pytest.approx(20, abs=0.3)
    for name in ("log_spectral_db", "mel_l1"):
        assert 0 < noisy[0][name] < noisy[1][name], name
    half = compare_waveforms(clean, clean / 2)
    assert half["si_sdr_db"] > 100  # scale-invariant, where the others are not
    assert half["log_spectral_db"] == pytest.approx(6.0, abs=0.3)


def test_frechet_distance():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((4000, 3))
    b = rng.standard_normal((4000, 3)) * (1, 1, 3) + (2, 0, 0)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a, b) == pytest.approx(4 + (3 - 1) ** 2, abs=0.4)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-6)
    few = rng.standard_normal((5, 57))
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-5)


def test_features_tell_sounds_apart_but_not_keys(clean):
    rows = audio_features(noise(15.0, seed=1))
    assert rows.shape == (5, 57)
    assert np.isfinite(rows).all()
    dull = np.cumsum(noise(15.0, seed=2), axis=1)
    dull *= 0.05 / dull.std()
    near = frechet_distance(rows, audio_features(noise(15.0, seed=3)))
    far = frechet_distance(rows, audio_features(dull.astype(np.float32)))
    assert far > 5 * near
    assert audio_features(clean[:, :RATE]).shape == (1, 57)
    assert np.isfinite(audio_features(np.zeros((2, RATE), np.float32))).all()
    times = np.arange(2 * RATE) / RATE
    for pitch in (33, 57, 70):  # the lowest is narrower than a bin away from its neighbours
        tone = np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * times).astype(np.float32)
        assert chroma_features(tone, low=40).sum(1).argmax() == pitch % 12


def test_bad_input_is_refused_with_one_line(clean):
    for call, said in (
        (lambda: measure_sound(clean[0]), "stereo"),
        (lambda: measure_sound(clean.T), "stereo"),
        (lambda: measure_sound((clean * 32767).astype(np.int16)), "int16"),
        (lambda: measure_sound(clean, {"a": clean[:, :-1]}), "one length"),
        (lambda: compare_waveforms(clean, clean[:, :-1]), "one length"),
        (lambda: compare_waveforms(clean, clean * np.nan), "not numbers"),
        (lambda: frechet_distance(np.zeros((1, 3)), np.zeros((5, 3))), "more songs"),
        (lambda: frechet_distance(np.zeros((5, 4)), np.zeros((5, 3))), "more songs"),
    ):
        with pytest.raises(EvaluationError, match=said) as error:
            call()
        assert "\n" not in str(error.value)
