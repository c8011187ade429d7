"""``songdiff generate --best-of --repair`` as a user meets it, on a checkpoint of random weights."""

import json
import sys

import pytest

from songdiff.cli.main import main


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command in ``tmp_path``: exit code and what it says on stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("sing a song of sixpence\n")

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["songdiff", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code or 0, capsys.readouterr().err

    return command


def test_best_of_and_repair_are_told_kept_and_replayed(checkpoint, tmp_path, run):
    code, said = run(
        "generate", "words.txt", "--best-of", 2, "--repair", "--bpm", 100, "--seed", 7, "--duration", 8, "--steps", 1,
        "--model", checkpoint, "-o", "song.flac",
    )  # fmt: skip
    assert code == 0
    assert "songdiff: best of 2: seed " in said
    assert "songdiff: repair 1 of 1: 'sing a song of sixpence', phoneme error " in said
    record = json.loads((tmp_path / "song.json").read_text())
    assert (record["request"]["best_of"], record["request"]["repair_rounds"]) == (2, 1)
    assert record["chosen"]["seed"] in (7, 8)
    assert len(record["chosen"]["repairs"]) == 1
    (tmp_path / "again").mkdir()
    assert run("replay", "song.json", "-o", "again/song.flac")[0] == 0
    for name in ("song.flac", "song.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / name).read_bytes()


def test_what_makes_no_sense_is_refused(checkpoint, tmp_path, run):
    code, said = run("generate", "--repair", "--duration", 8, "--steps", 1, "--model", checkpoint)
    assert code == 2
    assert "songdiff: repair: nothing is sung in this song" in said
    assert run("generate", "words.txt", "--best-of", 0, "--model", checkpoint)[0] == 2
    assert run("generate", "words.txt", "--repair-rounds", 0, "--model", checkpoint)[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["words.txt"]


def test_a_plain_song_is_not_judged(checkpoint, run, tmp_path, monkeypatch):
    monkeypatch.setattr("songdiff.pipelines.request.best_of", None)
    monkeypatch.setattr("songdiff.pipelines.request.repair", None)
    code, _ = run("generate", "words.txt", "--duration", 8, "--steps", 1, "--model", checkpoint, "-o", "song.wav")
    assert code == 0
    assert "chosen" not in json.loads((tmp_path / "song.json").read_text())
