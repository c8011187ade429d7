import time

import numpy as np
import pytest
import soundfile

from songdiff.audio import FORMATS, AudioError, read_audio, write_audio


@pytest.fixture(scope="module")
def waveform():
    t = np.arange(44100) / 44100
    return np.stack([0.5 * np.sin(2 * np.pi * 220 * t), 0.4 * np.sin(2 * np.pi * 331 * t)]).astype(np.float32)


@pytest.mark.parametrize("ending", FORMATS)
def test_same_bytes_and_same_sound(ending, waveform, tmp_path):
    path = tmp_path / f"a{ending}"
    tags = {"title": "Sóng 歌", "comment": "{}"}
    write_audio(path, waveform, 44100, tags)
    first = path.read_bytes()
    if ending in (".ogg", ".wav"):
        time.sleep(1.1)  # a serial number or time stamp drawn from the clock would change by now
    write_audio(path, waveform, 44100, tags)
    assert path.read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    with soundfile.SoundFile(path) as file:
        assert (file.title, file.comment) == (tags["title"], tags["comment"])
    back = read_audio(path)
    lossless = ending in (".wav", ".flac")
    assert back.dtype == np.float32
    assert back.shape == waveform.shape
    assert np.abs(back - waveform)[:, 2000:-2000].max() < (1e-4 if lossless else 0.05)


def test_reading_resamples_and_maps_channels(waveform, tmp_path):
    path = tmp_path / "a.wav"
    write_audio(path, waveform[:1], 44100)
    stereo = read_audio(path, sample_rate=22050)
    assert stereo.shape == (2, 22050)
    assert np.array_equal(stereo[0], stereo[1])
    t = np.arange(22050) / 22050
    assert np.abs(stereo[0] - 0.5 * np.sin(2 * np.pi * 220 * t))[200:-200].max() < 1e-3
    assert read_audio(path, channels=1).shape == (1, 44100)


def test_refusals_name_the_file_and_leave_nothing(waveform, tmp_path):
    for name, message in (("a.aac", r"a\.aac.*\.wav, \.flac, \.ogg, \.mp3"), ("no/a.wav", "does not exist")):
        with pytest.raises(AudioError, match=message):
            write_audio(tmp_path / name, waveform, 44100)
    with pytest.raises(AudioError, match="not numbers"):
        write_audio(tmp_path / "a.wav", waveform * np.nan, 44100)
    with pytest.raises(AudioError, match="12345 Hz"):
        write_audio(tmp_path / "a.mp3", waveform, 12345)
    assert not list(tmp_path.iterdir())
    (tmp_path / "bad.flac").write_bytes(b"fLaC nothing")
    write_audio(tmp_path / "empty.wav", waveform, 44100)
    (tmp_path / "empty.wav").write_bytes((tmp_path / "empty.wav").read_bytes()[:44])
    for name in ("bad.flac", "empty.wav", "none.wav"):
        with pytest.raises(AudioError, match=name):
            read_audio(tmp_path / name)
