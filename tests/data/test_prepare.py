import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from songdiff.corpus.plan import plan_song
from songdiff.corpus.shards import CorpusError, read_corpus, read_manifest, stems
from songdiff.corpus.song import make_song
from songdiff.data import corpus_songs, encode_songs
from songdiff.data.align import align_lyrics, without_times
from songdiff.data.prepare import prepare_corpus
from songdiff.errors import InputError
from songdiff.evaluation.words import load_recogniser
from songdiff.lyrics import parse_lyrics
from songdiff.models import load_autoencoder
from songdiff.score import to_lrc, to_word_json
from songdiff.training import build_task
from songdiff.training.recipe import Recipe

RATE = 44100


@pytest.fixture(scope="module")
def sung():
    """The score and stems of two short songs."""
    return [make_song(plan_song(3, index, (7.0, 8.0))) for index in (0, 1)]


@pytest.fixture(scope="module")
def folder(sung, tmp_path_factory):
    """Two songs with stems, one with timed lyrics, and files that are not fit."""
    home = tmp_path_factory.mktemp("songs")
    (score, one), (other, two) = sung
    for name, tracks in (("one", one), ("two", two)):
        (home / name).mkdir()
        for track, stem in tracks.items():
            if name == "one":
                soundfile.write(home / name / f"{track}.wav", 0.5 * resample_poly(stem, 160, 147, axis=1).T, 48000)
            else:
                soundfile.write(home / name / f"{track}.flac", stem.T, RATE)
    (home / "one.txt").write_text("[Verse]\n" + "\n".join(line.text for line in score.lines))
    (home / "one.json").write_text(json.dumps({"tags": "warm folk", "bpm": round(score.tempo, 1), "singer": "Mara"}))
    (home / "two.lrc").write_text(to_lrc(other))
    soundfile.write(home / "one again.mp3", sum(one.values()).T, RATE)
    soundfile.write(home / "noise.ogg", np.random.default_rng(0).uniform(-0.2, 0.2, (8 * RATE, 2)), RATE)
    (home / "broken.mp3").write_text("no music")
    return home


@pytest.fixture(scope="module")
def prepared(folder, checkpoint, tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("songdiff.data.prepare._BLOCK", 1)
        report = prepare_corpus(folder, out, autoencoder=checkpoint / "autoencoder", workers=1, progress=False)
    return out, report


def contents(out):
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_every_song_is_kept_or_left_out_with_a_reason(prepared):
    out, report = prepared
    rows = {row.song: row for row in report.songs}
    assert [name for name, row in rows.items() if row.kept] == ["one", "two"]
    assert rows["one again"].reasons[0].startswith("is the same recording as one")
    assert "is a mix" in rows["noise"].reasons[0]
    assert "cannot be read" in rows["broken"].reasons[0]
    assert json.loads((out / "recordings.jsonl").read_text())["audio"].endswith("noise.ogg")
    assert json.loads((out / "report.json").read_text()) == report.model_dump()
    page = (out / "report.html").read_text()
    assert all(row.song in page for row in report.songs)
    assert "2 of 5 songs kept" in report.summary
    assert report.table().row_count == 5


def test_the_corpus_reads_like_any_other(prepared, sung):
    out, _ = prepared
    songs = {song.id.split("-")[0]: song for song in read_corpus(out)}
    assert sorted(songs) == ["one", "two"]
    for song, (score, tracks) in zip((songs["one"], songs["two"]), sung, strict=True):
        waveforms = stems(song)
        mix, truth = sum(waveforms.values()), sum(tracks.values())
        assert abs(mix.shape[1] - truth.shape[1]) < 2
        assert 0.3 < np.abs(mix).max() <= 0.95
        assert [line.text for line in song.score.lines] == [line.text for line in score.lines]
        assert song.score.duration == pytest.approx(mix.shape[1] / RATE, abs=1e-4)
        assert song.score.parts is None
        assert song.captions
        late = [a.start - b.start for a, b in zip(song.score.words, score.words, strict=True)]
        assert np.median(np.abs(late)) < 0.15
    one, two = songs["one"], songs["two"]
    assert (one.voice, one.captions[0], one.score.genre) == ("Mara", "warm folk", "folk")
    assert one.score.tempo == pytest.approx(sung[0][0].tempo, rel=0.03)
    assert two.score.lines[0].start == pytest.approx(sung[1][0].lines[0].start, abs=0.01)  # an LRC's hundredths


def test_a_training_starts_on_it_without_encoding(prepared, checkpoint, tmp_path):
    out, _ = prepared
    songs = corpus_songs(out, "train")
    stored = encode_songs(songs, load_autoencoder(checkpoint / "autoencoder"), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    for song in songs:
        song.members.pop(next(name for name in song.members if name.endswith(".safetensors")))
    fresh = encode_songs(songs, load_autoencoder(checkpoint / "autoencoder"), tmp_path / "cache")
    for a, b in zip(stored, fresh, strict=True):
        assert (a.latents - b.latents).abs().max() < 0.02
        assert a.latents.shape == b.latents.shape
    recipe = Recipe.model_validate(
        {
            "kind": "transformer",
            "output": tmp_path / "run",
            "data": {
                "corpus": out,
                "autoencoder": checkpoint / "autoencoder",
                "style_encoder": checkpoint / "style_encoder",
                "cache": tmp_path / "none",
            },
            "model": {"hidden_size": 32, "num_layers": 1, "num_heads": 1},
            "optimizer": {"lr": 1e-3},
            "steps": 1,
            "batch_size": 2,
            "crop_frames": 64,
        }
    )
    task = build_task(recipe)
    assert task(task.batch(np.random.default_rng(0)))["velocity"].isfinite()
    assert not (tmp_path / "none").exists()


def test_neither_workers_nor_interruptions_change_anything(prepared, folder, checkpoint, tmp_path, monkeypatch):
    out, _ = prepared
    monkeypatch.setattr("songdiff.data.prepare._BLOCK", 1)
    copy = shutil.copytree(out, tmp_path / "copy")
    first, second = sorted(copy.glob("shard-*.tar"))
    first.unlink()
    kept = second.stat().st_mtime_ns
    (copy / "manifest.jsonl").unlink()
    (copy / ".shard-x.tar.part").write_text("killed here")
    (copy / "shard-stale.tar").write_text("of songs that are gone")
    lines = (copy / ".checked.jsonl").read_text().splitlines(keepends=True)
    (copy / ".checked.jsonl").write_text("".join(lines[1:])[:-20])
    prepare_corpus(folder, copy, autoencoder=checkpoint / "autoencoder", workers=2, progress=False)
    assert contents(copy) == contents(out)
    assert second.stat().st_mtime_ns == kept
    with pytest.raises(CorpusError, match="holds another corpus"):
        prepare_corpus(folder, copy, workers=1, progress=False)


def test_arguments_are_checked_before_anything_is_written(folder, tmp_path):
    for options, message in (
        ({"engine": "spark"}, "choose one of processes, ray"),
        ({"longest": 3}, "at least 10 s"),
        ({"test_share": 1.5}, "out of range"),
        ({"separator": tmp_path / "absent.pt"}, "no such weights"),
    ):
        with pytest.raises(InputError, match=message):
            prepare_corpus(folder, tmp_path / "out", **options)
    with pytest.raises(InputError, match="lies in the folder of songs"):
        prepare_corpus(folder, folder / "out")
    with pytest.raises(InputError, match="no such folder"):
        prepare_corpus(tmp_path / "absent", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (folder / "out").exists()


def test_lyrics_are_timed_as_finely_as_they_are_not(sung):
    score, tracks = sung[0]
    told = parse_lyrics(to_word_json(score))
    exact = align_lyrics(told, tracks["vocals"], load_recogniser())
    assert [w.start for w in exact.words] == pytest.approx([w.start for w in score.words], abs=1e-3)
    assert all(a.end <= b.start + 1e-6 for a, b in zip(exact.phonemes, exact.phonemes[1:], strict=False))
    free = align_lyrics(without_times(told), tracks["vocals"], load_recogniser())
    late = np.array([a.start - b.start for a, b in zip(free.words, score.words, strict=True)])
    assert np.median(np.abs(late)) < 0.1
    assert free.error_rate < 0.5
    other = parse_lyrics("\n".join(["nobody knows my purple kangaroo"] * len(score.lines)))
    assert align_lyrics(other, tracks["vocals"], load_recogniser()).error_rate > free.error_rate + 0.2
    with pytest.raises(InputError, match="song ends at"):
        align_lyrics(parse_lyrics("[05:00.00]late"), tracks["vocals"], load_recogniser())


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on(prepared, folder, checkpoint, tmp_path):
    command = [sys.executable, "-m", "songdiff", "prepare", str(folder), "--out", str(tmp_path / "out")]
    command += ["--workers", "2", "--autoencoder", str(checkpoint / "autoencoder")]
    process = subprocess.Popen(command, start_new_session=True)
    while not (tmp_path / "out" / ".checked.jsonl").exists():
        time.sleep(0.2)
    time.sleep(8)
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run(command, check=True)
    out, _ = prepared
    assert {e.id for e in read_manifest(tmp_path / "out")} == {e.id for e in read_manifest(out)}


@pytest.mark.slow
def test_ray_makes_the_same(prepared, folder, checkpoint, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setattr("songdiff.data.prepare._BLOCK", 1)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)  # a local cluster of two workers
    try:
        prepare_corpus(folder, tmp_path / "out", autoencoder=checkpoint / "autoencoder", engine="ray", progress=False)
    finally:
        ray.shutdown()
    assert contents(tmp_path / "out") == contents(prepared[0])
