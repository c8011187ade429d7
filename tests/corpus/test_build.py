import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from songdiff.corpus.build import CorpusError, build_corpus
from songdiff.corpus.shards import read_corpus, read_manifest, read_sample, stems, write_manifest, write_shard

TINY = {"hours": 8 / 3600, "seed": 3, "durations": (6.0, 7.0), "progress": False}  # two songs


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    out = tmp_path_factory.mktemp("corpus") / "one"
    build_corpus(out, workers=1, **TINY)
    return out


@pytest.fixture
def copy(corpus, tmp_path):
    return shutil.copytree(corpus, tmp_path / "copy")


def contents(out):
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def wait(out, entry):
    """A finished song beside the shards, as a stopped build leaves it."""
    folder = out / ".songs" / entry.id
    folder.mkdir(parents=True)
    for name, data in read_sample(out, entry).items():
        (folder / name).write_bytes(data)
    return folder


def test_the_number_of_processes_changes_nothing(corpus, tmp_path):
    build_corpus(tmp_path / "two", workers=2, **TINY)
    assert contents(corpus) == contents(tmp_path / "two")
    assert sorted(path.name for path in corpus.iterdir()) == ["corpus.json", "manifest.jsonl", "shard-00000.tar"]


def test_songs_read_back(corpus):
    songs = list(read_corpus(corpus))
    assert [song.id for song in songs] == ["song-00000", "song-00001"]
    for song in songs:
        assert song.split == "train"
        assert len(song.captions) == len(set(song.captions)) == 6
        assert all(song.captions)
        waveforms = stems(song)
        samples = round(song.score.duration * 44100)
        assert list(waveforms) == ["vocals", "drums", "bass", "other"]
        assert all(waveform.shape == (2, samples) and waveform.dtype == np.float32 for waveform in waveforms.values())
        mix = sum(waveforms.values())
        assert 0.05 < np.abs(mix).max() < 1
    assert list(read_corpus(corpus, "test")) == []


def test_a_shorter_corpus_is_extended_and_its_songs_are_kept(corpus, copy):
    first = read_manifest(copy)[0]
    write_shard(copy / "shard-00000.tar", [(first.id, read_sample(copy, first))])
    (copy / "manifest.jsonl").unlink()  # killed before it was written
    (copy / ".shard-00000.tar.part").write_bytes(b"killed here")
    (copy / ".songs" / ".song-00001.123.part").mkdir(parents=True)
    build_corpus(copy, workers=1, **TINY)
    assert contents(copy) == contents(corpus)


def test_finished_songs_of_an_unfinished_shard_are_not_made_again(corpus, copy, monkeypatch):
    monkeypatch.setattr("songdiff.corpus.build._start", lambda processes: pytest.fail("nothing is to be rendered"))
    for entry in read_manifest(copy):
        wait(copy, entry)
    (copy / "shard-00000.tar").unlink()
    write_manifest(copy, [])
    build_corpus(copy, workers=1, **TINY)
    assert contents(copy) == contents(corpus)
    before = (copy / "shard-00000.tar").stat().st_mtime_ns
    build_corpus(copy, workers=1, **TINY)
    assert (copy / "shard-00000.tar").stat().st_mtime_ns == before


def test_a_damaged_shard_is_named_and_made_again(corpus, copy, capsys):
    first, second = read_manifest(copy)
    wait(copy, second)
    with (copy / "shard-00000.tar").open("r+b") as file:
        file.seek(first.files["drums.flac"].offset + 1000)
        file.write(b"damage")
    build_corpus(copy, workers=1, **TINY)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert "shard-00000.tar is damaged" in line
    assert contents(copy) == contents(corpus)


def test_a_broken_waiting_song_is_made_again(corpus, copy):
    first, second = read_manifest(copy)
    wait(copy, first)
    (wait(copy, second) / "bass.flac").write_bytes(b"")
    (copy / "shard-00000.tar").unlink()
    build_corpus(copy, workers=1, **TINY)
    assert contents(copy) == contents(corpus)


@pytest.mark.slow
def test_a_build_that_is_killed_goes_on_without_loss_or_doubles(corpus, tmp_path, monkeypatch):
    out, script = tmp_path / "killed", tmp_path / "run.py"
    call = f"build_corpus({str(out)!r}, workers=1, **{TINY})"
    script.write_text(f"from songdiff.corpus.build import build_corpus\nif __name__ == '__main__':\n    {call}\n")
    process = subprocess.Popen([sys.executable, str(script)])
    deadline = time.monotonic() + 60
    while not (out / ".songs" / "song-00000").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "shard-00000.tar").exists()
    with monkeypatch.context() as patched:  # the finished song survived: to pack it needs no rendering
        patched.setattr("songdiff.corpus.build._start", lambda processes: pytest.fail("nothing is to be rendered"))
        build_corpus(out, workers=1, **TINY | {"hours": 1 / 3600})
    assert [entry.id for entry in read_manifest(out)] == ["song-00000"]
    build_corpus(out, workers=1, **TINY)
    assert contents(out) == contents(corpus)


def test_manifest_is_sorted_and_says_where_every_file_lies(corpus):
    entries = [json.loads(line) for line in (corpus / "manifest.jsonl").read_text().splitlines()]
    assert [entry["id"] for entry in entries] == ["song-00000", "song-00001"]
    assert sorted(entries[0]["files"]) == ["bass.flac", "drums.flac", "json", "other.flac", "vocals.flac"]
    data = (corpus / "shard-00000.tar").read_bytes()
    for entry in entries:
        place = entry["files"]["vocals.flac"]
        assert data[place["offset"] :][:4] == b"fLaC"
        song = json.loads(data[entry["files"]["json"]["offset"] :][: entry["files"]["json"]["size"]])
        assert song["sha256"]["vocals.flac"] == place["sha256"]
        assert (song["score"]["duration"], song["voice"]) == (entry["duration"], entry["voice"])


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
