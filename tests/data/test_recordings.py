import json

import numpy as np
import pytest
import soundfile

from songdiff.data.recordings import find_recordings, random_excerpt, read_excerpt
from songdiff.errors import InputError


def tone(seconds, rate, frequency=1000.0):
    return 0.3 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("start", [0, 7, 48000])
def test_48_khz_mono_mp3_becomes_44_1_khz_stereo(tmp_path, start):
    path = tmp_path / "a.mp3"
    soundfile.write(path, tone(3.0, 48000), 48000)
    (recording,) = find_recordings([path])
    assert recording.sample_rate == 48000
    assert recording.duration == pytest.approx(3.0, abs=0.1)
    wave = read_excerpt(recording, start, 22050)
    assert wave.shape == (2, 22050)
    assert wave.dtype == np.float32
    assert np.array_equal(*wave)
    seconds = start / 48000 + np.arange(22050) / 44100
    inner = slice(1000, -1000)
    expected = 0.3 * np.sin(2 * np.pi * 1000 * seconds)  # within a sample, which is 0.043 here
    assert np.allclose(wave[0, inner], expected[inner], atol=0.043)


def test_an_excerpt_is_exact_at_44_1_khz_and_silent_beyond_the_end(tmp_path):
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, (4000, 3))
    soundfile.write(tmp_path / "three channels.wav", wave, 44100, subtype="FLOAT")
    (recording,) = find_recordings([tmp_path])
    excerpt = read_excerpt(recording, 3000, 2000)
    assert np.array_equal(excerpt[:, :1000], wave[3000:, :2].T.astype(np.float32))
    assert not excerpt[:, 1000:].any()


def test_broken_files_are_named_and_left_out(tmp_path, capsys):
    soundfile.write(tmp_path / "good.ogg", tone(1.0, 22050), 22050)
    noise = np.random.default_rng(0).uniform(-1, 1, 44100)
    soundfile.write(tmp_path / "cut.flac", noise, 44100)
    (tmp_path / "cut.flac").write_bytes((tmp_path / "cut.flac").read_bytes()[:40000])
    (tmp_path / "text.mp3").write_text("not a song")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 44100)
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan), 44100, subtype="FLOAT")
    (tmp_path / "notes.txt").write_text("no sound at all")
    assert [recording.path.name for recording in find_recordings([tmp_path])] == ["good.ogg"]
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 4
    for name in ("cut.flac", "text.mp3", "empty.wav", "nan.wav"):
        assert sum(name in line for line in warnings) == 1


def test_nothing_usable_is_an_input_error(tmp_path):
    (tmp_path / "text.mp3").write_text("not a song")
    with pytest.raises(InputError, match="no readable recordings"):
        find_recordings([tmp_path])
    with pytest.raises(InputError, match=r"absent: there is no such"):
        find_recordings([tmp_path / "absent"])
    assert find_recordings([]) == []


def test_a_manifest_names_files_beside_itself(tmp_path):
    (tmp_path / "music").mkdir()
    soundfile.write(tmp_path / "music" / "a.wav", tone(0.5, 44100), 44100)
    manifest = tmp_path / "list.jsonl"
    manifest.write_text(json.dumps({"audio": "music/a.wav", "artist": "nobody"}) + "\n\n")
    assert [recording.path for recording in find_recordings([manifest])] == [tmp_path / "music" / "a.wav"]
    manifest.write_text('{"audio": "music/a.wav"}\n{"file": "b.wav"}\n')
    with pytest.raises(InputError, match=r"list\.jsonl: line 2"):
        find_recordings([manifest])


def test_every_second_is_equally_likely_and_lost_files_are_passed_over(tmp_path, capsys):
    soundfile.write(tmp_path / "long.wav", np.full(90000, 0.5), 44100)
    soundfile.write(tmp_path / "short.wav", np.full(30000, 0.25), 44100)
    recordings = find_recordings([tmp_path])
    rng = np.random.default_rng(0)
    drawn = [float(random_excerpt(recordings, rng, 100).max()) for _ in range(400)]
    assert np.mean(np.array(drawn) > 0.4) == pytest.approx(0.75, abs=0.07)
    (tmp_path / "short.wav").unlink()
    assert all(random_excerpt(recordings, rng, 100).max() > 0.4 for _ in range(20))
    assert "short.wav" in capsys.readouterr().err
    (tmp_path / "long.wav").unlink()
    with pytest.raises(InputError, match="can no longer be read"):
        random_excerpt(recordings, rng, 100)
