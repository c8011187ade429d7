import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import webdataset

from songdiff.corpus.shards import (
    CorpusError,
    check_shard,
    index_shard,
    read_corpus,
    read_manifest,
    read_sample,
    read_stem,
    stems,
    write_manifest,
    write_shard,
)
from songdiff.score import TRACKS, Score


def sample(name, split="train", seconds=1.5):
    """A song of noise, as the builder would write it; its samples are whole 16-bit numbers."""
    rng = np.random.default_rng(list(name.encode()))
    files = {}
    for track in TRACKS:
        flac = io.BytesIO()
        noise = rng.integers(-9000, 9000, (round(seconds * 44100), 2), dtype=np.int16)
        soundfile.write(flac, noise, 44100, format="FLAC", subtype="PCM_16")
        files[f"{track}.flac"] = flac.getvalue()
    song = {
        "id": name,
        "split": split,
        "seed": 0,
        "voice": "mara",
        "captions": ["pop"],
        "sha256": {file: hashlib.sha256(data).hexdigest() for file, data in files.items()},
        "score": json.loads(Score(duration=seconds, genre="pop").to_json()),
    }
    return files | {"json": json.dumps(song).encode()}


@pytest.fixture
def corpus(tmp_path):
    """Two shards of two songs; the second is for testing."""
    entries = []
    for shard, split in enumerate(("train", "test")):
        names = [f"song-{2 * shard + i:05d}" for i in range(2)]
        path = tmp_path / f"shard-{shard:05d}.tar"
        entries += write_shard(path, [(name, sample(name, split)) for name in names])
    write_manifest(tmp_path, entries)
    return tmp_path


def test_songs_read_back_by_split(corpus):
    assert [song.id for song in read_corpus(corpus)] == [f"song-{i:05d}" for i in range(4)]
    (song, _) = read_corpus(corpus, "test")
    assert (song.id, song.split, song.voice, song.captions) == ("song-00002", "test", "mara", ["pop"])
    assert song.score == Score(duration=1.5, genre="pop")
    for track, waveform in stems(song).items():
        data, _ = soundfile.read(io.BytesIO(sample("song-00002", "test")[f"{track}.flac"]), dtype="float32")
        assert waveform.dtype == np.float32
        assert np.array_equal(waveform, data.T)


def test_a_part_of_a_stem_is_a_slice_of_it_with_silence_beyond(corpus):
    song = next(read_corpus(corpus))
    whole = stems(song)["bass"]
    assert np.array_equal(read_stem(song, "bass", 20000, 5000), whole[:, 20000:25000])
    beyond = read_stem(song, "bass", 66000, 1000)
    assert np.array_equal(beyond[:, :150], whole[:, 66000:])
    assert beyond.shape == (2, 1000)
    assert not beyond[:, 150:].any()


def test_webdataset_reads_a_shard_as_it_is(corpus):
    songs = list(webdataset.WebDataset(str(corpus / "shard-00000.tar"), shardshuffle=False))
    assert [song["__key__"] for song in songs] == ["song-00000", "song-00001"]
    assert songs[1]["drums.flac"] == sample("song-00001")["drums.flac"]
    assert json.loads(songs[1]["json"])["id"] == "song-00001"


def test_equal_songs_give_equal_bytes_and_the_shard_says_what_is_in_it(corpus, tmp_path):
    entries = read_manifest(corpus)[:2]
    assert index_shard(corpus / "shard-00000.tar") == entries
    again = tmp_path / "again.tar"
    write_shard(again, [(entry.id, read_sample(corpus, entry)) for entry in entries])
    assert again.read_bytes() == (corpus / "shard-00000.tar").read_bytes()
    assert entries[0].shard_sha256 == hashlib.sha256(again.read_bytes()).hexdigest()


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut_short(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("damage", "word"), [(flip_a_bit, "SHA-256"), (cut_short, "bytes long"), (Path.unlink, "missing")]
)
def test_a_damaged_shard_is_named_once_and_skipped(corpus, capsys, damage, word):
    damage(corpus / "shard-00000.tar")
    assert [song.id for song in read_corpus(corpus)] == ["song-00002", "song-00003"]
    (line,) = capsys.readouterr().err.splitlines()
    assert "shard-00000.tar" in line
    assert word in line
    assert list(read_corpus(corpus, "train")) == []


@pytest.mark.parametrize("damage", [flip_a_bit, cut_short])
def test_a_shard_without_a_manifest_is_checked_by_itself(corpus, damage):
    damage(corpus / "shard-00001.tar")
    with pytest.raises(CorpusError, match=r"shard-00001\.tar is damaged"):
        index_shard(corpus / "shard-00001.tar")


def test_without_verification_only_the_size_is_compared(corpus, capsys):
    flip_a_bit(corpus / "shard-00000.tar")
    assert len(list(read_corpus(corpus, "train", verify=False))) == 2
    with pytest.raises(CorpusError, match="SHA-256"):
        check_shard(corpus, read_manifest(corpus)[0])


def test_a_stem_that_cannot_be_decoded_names_song_and_shard(corpus):
    song = next(read_corpus(corpus))
    data = bytearray(song.shard.read_bytes())
    data[song.members["bass.flac"].offset : song.members["bass.flac"].offset + 4] = b"none"
    song.shard.write_bytes(data)
    with pytest.raises(CorpusError, match=r"shard-00000\.tar: song-00000\.bass\.flac"):
        stems(song)


def test_a_shard_whose_writing_fails_does_not_appear(tmp_path):
    def songs():
        yield "song-00000", sample("song-00000")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path / "shard-00000.tar", songs())
    assert not (tmp_path / "shard-00000.tar").exists()
    incomplete = sample("song-00000")
    incomplete["bass.flac"] = b"something else"
    with pytest.raises(CorpusError, match="song-00000 is not whole"):
        write_shard(tmp_path / "shard-00000.tar", [("song-00000", incomplete)])
    assert not (tmp_path / "shard-00000.tar").exists()


def test_no_manifest_and_a_broken_one_are_named(corpus):
    with pytest.raises(CorpusError, match="songdiff corpus build"):
        list(read_corpus(corpus / "elsewhere"))
    lines = (corpus / "manifest.jsonl").read_text().splitlines()
    (corpus / "manifest.jsonl").write_text(lines[0] + "\n" + lines[1][:50] + "\n")
    with pytest.raises(CorpusError, match="line 2"):
        list(read_corpus(corpus))
