"""`songdiff evaluate` and `songdiff bench` as a user meets them."""

import json
import sys

import numpy as np
import pytest

from songdiff.audio import write_audio
from songdiff.cli.main import main
from songdiff.evaluation import measures, speed
from songdiff.evaluation.report import Report, Row


@pytest.fixture
def songdiff(tmp_path, monkeypatch, capsys):
    """Runs a command in ``tmp_path``; returns (exit code, output, errors)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["songdiff", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return stopped.value.code, captured.out, captured.err

    return run


def test_a_generated_song_is_measured_and_shown(songdiff, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(measures, "MEASURES", {name: measures.MEASURES[name] for name in ("music", "sound")})
    code, _, err = songdiff(
        "generate", "--prompt", "folk, instrumental", "--seed", 1, "--duration", 6, "--steps", 1,
        "--model", checkpoint, "--stems", "stems", "-o", "song.wav",
    )  # fmt: skip
    assert code == 0, err
    code, out, err = songdiff("evaluate", "song.wav", "--out", "report.json", "--html", "report.html")
    assert code == 0, err
    assert "music.chords_majmin" in out
    report = Report.load(tmp_path / "report.json")
    assert report.songs[0].name == "song"
    assert report.songs[0].remarks == []
    assert report.figures["sound.true_peak_dbtp"].mean <= -0.9
    assert (tmp_path / "report.html").read_text(encoding="utf-8").count("<audio") == 2


def test_bad_input_is_refused(songdiff, checkpoint, tmp_path):
    (tmp_path / "empty").mkdir()
    write_audio(tmp_path / "alone.wav", np.zeros((2, 44100)), 44100)
    (tmp_path / "old.json").write_text('{"version": 0}')
    for arguments, named in [
        (["empty"], "empty"),
        (["alone.wav"], "alone.json"),
        (["absent.wav"], "absent.wav"),
        ([], "give songs"),
        (["--benchmark", "nowhere"], "nowhere"),
        (["--benchmark", checkpoint, checkpoint], "one checkpoint"),
        (["--benchmark", checkpoint, "--corpus", "empty"], "manifest"),
        (["alone.wav", "--corpus", "empty"], "--benchmark"),
        (["alone.wav", "--out", "report.txt"], ".txt"),
        (["--compare", "old.json", "old.json"], "version"),
    ]:
        before = sorted(tmp_path.rglob("*"))
        code, _, err = songdiff("evaluate", *arguments)
        assert code == 2
        assert named in err
        assert sorted(tmp_path.rglob("*")) == before
    for arguments, named in [
        (["--model", "nowhere"], "nowhere"),
        (["--durations", "soon"], "soon"),
        (["--durations", "9999"], "out of range"),
        (["--device", "abacus"], "abacus"),
        (["--dtype", "float16"], "float16"),
        (["--against", "suno"], "suno"),
    ]:
        code, _, err = songdiff(
            "bench", *(arguments if "--model" in arguments else [*arguments, "--model", checkpoint])
        )
        assert code == 2
        assert named in err


def test_reports_are_compared(songdiff, tmp_path):
    for name, shift in (("a", 0.0), ("b", 0.5)):
        songs = [Row(name=str(i), seconds=1, figures={"music.key": i / 10 + shift}) for i in range(6)]
        Report.of(name, songs, [], []).save(tmp_path / f"{name}.json")
    code, out, _ = songdiff("evaluate", "--compare", "a.json", "b.json")
    assert code == 0
    assert "music.key" in out
    assert "+0.5" in out
    assert "paired" in out


def test_bench_times_every_stage(checkpoint, songdiff, tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "_in_process", speed._songdiff)  # the process of a case costs seconds to start
    code, out, err = songdiff(
        "bench", "--model", checkpoint, "--durations", "2, 4", "--runs", 1, "--steps", 3, "--out", "bench.json"
    )
    assert code == 0, err
    assert "times" in out or "real time" in out
    timings = json.loads((tmp_path / "bench.json").read_text())["timings"]
    assert [row["duration"] for row in timings] == [2, 4]
    for row in timings:
        stages = row["stages"]
        assert stages.keys() == {"compose", "condition", "denoise", "denoise per step", "decode", "loudness"}
        assert all(seconds >= 0 for seconds in stages.values())
        assert row["seconds"] == pytest.approx(sum(stages.values()) - stages["denoise per step"], abs=1e-3)
        assert stages["denoise"] >= 2 * stages["denoise per step"] * 0.5
        assert row["times_real_time"] == pytest.approx(row["duration"] / row["seconds"], rel=0.05)
        assert row["peak_gb"] > 0.1
    assert "4 s" in err


def test_a_track_alone_is_what_a_decoder_is_compared_with(checkpoint):
    codec = speed._codec(speed.Case("codec", str(checkpoint), 3.0, 2, "cpu", "auto", None))
    assert codec.stages.keys() == {"encode", "decode"}
    assert codec.seconds == pytest.approx(sum(codec.stages.values()), abs=1e-3)
    whole = codec.model_copy(update={"name": "songdiff/tiny", "stages": {"decode": 10.0}})
    slow = codec.model_copy(update={"name": "oobleck", "seconds": 20.0, "stages": {"decode": 20.0}})
    run = {"model": "songdiff/tiny", "device": "cpu", "runs": 2, "machine": speed.Machine.here()}
    assert speed.Speed(**run, timings=[whole, slow]).ratio(slow) == 2.0
    assert speed.Speed(**run, timings=[whole, codec, slow]).ratio(slow) == 20.0 / codec.stages["decode"]


def test_a_transformer_of_another_size_is_timed(monkeypatch):
    small = {**speed._DIFFRHYTHM, "hidden_size": 64, "num_layers": 2, "num_heads": 2}
    monkeypatch.setattr(speed, "_DIFFRHYTHM", small)
    monkeypatch.setattr(speed, "MAX_FRAMES", 32)
    timing = speed._diffrhythm(speed.Case("diffrhythm", "", 4.0, 2, "cpu", "float32", None))
    assert timing.seconds == pytest.approx(64 * timing.stages["one pass"], rel=0.05, abs=0.01)
    assert "scaled" in timing.note
    assert timing.dtype == "float32"
    monkeypatch.setattr(speed, "_free_gb", lambda: 0.0)
    with pytest.raises(speed.InputError, match="GB are free"):
        speed._diffrhythm(speed.Case("diffrhythm", "", 4.0, 1, "cpu", "float32", None))


def test_the_large_rivals_are_as_large_as_their_names():
    import torch

    from songdiff.models import SongTransformer

    with torch.device("meta"):
        parameters = sum(p.numel() for p in SongTransformer(**speed._DIFFRHYTHM).parameters())
    assert 1.0e9 < parameters < 1.25e9
