import fcntl
import json
import shutil

import numpy as np
import pytest

from songdiff.corpus.build import (
    CorpusError,
    build_corpus,
    count_songs,
    plan_song,
    plan_voice,
    read_corpus,
    read_song,
    song_id,
    stems,
)

TINY = {"hours": 8 / 3600, "seed": 3, "durations": (6.0, 7.0), "progress": False}  # two songs


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    out = tmp_path_factory.mktemp("corpus") / "one"
    build_corpus(out, workers=1, **TINY)
    return out


def contents(out):
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_the_number_of_processes_changes_nothing(corpus, tmp_path):
    build_corpus(tmp_path / "two", workers=2, **TINY)
    assert contents(corpus) == contents(tmp_path / "two")
    assert sorted(path.name for path in corpus.iterdir()) == [
        "corpus.json",
        "manifest.jsonl",
        "song-00000",
        "song-00001",
    ]


def test_resume_makes_what_is_missing_and_keeps_the_rest(corpus, tmp_path):
    out = tmp_path / "copy"
    shutil.copytree(corpus, out)
    shutil.rmtree(out / "song-00001")
    (out / ".song-00001.part").mkdir()  # what a kill -9 leaves behind
    (out / "manifest.jsonl").unlink()
    kept = (out / "song-00000" / "song.json").stat().st_mtime_ns
    build_corpus(out, workers=1, **TINY)
    assert contents(out) == contents(corpus)
    assert (out / "song-00000" / "song.json").stat().st_mtime_ns == kept


def test_songs_read_back(corpus):
    songs = list(read_corpus(corpus))
    assert [song.id for song in songs] == ["song-00000", "song-00001"]
    for song in songs:
        assert song.split == "train"
        assert len(song.captions) == 3
        assert all(song.captions)
        waveforms = stems(song)
        samples = round(song.score.duration * 44100)
        assert list(waveforms) == ["vocals", "drums", "bass", "other"]
        assert all(waveform.shape == (2, samples) and waveform.dtype == np.float32 for waveform in waveforms.values())
        mix = sum(waveforms.values())
        assert 0.05 < np.abs(mix).max() < 0.95
    assert list(read_corpus(corpus, "test")) == []


def test_manifest_is_sorted_and_names_checksums(corpus):
    entries = [json.loads(line) for line in (corpus / "manifest.jsonl").read_text().splitlines()]
    assert [entry["id"] for entry in entries] == sorted(entry["id"] for entry in entries)
    assert sorted(entries[0]["sha256"]) == ["bass.flac", "drums.flac", "other.flac", "song.json", "vocals.flac"]


def test_a_plan_is_a_pure_function_of_seed_and_index():
    assert plan_song(5, 17) == plan_song(5, 17) != plan_song(6, 17)
    assert [plan_song(5, index).split for index in (18, 19, 20, 39)] == ["train", "test", "train", "test"]
    assert len({plan_voice(5, index) for index in range(8)}) == 1
    assert len({plan_voice(5, index) for index in range(0, 400, 8)}) > 5
    plans = [plan_song(5, index) for index in range(200)]
    assert 0.02 < np.mean([plan.lyrics is None for plan in plans]) < 0.12
    assert all(20 <= plan.duration <= 45 for plan in plans)


def test_count_songs_covers_the_hours():
    count = count_songs(0.1, 0)
    durations = [plan_song(0, index).duration for index in range(count)]
    assert sum(durations[:-1]) < 360 <= sum(durations)


def test_another_corpus_is_not_overwritten(corpus, tmp_path):
    with pytest.raises(CorpusError, match="holds another corpus"):
        build_corpus(corpus, hours=0.001, seed=4)
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(CorpusError, match="not empty and not a corpus"):
        build_corpus(tmp_path, hours=0.001)


def test_two_builds_do_not_share_a_folder(corpus):
    with (corpus / "corpus.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(CorpusError, match="being built by another process"):
            build_corpus(corpus, workers=1, **TINY)


@pytest.mark.parametrize(
    "arguments", [{"hours": -1}, {"hours": 1, "workers": 0}, {"hours": 1, "durations": (9.0, 3.0)}]
)
def test_bad_arguments_are_refused_before_anything_is_written(arguments, tmp_path):
    with pytest.raises(CorpusError):
        build_corpus(tmp_path / "new", **arguments)
    assert not (tmp_path / "new").exists()


def test_a_broken_song_names_the_file(corpus, tmp_path):
    shutil.copytree(corpus / song_id(0), tmp_path / "song")
    (tmp_path / "song" / "bass.flac").write_bytes(b"")
    song = read_song(tmp_path / "song")
    with pytest.raises(CorpusError, match=r"bass\.flac"):
        stems(song)
    (tmp_path / "song" / "song.json").write_text("{}")
    with pytest.raises(CorpusError, match="field id is missing"):
        read_song(tmp_path / "song")
