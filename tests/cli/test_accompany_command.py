"""``songdiff accompany`` and ``cover`` as a user meets them, on a checkpoint of random weights."""

import json
import sys

import numpy as np
import pytest
import soundfile

from songdiff.cli.main import main

RATE = 48000


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command in ``tmp_path``: exit code, what it prints and what it says on stderr."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["songdiff", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return stopped.value.code or 0, said.out, said.err

    return command


@pytest.fixture
def drums(tmp_path):
    """Mono, 24 bits, 48 kHz, 100 beats a minute."""
    time = np.arange(round(0.1 * RATE)) / RATE
    strokes = (0.5 * np.sin(2 * np.pi * hertz * time) * np.exp(-time / 0.03) for hertz in (60, 900))
    pair = np.concatenate([np.pad(stroke, (0, round(0.6 * RATE) - len(stroke))) for stroke in strokes])
    track = np.tile(pair, 5)
    soundfile.write(tmp_path / "my drums.wav", track, RATE, "PCM_24")
    return tmp_path / "my drums.wav"


def samples(path):
    return soundfile.read(path, dtype="int32", always_2d=True)[0]


def test_given_files_come_back_and_what_is_heard_is_told_first(checkpoint, tmp_path, run, drums):
    code, printed, said = run(
        "accompany", drums, "--tracks", "bass,other", "--key", "D minor", "--chords", "Dm Bb", "--prompt", "rock",
        "--seed", 4, "--steps", 1, "--model", checkpoint, "-o", "song.flac", "--keep-stems", "stems",
    )  # fmt: skip
    assert code == 0, said
    assert "tempo 100." in said
    assert "key D minor (100% sure)" in said
    assert "chords Dm Bb Dm" in said
    assert printed.split() == ["song.flac", "stems/drums.flac", "stems/bass.flac", "stems/other.flac", "song.json"]
    assert np.array_equal(samples("stems/drums.flac"), samples(drums))
    assert samples("song.flac").shape == (len(samples(drums)), 2)
    assert soundfile.info("song.flac").samplerate == RATE
    record = json.loads((tmp_path / "song.json").read_text())
    assert record["edit"]["task"] == "accompany"
    assert record["edit"]["given"] == {"drums": "my drums.wav"}
    assert record["score"]["key"] == "D minor"
    code, _, said = run("replay", "song.json", "-o", "again/song.flac")
    assert code == 2  # no such folder
    (tmp_path / "again").mkdir()
    assert run("replay", "song.json", "-o", "again/song.flac")[0] == 0
    assert np.array_equal(samples("again/song.flac"), samples("song.flac"))
    assert json.loads((tmp_path / "again/song.json").read_text())["edit"]["given"] == {"drums": "../my drums.wav"}


def test_a_cover_of_what_was_made(checkpoint, tmp_path, run, drums):
    more = "--seed", 4, "--steps", 1, "--model", checkpoint
    assert run("accompany", drums, *more, "--bpm", 100, "-o", "song.wav")[0] == 0
    code, _, said = run("cover", "song.wav", *more, "--prompt", "jazz", "-o", "jazz.wav", "--keep-stems", "jazz")
    assert code == 0, said
    assert json.loads((tmp_path / "jazz.json").read_text())["score"]["genre"] == "jazz"
    assert run("replay", "jazz.json", "-o", "jazz again.wav")[0] == 0
    assert np.array_equal(samples("jazz again.wav"), samples("jazz.wav"))
    assert run("cover", "song.wav", *more, "--strength", 0, "-o", "same.wav")[0] == 0
    assert np.array_equal(samples("same.wav"), samples("song.wav"))
    code, _, said = run("cover", "song.wav", *more, "--strength", 0.5, "-o", "half.wav")
    assert code == 2
    assert "below 1 starts from all tracks" in said
    (tmp_path / "mix.wav").write_bytes((tmp_path / "song.wav").read_bytes())
    for command in (("cover", "mix.wav"), ("extend", "mix.wav", "--after", 2)):
        code, _, said = run(*command, "--model", "no such model", "-o", "out.wav")  # refused before it is looked for
        assert code == 2
        assert "songdiff: mix.wav: " in said
        assert "songdiff separate" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["song.wav"], "take a mix apart first"),
        (["vocals=none.wav"], "no such audio file"),
        (["vocals=broken.flac"], "broken.flac: cannot be read as audio"),
        (["vocals=tiny.wav"], "tiny.wav: lasts 0.2 s; at least 2 s are needed"),
        ([], "nothing is given"),
        (["my drums.wav", "--tracks", "drums"], "is given already"),
        (["my drums.wav", "--bpm", "1000"], "out of range"),
        (["my drums.wav", "--key", "H moll"], "not understood"),
        (["my drums.wav", "--time-signature", "5/4"], "unknown"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(checkpoint, tmp_path, run, drums, arguments, message):
    (tmp_path / "song.wav").write_bytes(drums.read_bytes())
    (tmp_path / "broken.flac").write_bytes(b"fLaC and nothing more")
    soundfile.write(tmp_path / "tiny.wav", np.full(8820, 0.1), 44100)
    code, _, said = run("accompany", *arguments, "--model", checkpoint, "-o", "out.wav")
    assert code == 2
    lines = [line for line in said.splitlines() if line.startswith("songdiff: ")]
    assert message in lines[-1]
    assert not (tmp_path / "out.wav").exists()


def test_separate_names_where_its_weights_are(tmp_path, run, drums):
    code, _, said = run("separate", drums, "--weights", "none.pt", "-o", "stems")
    assert code == 2
    assert "download them from https://" in said
    assert not (tmp_path / "stems").exists()
