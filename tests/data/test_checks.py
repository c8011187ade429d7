import io

import numpy as np
import pytest
import soundfile

from songdiff.data.checks import Checked, check_song, leave_out_duplicates, read_tracks
from songdiff.data.fingerprint import find_duplicates, fingerprint
from songdiff.data.sources import find_songs
from songdiff.errors import InputError

RATE = 44100


def music(seed, seconds=8.0):
    """(2, samples): random notes with partials, an eighth of a second each."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    step = (time * 8).astype(int)
    pitches = 55 + rng.integers(0, 30, (3, step.max() + 1))
    hertz = 440 * 2 ** ((pitches[:, step] - 69) / 12)
    phase = 2 * np.pi * np.cumsum(hertz, axis=1) / RATE
    voices = sum(np.sin(k * phase) / k for k in range(1, 8)) * np.exp(-6 * (time * 8 % 1))
    return 0.1 * np.stack([voices[0] + voices[1], voices[1] + 0.9 * voices[2]]).astype(np.float32)


def through(wave, kind, rate=RATE, **options):
    buffer = io.BytesIO()
    soundfile.write(buffer, wave.T, rate, format=kind, **options)
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32")[0].T


def test_the_same_recording_is_known_again_and_others_are_not():
    song = music(0, 20.0)
    copies = [through(0.3 * song, "MP3"), song[:, 3 * RATE : 17 * RATE + 999], 0.5 * song + 0.002, -song]
    rows = [song, music(1, 20.0), music(2, 20.0), *copies, np.zeros((2, 5 * RATE))]
    found = find_duplicates([fingerprint(row.mean(0)) for row in rows])
    assert [twin and twin[0] for twin in found] == [None, None, None, 0, 0, 0, 0, None]
    assert all(twin[1] > 0.9 for twin in found if twin)


@pytest.fixture
def folder(tmp_path):
    def write(name, wave, rate=RATE, **options):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, wave.T, rate, **options)

    write.folder = tmp_path
    return write


def check(folder):
    songs, _ = find_songs(folder)
    return {source.name: check_song(folder, source) for source in songs}


def test_every_song_that_is_left_out_has_its_reason(folder):
    song = music(0)
    folder("short/vocals.wav", song[:, : 2 * RATE])
    folder("silent/vocals.wav", 0 * song)
    folder("clipped/vocals.wav", np.clip(40 * song, -1, 1))
    folder("mix.ogg", song)
    folder("mono/vocals.wav", song[:1])
    (folder.folder / "broken.mp3").write_text("no music")
    (folder.folder / "apple.m4a").write_text("no music either")
    checked = check(folder.folder)
    for name, reason in {
        "short": "lasts 2.0 s",
        "silent": "is silent",
        "clipped": "is clipped",
        "mix": "is a mix",
        "broken": "cannot be read as audio",
        "apple": "convert it to WAV",
    }.items():
        said = [*checked[name].reasons, checked[name].lacks or ""]
        assert any(reason in text for text in said), (name, said)
        assert not any(str(folder.folder) in text for text in said)
    assert checked["mono"].reasons == []
    assert "is mono" in checked["mono"].remarks


def test_rates_add_up_and_a_missing_stem_is_what_the_mix_has_left(folder):
    parts = dict(vocals=music(0), drums=music(1), bass=music(2), other=music(3))
    for track in ("vocals", "drums", "bass"):
        folder(f"song/{track}.wav", parts[track], subtype="FLOAT")
    folder("song/mix.wav", sum(parts.values()), subtype="FLOAT")
    (source,), _ = find_songs(folder.folder)
    tracks, remarks = read_tracks(folder.folder, source)
    assert list(tracks) == ["vocals", "drums", "bass", "other"]
    assert np.allclose(tracks["other"], parts["other"], atol=1e-5)
    assert remarks == ["other is what the other stems leave of the mix"]
    (folder.folder / "song" / "bass.wav").unlink()
    (source,), _ = find_songs(folder.folder)
    with pytest.raises(InputError, match="give stems of bass, other"):
        read_tracks(folder.folder, source)
    (folder.folder / "song" / "mix.wav").unlink()
    folder("song/drums.wav", parts["drums"][:, : 4 * RATE], 22050)
    (source,), _ = find_songs(folder.folder)
    tracks, remarks = read_tracks(folder.folder, source)
    assert {stem.shape for stem in tracks.values()} == {(2, 8 * RATE)}
    assert not tracks["other"].any()
    assert remarks == ["no stem of bass, other: taken as silent"]


def test_stems_of_another_song_are_refused(folder):
    for seed, track in enumerate(("vocals", "drums", "bass", "other")):
        folder(f"song/{track}.wav", music(seed))
    folder("song.wav", music(9))
    assert "do not add up" in check(folder.folder)["song"].reasons[0]


def test_of_the_same_song_the_one_with_stems_is_kept(folder):
    folder("a.mp3", music(0))
    folder("b/vocals.wav", music(0))
    folder("c/vocals.flac", music(1))
    checked = list(check(folder.folder).values())
    leave_out_duplicates(checked, {"b", "c"})
    assert [song.name for song in checked if not song.reasons] == ["b", "c"]
    assert checked[0].reasons[0].startswith("is the same recording as b (")
    assert Checked.model_validate_json(checked[0].model_dump_json()) == checked[0]
