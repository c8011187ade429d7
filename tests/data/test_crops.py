import numpy as np
import pytest
import soundfile
from scipy import fft

from songdiff.data import crops
from songdiff.data.recordings import find_recordings
from songdiff.score import TRACKS, Score

LENGTH = 16384


class Song:
    """What crops need of a song: a duration; its stems are WAVES."""

    def __init__(self, number):
        self.number, self.score = number, Score(duration=2.0)


@pytest.fixture(autouse=True)
def _noise_for_stems(monkeypatch):
    def read_stem(song, track, start, frames):
        part = WAVES[song.number, track][:, start : start + frames]
        return np.pad(part, ((0, 0), (0, frames - part.shape[1])))

    monkeypatch.setattr(crops, "read_stem", read_stem)


SONGS = [Song(0), Song(1)]
WAVES = {
    (song.number, track): np.random.default_rng(10 * song.number + i).standard_normal((2, 88200), np.float32)
    * np.float32(0.01 * 2**i)
    for song in SONGS
    for i, track in enumerate(TRACKS)
}


def only(monkeypatch, *names):
    monkeypatch.setattr(crops, "CHANCES", {name: float(name in names) for name in crops.CHANCES})
    monkeypatch.setattr(crops, "KINDS", {"stem": 1.0})
    monkeypatch.setattr(crops, "_gain", lambda rng, low, high: np.float32(1.0))


def noise(length=LENGTH, seed=0):
    return np.random.default_rng(seed).standard_normal((2, length), np.float32) * np.float32(0.1)


def sines(frequency, length=LENGTH):
    wave = 0.3 * np.sin(2 * np.pi * frequency * np.arange(length) / 44100)
    return np.stack([wave, 0.5 * wave]).astype(np.float32)


def peak_frequency(wave):
    return np.argmax(np.abs(fft.rfft(wave * np.hanning(len(wave))))) * 44100 / len(wave)


@pytest.mark.parametrize("chosen", [*([name] for name in crops.CHANCES), list(crops.CHANCES), []])
def test_every_variation_keeps_shape_and_type_and_follows_from_the_generator(monkeypatch, chosen):
    monkeypatch.setattr(crops, "CHANCES", {name: float(name in chosen) for name in crops.CHANCES})
    crop, again, other = (crops.random_crop(SONGS, np.random.default_rng(seed), LENGTH) for seed in (3, 3, 4))
    assert crop.shape == (2, LENGTH)
    assert crop.dtype == np.float32
    assert crop.flags.c_contiguous
    assert np.isfinite(crop).all()
    assert 0 < np.abs(crop).max() < 1.1
    assert np.array_equal(crop, again)
    assert not np.array_equal(crop, other)


def test_gain_alone_changes_level_alone(monkeypatch):
    monkeypatch.setattr(crops, "CHANCES", {})
    levels = []
    for seed in range(30):
        crop = crops.random_crop(SONGS, np.random.default_rng(seed), LENGTH)
        plain = crops.corpus_crop(SONGS, np.random.default_rng(seed), LENGTH)
        factor = float(np.vdot(crop, plain) / np.vdot(plain, plain))
        assert np.allclose(crop, factor * plain, atol=1e-5)
        levels.append(20 * np.log10(factor))
    assert -18.01 < min(levels) < -14
    assert 2 < max(levels) < 6.01


def test_polarity_and_channel_swap(monkeypatch):
    def drawn(*names):
        only(monkeypatch, *names)
        monkeypatch.setattr(crops, "corpus_crop", lambda songs, rng, frames: noise(frames))
        return crops.random_crop(SONGS, np.random.default_rng(0), LENGTH)

    assert np.array_equal(drawn(), noise())
    assert np.array_equal(drawn("polarity"), -noise())
    assert np.array_equal(drawn("channel swap"), noise()[::-1])


def test_width_is_the_level_of_the_side():
    wave = noise()
    assert np.array_equal(*crops.widen(wave, 0.0))
    assert np.allclose(crops.widen(wave, 1.0), wave, atol=1e-7)
    wide = crops.widen(wave, 1.6)
    assert np.allclose(wide.sum(0), wave.sum(0), atol=1e-6)
    assert np.allclose(wide[0] - wide[1], 1.6 * (wave[0] - wave[1]), atol=1e-6)


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.25])
def test_speed_moves_the_pitch_and_keeps_the_level(factor):
    flat = np.ones(LENGTH // 2 + 1, np.float32)
    out = crops.resample_and_filter(sines(1000, round(LENGTH * factor)), LENGTH, flat)
    assert out.shape == (2, LENGTH)
    assert out.dtype == np.float32
    assert peak_frequency(out[0]) == pytest.approx(1000 * factor, abs=3)
    inner = slice(2000, -2000)
    assert out[0, inner].std() == pytest.approx(0.3 / np.sqrt(2), rel=0.02)
    assert np.allclose(out[1, inner], 0.5 * out[0, inner], atol=1e-4)


def test_filters_stay_in_their_bands():
    frequencies = fft.rfftfreq(65536, 1 / 44100)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        curve = 20 * np.log10(crops.filter_gains(rng, frequencies, {"equaliser"}))
        assert np.abs(curve).max() <= 9.001
        assert np.abs(np.diff(curve)).max() < 1  # smooth
        low = crops.filter_gains(rng, frequencies, {"low-pass"})
        assert (low[frequencies < 4500] > 0.999).all()
        assert (low[frequencies > 21000] < 0.01).all()
        high = crops.filter_gains(rng, frequencies, {"high-pass"})
        assert (high[frequencies > 1200] > 0.999).all()
        assert (high[(frequencies < 20)] < 0.07).all()
    assert (crops.filter_gains(rng, frequencies, set()) == 1).all()


def test_a_filter_leaves_no_trace_of_the_far_end(monkeypatch):
    """What lies at the end of the stretch read does not ring into the start of the crop."""
    only(monkeypatch, "equaliser")

    def silence_then_noise(songs, rng, frames):
        wave = noise(frames)
        wave[:, : frames // 2] = 0
        return wave

    monkeypatch.setattr(crops, "corpus_crop", silence_then_noise)
    crop = crops.random_crop(SONGS, np.random.default_rng(0), LENGTH)
    assert np.abs(crop[:, : LENGTH // 4]).max() < 1e-3 * np.abs(crop).max()


def test_soft_clipping_spares_the_quiet():
    wave = sines(500)
    out = crops.soft_clip(wave, 4.0)
    quiet = np.abs(wave) < 0.01
    assert np.allclose(out[quiet], wave[quiet], rtol=0.01)
    assert 0.2 < np.abs(out).max() / np.abs(wave).max() < 0.3
    assert np.array_equal(crops.soft_clip(np.zeros((2, 9), np.float32), 2.0), np.zeros((2, 9)))


@pytest.mark.parametrize("kind", ["OGG", "MP3"])
def test_codecs_change_a_little_and_move_nothing(kind):
    wave = sines(1000) + 0.05 * noise()
    out = crops.through_codec(wave, kind, 0.3)
    assert out.shape == wave.shape
    assert 1e-4 < np.abs(out - wave)[:, 2000:-2000].mean() < 0.02
    assert np.array_equal(out, crops.through_codec(wave, kind, 0.3))


def test_noise_is_added_below_minus_50(monkeypatch):
    monkeypatch.setattr(crops, "CHANCES", {"noise": 1.0})
    monkeypatch.setattr(crops, "corpus_crop", lambda songs, rng, frames: np.zeros((2, frames), np.float32))
    for seed in range(10):
        crop = crops.random_crop(SONGS, np.random.default_rng(seed), LENGTH)
        assert 10 ** (-91 / 20) < crop.std() < 10 ** (-49 / 20)


def test_kinds_are_what_they_say(monkeypatch):
    def drawn(kind, seed=5):
        monkeypatch.setattr(crops, "KINDS", {kind: 1.0})
        return crops.corpus_crop(SONGS, np.random.default_rng(seed), 88200)

    assert any(np.array_equal(drawn("stem"), stem) for stem in WAVES.values())
    mixes = [sum(WAVES[song.number, track] for track in TRACKS) for song in SONGS]
    assert any(np.allclose(drawn("mix"), mix, atol=1e-6) for mix in mixes)
    counts, pairs = set(), set()
    for seed in range(12):
        for kind, seen in (("some stems", counts), ("strangers", pairs)):
            wave = drawn(kind, seed)
            weights = {key: np.vdot(stem, wave) / np.vdot(stem, stem) for key, stem in WAVES.items()}
            parts = frozenset(key for key, weight in weights.items() if weight > 0.3)
            seen.add((len(parts), len({number for number, _ in parts})))
    assert counts == {(2, 1), (3, 1)}
    assert (2, 2) in pairs


def test_recordings_take_their_share(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "level.wav", np.full(88200, 0.25), 44100)
    recordings = find_recordings([tmp_path])
    monkeypatch.setattr(crops, "CHANCES", {})

    def share(**options):
        drawn = [crops.random_crop(SONGS, np.random.default_rng(i), 256, **options) for i in range(200)]
        return np.mean([float(np.ptp(crop)) == 0 for crop in drawn])

    assert share() == 0
    assert share(recordings=recordings, recordings_share=0.0) == 0
    assert share(recordings=recordings, recordings_share=1.0) == 1
    assert share(recordings=recordings, recordings_share=0.3) == pytest.approx(0.3, abs=0.1)


def test_without_augmentation_the_sound_is_as_it_lies(monkeypatch):
    monkeypatch.setattr(crops, "KINDS", {"stem": 1.0})
    crop = crops.random_crop(SONGS, np.random.default_rng(2), 88200, augment=False)
    assert any(np.array_equal(crop, wave) for wave in WAVES.values())
