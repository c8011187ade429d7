import json

import pytest

from songdiff.composer import compose
from songdiff.data.sidecars import read_given
from songdiff.data.sources import Source, find_songs
from songdiff.errors import InputError
from songdiff.score import to_midi


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(folder):
    songs, unused = find_songs(folder)
    return {song.name: song for song in songs}, [str(path) for path in unused]


def test_what_lies_beside_a_song_is_its_own(tmp_path):
    make(tmp_path, "a/one.mp3", "a/one.lrc", "a/one.json", "a/one.tags.txt", "a/one.mid", "a/two.flac", "a/two.txt")
    make(tmp_path, "a/two_prompt.txt", "a/notes.txt", ".hidden/three.wav")
    songs, unused = found(tmp_path)
    assert list(songs) == ["a/one", "a/two"]
    one, two = songs.values()
    assert [str(path) for path in one.files] == ["a/one.mp3", "a/one.lrc", "a/one.tags.txt", "a/one.json", "a/one.mid"]
    assert (one.whole, str(two.lyrics), str(two.captions)) == (False, "a/two.txt", "a/two_prompt.txt")
    assert unused == ["a/notes.txt"]


@pytest.mark.parametrize("home", ["song", "song.stems", "stems/song", "song/stems"])
def test_stems_in_a_folder_belong_to_the_mix_beside_it(tmp_path, home):
    make(tmp_path, "song.mp3", *(f"{home}/{name}.wav" for name in ("vocals", "drums", "bass", "guitar", "piano")))
    make(tmp_path, "song.txt")
    (song,) = found(tmp_path)[0].values()
    assert song.name == "song"
    assert song.whole
    assert {track: len(paths) for track, paths in song.stems.items()} == dict(vocals=1, drums=1, bass=1, other=2)
    assert str(song.mix) == "song.mp3"
    assert str(song.lyrics) == "song.txt"


def test_a_folder_of_stems_may_stand_alone_and_hold_its_mix_and_words(tmp_path):
    make(tmp_path, *(f"x/{name}" for name in ("mixture.wav", "vocals.wav", "drums.wav", "lyrics.lrc", "style.txt")))
    (song,) = found(tmp_path)[0].values()
    assert (song.name, str(song.mix), str(song.lyrics)) == ("x", "x/mixture.wav", "x/lyrics.lrc")
    assert sorted(song.stems) == ["drums", "vocals"]
    assert str(song.captions) == "x/style.txt"


def test_stems_may_be_told_by_the_ends_of_their_names(tmp_path):
    make(tmp_path, "p.1.mp3", "p.1.Vocals.mp3", "p.1.Instrumental.mp3", "q_drums.wav", "q_bass.wav", "My voice.mp3")
    songs, _ = found(tmp_path)
    assert sorted(songs) == ["My voice", "p.1", "q"]
    assert sorted(songs["p.1"].stems) == ["accompaniment", "vocals"]
    assert not songs["p.1"].whole
    assert songs["q"].whole
    assert songs["My voice"].stems == {}


def test_a_folder_without_songs_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        find_songs(tmp_path / "absent")
    with pytest.raises(InputError, match="holds no songs"):
        find_songs(tmp_path)


def test_details_are_read_and_what_is_wrong_is_a_remark(tmp_path):
    details = {
        "bpm": 92,
        "key": "f# minor",
        "genre": "folk",
        "tags": ["warm", "female vocals"],
        "lyrics": "[Verse]\nla",
    }
    details |= {"time_signature": "7/8", "artist": " Mara ", "title": 3, "label": "x"}
    (tmp_path / "a.json").write_text(json.dumps(details))
    score = compose(None, "folk", duration=10.0, seed=0)
    to_midi(score.model_copy(update={"melody": score.track_notes("other")[:3]}), tmp_path / "a.mid")
    (tmp_path / "a.lrc").write_text("[00:05.00]two\n[00:01.00]one\n")
    source = Source("a", details=tmp_path / "a.json", lyrics=tmp_path / "a.lrc", melody=tmp_path / "a.mid")
    given = read_given(tmp_path, source)
    assert (given.bpm, given.key, given.genre, given.gender) == (92.0, "Gb minor", "folk", "female")
    assert (given.singer, given.title, given.captions) == ("Mara", None, ["warm, female vocals"])
    assert given.lyrics.lines[0].text == "la"
    assert given.melody
    assert len(given.remarks) == 2
    assert "time_signature '7/8' is not understood" in given.remarks[0]
    assert given.remarks[1].startswith("a.lrc, line 2: time")
