import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from songdiff.errors import InputError
from songdiff.evaluation.fidelity import FIGURES, compare_copy, pitch_difference, pre_echo, stereo_width

RATE = 44100


def voice(seconds=2.0):
    """Pulses at 150 Hz in four syllables a second, with a wide hiss: (2, samples)."""
    time = np.arange(round(seconds * RATE)) / RATE
    pulses = np.zeros(len(time))
    pulses[:: RATE // 150] = 1
    pulses = sosfilt(butter(2, [200, 6000], "band", fs=RATE, output="sos"), pulses)
    syllables = 0.5 * (1 - np.cos(2 * np.pi * 4 * time)) ** 2
    hiss = 0.01 * np.random.default_rng(0).normal(size=(2, len(time)))
    return ((pulses + hiss) * syllables).astype(np.float32)


def test_a_perfect_copy_scores_perfectly():
    figures = compare_copy(voice(), voice())
    assert figures.keys() == FIGURES.keys()
    assert figures.pop("flux_ratio") == 1
    assert figures.pop("si_sdr_db") > 100
    assert set(figures.values()) == {0.0}


@pytest.mark.parametrize("fault", ["noise", "low-pass", "shift"])
def test_every_fault_is_seen(fault):
    original = voice()
    copy = {
        "noise": original + np.random.default_rng(1).normal(0, 0.01, original.shape).astype(np.float32),
        "low-pass": sosfilt(butter(4, 2000, fs=RATE, output="sos"), original).astype(np.float32),
        "shift": np.roll(original, RATE // 20, axis=1),
    }[fault]
    figures = compare_copy(original, copy)
    assert figures["mel_l1"] > 0.1
    assert figures["mel_l1_audible"] > 0.1
    assert figures["log_spectral_db"] > 2
    assert figures["si_sdr_db"] < 20


def test_width_is_heard_and_a_mono_copy_has_lost_it():
    original = voice()
    mono = np.repeat(original.mean(0, keepdims=True), 2, axis=0)
    assert compare_copy(original, mono)["width_error_db"] > 5
    levels, heard = stereo_width(mono)
    assert (levels[heard] == -30).all()
    noise = 0.1 * np.random.default_rng(0).normal(size=(2, RATE)).astype(np.float32)
    levels, heard = stereo_width(noise)  # two channels that have nothing to do with each other: side is as loud as mid
    assert heard.all()
    assert abs(levels.mean()) < 1


def test_faults_of_vocoders_have_their_signs():
    original = voice()
    time = np.arange(original.shape[1]) / RATE
    rough = compare_copy(original, (original * (1 + 0.8 * np.sin(2 * np.pi * 47 * time))).astype(np.float32))
    assert rough["roughness_db"] > 1
    assert rough["modulation_db"] > 0.5
    assert rough["flux_ratio"] > 1.05

    spectrum = np.fft.rfft(original.reshape(2, -1, 1470), axis=2)  # phases of 33 ms at random: pulses are smeared
    spectrum = np.abs(spectrum) * np.exp(2j * np.pi * np.random.default_rng(0).random(spectrum.shape))
    phasy = compare_copy(original, np.fft.irfft(spectrum, axis=2).reshape(2, -1).astype(np.float32))
    assert phasy["pulse_db"] < -2

    hiss = 0.05 * np.random.default_rng(0).normal(size=original.shape).astype(np.float32)
    buzz = compare_copy(hiss, (hiss * (1 + np.sin(2 * np.pi * 120 * time))).astype(np.float32))
    assert buzz["pulse_db"] > 2


def test_silence_has_nothing_to_measure():
    silence = np.zeros((2, RATE), np.float32)
    figures = compare_copy(silence, silence)
    assert figures["mel_l1"] == 0
    assert (
        figures["mel_l1_audible"] is figures["flux_ratio"] is figures["pulse_db"] is figures["width_error_db"] is None
    )


def test_waveforms_that_do_not_match_are_refused():
    with pytest.raises(InputError, match="one length"):
        compare_copy(voice(1.0), voice(0.5))


def test_pitch_difference():
    pitch = np.array([0, 200, 210, 220, 0, 230, 240], float)
    copy = pitch * 2 ** (20 / 1200)
    copy[[1, 4]] = 0, 200  # one pitch lost, one made up
    figures = pitch_difference(pitch, copy)
    assert figures["pitch_cents"] == pytest.approx(20)
    assert figures["voicing_changed"] == pytest.approx(2 / 6)
    assert pitch_difference(pitch, pitch) == {"pitch_cents": 0, "voicing_changed": 0}
    assert pitch_difference(np.zeros(3), np.zeros(3)) == {"pitch_cents": None, "voicing_changed": None}


def test_pre_echo_is_what_sounds_before_the_stroke():
    onsets = np.array([0.5, 1.0, 1.5])
    drums = np.zeros((2, 2 * RATE), np.float32)
    stroke = np.exp(-np.arange(4000) / 800) * np.random.default_rng(0).normal(0, 0.2, 4000)
    for onset in onsets:
        drums[:, round(onset * RATE) :][:, :4000] += stroke
    assert pre_echo(drums, drums, onsets + 0.008) == 0  # it finds the attack near the time it is told
    early = drums + 0.3 * np.roll(drums, -441, axis=1)
    assert pre_echo(drums, early, onsets) > 15
    assert pre_echo(drums, 0.25 * drums, onsets) == pytest.approx(0, abs=0.5)
    assert pre_echo(drums, drums, np.array([])) is None
    steady = np.random.default_rng(0).normal(0, 0.2, drums.shape)
    assert pre_echo(steady, steady, onsets) is None
