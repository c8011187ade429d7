"""The command line as a user meets it, on a checkpoint of random weights."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from songdiff.cli.main import app, main

EXAMPLE = Path(__file__).parents[2] / "recipes" / "examples" / "first_song.lrc"


def songdiff(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "songdiff", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=200
    )


def test_generate_and_replay_give_the_same_bytes(checkpoint, tmp_path):
    made = songdiff(
        "generate", EXAMPLE, "--prompt", "warm folk, xylorimba", "--seed", 7, "--duration", 30, "--steps", 1,
        "--model", checkpoint, "--stems", "stems", "-o", "song.flac", cwd=tmp_path,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "xylorimba" in made.stderr
    info = soundfile.info(tmp_path / "song.flac")
    assert (info.frames, info.samplerate, info.channels) == (30 * 44100, 44100, 2)
    assert {path.name for path in (tmp_path / "stems").iterdir()} == {
        f"{t}.flac" for t in ("vocals", "drums", "bass", "other")
    }
    record = json.loads((tmp_path / "song.json").read_text())
    assert record["request"]["seed"] == 7
    again = songdiff("replay", "song.json", "-o", "again.flac", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again.flac").read_bytes() == (tmp_path / "song.flac").read_bytes()


def test_controls_are_kept_and_replayed(checkpoint, tmp_path):
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, (44100 * 4, 2))
    soundfile.write(tmp_path / "voice.wav", noise, 44100)
    soundfile.write(tmp_path / "style.wav", noise[::-1], 44100)
    (tmp_path / "levels.txt").write_text("drums 0:-6; 4:0\n")
    (tmp_path / "words.txt").write_text("sing a song of sixpence\n")
    asked = {
        "bpm": 101.0, "key": "E minor", "time_signature": "4/4", "chords": "Em C | G", "singer": "mara, airy",
        "emotion": "0:-0.5,0.25;4:0.5,0.25", "dynamics": "levels.txt", "voice": "voice.wav", "reference": "style.wav",
        "negative_prompt": "metal", "guidance": 1.5, "style_guidance": 2.5,
    }  # fmt: skip
    options = [part for name, value in asked.items() for part in (f"--{name.replace('_', '-')}", value)]
    made = songdiff(
        "generate", "words.txt", *options, "--guidance-interval", 0.1, 1, "--duration", 8, "--steps", 1, "--seed", 5,
        "--model", checkpoint, "-o", "song.flac", cwd=tmp_path,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    record = json.loads((tmp_path / "song.json").read_text())
    (tmp_path / "levels.txt").unlink()  # its text is in the request
    kept = asked | {"dynamics": "drums 0:-6; 4:0\n", "guidance_interval": [0.1, 1.0]}
    kept["guidance_scale"], kept["style_guidance_scale"] = kept.pop("guidance"), kept.pop("style_guidance")
    assert record["request"].items() >= kept.items()
    score = record["score"]
    assert (score["tempo"], score["key"], score["singer"]["name"]) == (101, "E minor", "mara")
    assert {chord["label"] for chord in score["chords"]} <= {"E:min", "C:maj", "G:maj"}
    (tmp_path / "again").mkdir()
    again = songdiff("replay", "song.json", "-o", "again/song.flac", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again" / "song.flac").read_bytes() == (tmp_path / "song.flac").read_bytes()
    assert json.loads((tmp_path / "again" / "song.json").read_text())["request"] == record["request"]


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Runs a command in ``tmp_path``; it must exit with 2, say one line and write nothing. Returns the line."""

    def run(*arguments):
        before = sorted(tmp_path.rglob("*"))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["songdiff", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 2
        assert sorted(tmp_path.rglob("*")) == before
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("songdiff: ")]
        assert len(lines) == 1
        return lines[0]

    return run


def test_bad_input_is_refused_in_one_line(checkpoint, tmp_path, refused):
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "binary.txt").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "backwards.lrc").write_text("[00:10.00]one\n[00:05.00]two\n")
    (tmp_path / "long.txt").write_text("la la la la la la la la\n" * 60)
    (tmp_path / "fine.txt").write_text("sing a song of sixpence\n")
    model = ("--model", checkpoint)
    assert "absent.txt" in refused("generate", "absent.txt", *model)
    assert "empty.txt" in refused("generate", "empty.txt", *model)
    assert "binary.txt" in refused("generate", "binary.txt", *model)
    assert "line 2" in refused("generate", "backwards.lrc", *model)
    assert "20" in refused("generate", "long.txt", "--duration", 20, *model)
    assert "out of range" in refused("generate", "fine.txt", "--duration", 9999, *model)
    assert "nowhere/" in refused("generate", "fine.txt", "-o", "nowhere/song.wav", *model)
    assert ".xyz" in refused("generate", "fine.txt", "-o", "song.xyz", *model)
    assert "nomodel" in refused("generate", "fine.txt", "--model", "nomodel")
    assert "fine.txt" in refused("generate", "fine.txt", "--score", "fine.txt", *model)
    assert "song.wav: two outputs have this name" in refused("generate", "fine.txt", "--preview", "song.wav", *model)
    assert "leave out best of" in refused("generate", "fine.txt", "--preview", "p.wav", "--best-of", 2, *model)


def test_bad_controls_are_refused_in_one_line(checkpoint, tmp_path, refused):
    (tmp_path / "words.txt").write_text("sing a song of sixpence\n")
    (tmp_path / "notes.mid").write_bytes(b"MThd")
    (tmp_path / "score.json").write_text('{"duration": 4}')
    soundfile.write(tmp_path / "short.wav", np.full((44100, 2), 0.1), 44100)
    soundfile.write(tmp_path / "silent.wav", np.zeros((44100 * 4, 2)), 44100)

    def line(*arguments):
        return refused("generate", "words.txt", *arguments, "--duration", 8, "--steps", 1, "--model", checkpoint)

    assert "bpm: 7 is out of range; choose 30 to 300" in line("--bpm", 7)
    assert "key: 'H' is not understood" in line("--key", "H")
    assert "time_signature: '7/8' is unknown; choose one of 4/4" in line("--time-signature", "7/8")
    assert "chords: 'Zm' is no chord" in line("--chords", "C Zm")
    assert "singer: 'purple' is not understood; give a name (mara)" in line("--singer", "purple")
    assert "emotion: '3' is no valence,arousal" in line("--emotion", "3")
    assert "dynamics: 'loud' is no level" in line("--dynamics", "loud")
    assert "notes.mid: cannot be read as MIDI" in line("--melody", "notes.mid")
    assert "voice: the clip lasts 1.0 s; give at least 3 s" in line("--voice", "short.wav")
    assert "voice: the clip is silent" in line("--voice", "silent.wav")
    assert "absent.wav" in line("--voice", "absent.wav")
    assert "absent.wav" in line("--reference", "absent.wav")
    assert "guidance_interval: 2 to 3 is none within 0 to 1" in line("--guidance-interval", 2, 3)
    assert "bpm: the score given has its own" in line("--score", "score.json", "--bpm", 90)
    assert "--planner oracle" in line("--planner", "oracle")


def test_lyrics_check_and_compose(tmp_path):
    result = songdiff("lyrics", "check", EXAMPLE, cwd=tmp_path)
    assert result.returncode == 0
    assert "chorus" in result.stdout.lower()
    (tmp_path / "chords.txt").write_text("Dm Bb F C")
    chosen = ("--bpm", "99", "--key", "D minor", "--chords", "chords.txt", "--singer", "female")
    composed = songdiff("compose", EXAMPLE, "--prompt", "waltz", *chosen, "-o", "score.json", cwd=tmp_path)
    assert composed.returncode == 0, composed.stderr
    score = json.loads((tmp_path / "score.json").read_text())
    assert (score["time_signature"], score["tempo"], score["key"]) == ("3/4", 99, "D minor")
    assert {chord["label"] for chord in score["chords"]} == {"D:min", "Bb:maj", "F:maj", "C:maj"}
    assert score["singer"]["gender"] == "female"


def test_every_command_has_help():
    names = [command.name for command in app.registered_commands] + [group.name for group in app.registered_groups]
    for name in names:
        result = CliRunner().invoke(app, [name, "--help"])
        assert result.exit_code == 0
        assert "Usage" in result.output
