"""Integer and float files come back with the samples they had."""

import numpy as np
import pytest
import soundfile

from songdiff.audio.files import AudioError
from songdiff.audio.lossless import AudioFormat, as_written, check_lossless, read_lossless, write_lossless


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("ending", [".wav", ".flac"])
def test_every_sample_comes_back(tmp_path, subtype, ending):
    if not soundfile.check_format(ending[1:].upper(), subtype):
        pytest.skip("no such format")
    rng = np.random.default_rng(0)
    integers = rng.integers(-(2**31), 2**31, (70_000, 2)).astype(np.int32)  # more than a block
    samples = integers if subtype.startswith("PCM") else rng.standard_normal((70_000, 2)) * 2
    source, copy = tmp_path / f"source{ending}", tmp_path / f"copy{ending}"
    soundfile.write(source, samples, 48000, subtype)
    waveform, form = read_lossless(source)
    assert form == AudioFormat(48000, 2, subtype)
    write_lossless(copy, waveform, form)
    kind = samples.dtype.name
    assert np.array_equal(soundfile.read(source, dtype=kind)[0], soundfile.read(copy, dtype=kind)[0])
    assert np.array_equal(as_written(waveform, form), waveform)


def test_the_time_of_writing_is_not_kept(tmp_path):
    """libsndfile notes it in the PEAK chunk of a WAV of floats."""
    waveform = np.random.default_rng(0).standard_normal((1, 4410)).astype(np.float32)
    write_lossless(tmp_path / "a.wav", waveform, AudioFormat(44100, 1, "FLOAT"), {"title": "a song"})
    data = (tmp_path / "a.wav").read_bytes()
    at = data.index(b"PEAK")
    assert data[at + 12 : at + 16] == bytes(4)
    assert np.array_equal(read_lossless(tmp_path / "a.wav")[0], waveform)


def test_too_loud_is_clipped_not_wrapped(tmp_path):
    write_lossless(tmp_path / "a.wav", np.array([[1.5, -1.5]]), AudioFormat(44100, 1, "PCM_16"))
    assert soundfile.read(tmp_path / "a.wav", dtype="int16")[0].tolist() == [32767, -32768]


def test_what_cannot_be_read_or_held_is_refused(tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEjunk" * 9)
    with pytest.raises(AudioError, match=r"broken\.wav: cannot be read"):
        read_lossless(tmp_path / "broken.wav")
    with pytest.raises(AudioError, match="no such audio file"):
        read_lossless(tmp_path / "none.wav")
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan), 44100, "FLOAT")
    with pytest.raises(AudioError, match="not numbers"):
        read_lossless(tmp_path / "nan.wav")
    soundfile.write(tmp_path / "short.flac", np.random.default_rng(0).uniform(-1, 1, (90_000, 2)), 44100)
    whole = (tmp_path / "short.flac").read_bytes()
    (tmp_path / "short.flac").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AudioError, match=r"short\.flac: "):
        read_lossless(tmp_path / "short.flac")
    with pytest.raises(AudioError, match=r"FLAC cannot hold the source's samples \(FLOAT\)"):
        check_lossless(tmp_path / "a.flac", AudioFormat(44100, 2, "FLOAT"))
    with pytest.raises(AudioError, match=r"ending \.mp3 is not supported"):
        check_lossless(tmp_path / "a.mp3", AudioFormat(44100, 2))
