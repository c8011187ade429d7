"""``songdiff edit`` and ``songdiff extend`` as a user meets them, on a checkpoint of random weights."""

import json
import sys

import numpy as np
import pytest
import soundfile

from songdiff.cli.main import main
from songdiff.pipelines.request import read_sidecar

TRACKS = ("vocals", "drums", "bass", "other")


@pytest.fixture(scope="module")
def home(checkpoint, tmp_path_factory):
    """A folder with a song, its stems and latents."""
    folder = tmp_path_factory.mktemp("songs")
    (folder / "words.txt").write_text("the river is calling my name\nacross the valley\n")
    (folder / "new.txt").write_text("over the mountain\n")
    run = runner(folder)
    run(
        "generate", "words.txt", "--prompt", "folk", "--duration", 9, "--seed", 3, "--steps", 1, "--guidance", 1,
        "--style-guidance", 1, "--model", checkpoint, "--stems", "parts", "--keep-latents", "-o", "song.wav",
        "--preview", "draft.ogg", "--vocals-only", "voice.wav", "--backing-only", "karaoke.flac",
    )  # fmt: skip
    return folder


def runner(folder):
    """Runs a command in ``folder``, in this process; returns its exit code."""

    def run(*arguments):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setattr(sys, "argv", ["songdiff", *map(str, arguments)])
            with pytest.raises(SystemExit) as stopped:
                main()
        return stopped.value.code or 0

    return run


@pytest.fixture
def refused(home, capsys):
    """Runs a command that must exit with 2, say one line and write nothing; returns the line."""

    def run(*arguments):
        before = sorted(home.rglob("*"))
        assert runner(home)(*arguments) == 2
        assert sorted(home.rglob("*")) == before
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("songdiff: ")]
        assert len(lines) == 1, lines
        return lines[0]

    return run


QUICK = ("--steps", 1, "--guidance", 1, "--style-guidance", 1)


def samples(path):
    return soundfile.read(path, dtype="int16", always_2d=True)[0]


def test_generate_says_what_it_kept(home):
    record = json.loads((home / "song.json").read_text())
    assert (record["stems"], record["latents"]) == ("parts", "song.latents.safetensors")
    assert (home / "song.latents.safetensors").is_file()


def test_previews_and_single_tracks_are_further_files(home):
    assert soundfile.info(home / "draft.ogg").frames == 9 * 44100  # the song is shorter than a preview
    assert np.array_equal(samples(home / "voice.wav"), samples(home / "parts/vocals.wav"))
    stems = sum(samples(home / f"parts/{track}.wav").astype(float) for track in TRACKS[1:])
    assert np.corrcoef(stems[:, 0], samples(home / "karaoke.flac")[:, 0])[0, 1] > 0.95
    assert runner(home)("replay", "song.json", "-o", "again.wav") == 0
    assert (home / "again.wav").read_bytes() == (home / "song.wav").read_bytes()


def test_edit_and_replay(home):
    run = runner(home)
    code = run(
        "edit", "song.wav", "--span", "3:4.5", "--lyrics", "new.txt", "--seed", 1, *QUICK, "--keep-stems", "after",
        "-o", "edited.wav",
    )  # fmt: skip
    assert code == 0
    source, edited = samples(home / "song.wav"), samples(home / "edited.wav")
    places = np.flatnonzero((source != edited).any(1)) / 44100
    assert 2.9 - 1e-4 <= places[0] < places[-1] <= 4.6 + 1e-4
    assert np.array_equal(samples(home / "parts/drums.wav"), samples(home / "after/drums.wav"))
    record = json.loads((home / "edited.json").read_text())
    assert record["edit"]["spans"] == [[3.0, 4.5]]
    assert "over the mountain" in [line["text"] for line in record["score"]["lines"]]
    assert record["latents"] == "edited.latents.safetensors"  # the source kept its own
    assert read_sidecar(home / "edited.json")[1].lines[1].text == "over the mountain"  # as `evaluate` reads it
    (home / "elsewhere").mkdir()
    assert run("replay", "edited.json", "-o", "elsewhere/again.wav") == 0
    assert (home / "elsewhere/again.wav").read_bytes() == (home / "edited.wav").read_bytes()
    assert run("replay", "elsewhere/again.json", "-o", "third.wav") == 0
    assert (home / "third.wav").read_bytes() == (home / "edited.wav").read_bytes()


def test_an_edited_song_can_be_edited_again(home):
    run = runner(home)
    assert run("edit", "song.wav", "--span", ":1", "--seed", 1, *QUICK, "-o", "one.flac") == 0
    assert run("edit", "one.flac", "--span", "8:", "--tracks", "drums", "--seed", 1, *QUICK, "-o", "two.flac") == 0
    one, two = samples(home / "one.flac"), samples(home / "two.flac")
    assert np.array_equal(one[: 7 * 44100], two[: 7 * 44100])
    assert not np.array_equal(one, two)


def test_a_source_that_changed_is_not_replayed(home, capsys):
    run = runner(home)
    (home / "copy.wav").write_bytes((home / "song.wav").read_bytes())
    assert run("edit", "copy.wav", "--span", "3:4", "--seed", 1, *QUICK, "--model", _model(home), "-o", "b.wav") == 0
    soundfile.write(home / "copy.wav", samples(home / "song.wav")[::-1], 44100)
    capsys.readouterr()
    assert run("replay", "b.json") == 2
    assert "have changed since" in capsys.readouterr().err
    (home / "copy.wav").unlink()
    assert run("replay", "b.json") == 2
    assert "there is no such audio file" in capsys.readouterr().err


def _model(home):
    return json.loads((home / "song.json").read_text())["request"]["model"]


def test_extend_and_loop(home):
    run = runner(home)
    code = run(
        "extend", "song.wav", "--before", 1, "--after", 2, "--seed", 2, *QUICK, "--keep-stems", "long", "-o", "l.wav"
    )
    assert code == 0
    shift = round(round(44100 / 2048) * 2048 / 44100 * 44100)
    source, longer = samples(home / "song.wav"), samples(home / "l.wav")
    assert len(longer) == shift + len(source) + 2 * 44100
    assert np.array_equal(longer[shift + 4500 : shift + len(source) - 4500], source[4500:-4500])
    assert run("extend", "l.wav", "--after", 1, "--seed", 2, *QUICK, "-o", "longer.wav") == 0
    again = samples(home / "longer.wav")
    assert np.array_equal(again[: len(longer) - 4500], longer[:-4500])
    assert run("extend", "song.wav", "--after", 1, "--over-ending", "--seed", 2, *QUICK, "-o", "on.wav") == 0
    assert len(samples(home / "on.wav")) == len(source) + 44100
    assert run("replay", "on.json", "-o", "on2.wav") == 0
    assert (home / "on2.wav").read_bytes() == (home / "on.wav").read_bytes()
    assert run("extend", "song.wav", "--loop", 1, "--seed", 2, *QUICK, "-o", "loop.wav") == 0
    assert run("replay", "loop.json", "-o", "loop2.wav") == 0
    assert (home / "loop2.wav").read_bytes() == (home / "loop.wav").read_bytes()


def test_given_stems_of_another_rate(home, tmp_path):
    folder = home / "given"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for track in TRACKS:
        soundfile.write(folder / f"{track}.wav", rng.uniform(-0.1, 0.1, (48000 * 3, 1)), 48000, "PCM_24")
    run = runner(home)
    arguments = ("--tracks", "bass", "--model", _model(home), "--seed", 1, *QUICK)
    assert run("edit", "given", "--span", "1:2", *arguments, "-o", "mine.flac") == 0
    info = soundfile.info(home / "mine.flac")
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (48000, 1, "PCM_24", 48000 * 3)


def test_overlapping_spans_at_both_ends_of_a_mono_flac(home):
    folder = home / "ends"
    folder.mkdir()
    rng = np.random.default_rng(1)
    for track in TRACKS:
        soundfile.write(folder / f"{track}.flac", rng.uniform(-0.1, 0.1, (48000 * 5, 1)), 48000, "PCM_24")
    spans = ("--span", ":1", "--span", "0.8:1.5", "--span", "4:", "--span", "4.2:4.6")
    arguments = ("--tracks", "bass", "--model", _model(home), "--seed", 1, *QUICK, "--keep-stems", "new")
    assert runner(home)("edit", "ends", *spans, *arguments, "-o", "ends.flac") == 0
    before, after = (soundfile.read(home / name / "bass.flac", dtype="int32")[0] for name in ("ends", "new"))
    changed = before != after
    assert changed[:72000].mean() > 0.99
    assert changed[-48000:].mean() > 0.99
    fade = round(0.05 * 48000)
    assert not changed[72000 + fade : -48000 - fade].any()
    for track in ("vocals", "drums", "other"):
        one, other = (soundfile.read(home / name / f"{track}.flac", dtype="int32")[0] for name in ("ends", "new"))
        assert np.array_equal(one, other)


def test_bad_input_is_refused_in_one_line(home, refused):
    (home / "broken.wav").write_bytes(b"RIFF nothing")
    whole = (home / "song.wav").read_bytes()
    soundfile.write(home / "tiny.wav", np.full((8820, 2), 0.1), 44100)
    (home / "mix.wav").write_bytes(whole)
    span, out = ("--span", "3:5"), ("-o", "out.wav")
    assert "span 8:12 does not lie in song.wav, which lasts 9.00 s" in refused(
        "edit", "song.wav", "--span", "8:12", *out
    )
    assert "--span 5:3: write START:END" in refused("edit", "song.wav", "--span", "5:3", *out)
    assert "--span x: write START:END" in refused("edit", "song.wav", "--span", "x", *out)
    assert "tiny.wav: lasts 0.2 s; at least 2 s are needed" in refused("edit", "tiny.wav", *span, *out)
    assert "broken.wav: cannot be read as audio" in refused("edit", "broken.wav", *span, *out)
    assert "none.wav: there is no such audio file" in refused("edit", "none.wav", *span, *out)
    soundfile.write(home / "cut.flac", samples(home / "song.wav"), 44100)
    (home / "cut.flac").write_bytes((home / "cut.flac").read_bytes()[:-20000])
    assert "cut.flac: " in refused("edit", "cut.flac", *span, *out)
    for command in (("extend", "--after", 3), ("extend", "--loop", 1), ("cover", "--prompt", "jazz")):
        assert "broken.wav: cannot be read as audio" in refused(command[0], "broken.wav", *command[1:], *out)
        assert "tiny.wav: lasts 0.2 s; at least 2 s are needed" in refused(command[0], "tiny.wav", *command[1:], *out)
    assert "ending .mp3 is not supported" in refused("edit", "song.wav", *span, "-o", "out.mp3")
    assert "is the source itself" in refused("edit", "song.wav", *span, "-o", "song.wav")
    assert "the folder nowhere does not exist" in refused("edit", "song.wav", *span, "-o", "nowhere/out.wav")
    assert "no such folder of stems" in refused("edit", "song.wav", *span, "--stems", "nowhere", *out)
    assert "--keep all: choose melody" in refused("edit", "song.wav", *span, "--keep", "all", *out)
    assert "needs the new words" in refused("edit", "song.wav", *span, "--keep", "melody", *out)
    assert "piano is none of" in refused("edit", "song.wav", *span, "--tracks", "piano", *out)
    assert "nowhere.lrc" in refused("edit", "song.wav", *span, "--lyrics", "nowhere.lrc", *out)
    assert "nothing to add" in refused("extend", "song.wav", *out)
    assert "--loop: takes bars" in refused("extend", "song.wav", "--loop", 2, "--over-ending", *out)
    assert "--loop: takes bars" in refused("extend", "song.wav", "--loop", 2, "--after", 3, *out)
    assert "loop: 99 bars" in refused("extend", "song.wav", "--loop", 99, *out)


def test_a_mix_alone_says_what_works(home, capsys):
    (home / "alone.wav").write_bytes((home / "song.wav").read_bytes())
    run = runner(home)
    model = ("--model", _model(home))
    assert run("edit", "alone.wav", "--span", "3:5", "--tracks", "vocals", *model, "-o", "o.wav") == 2
    assert "leave the tracks out" in capsys.readouterr().err
    assert run("extend", "alone.wav", "--after", "3", *model, "-o", "o.wav") == 2
    assert "all four stems are needed (there: none)" in capsys.readouterr().err
    assert run("edit", "alone.wav", "--span", "3:5", "--seed", 1, *QUICK, *model, "-o", "o.wav") == 0
    source, edited = samples(home / "song.wav"), samples(home / "o.wav")
    assert np.array_equal(source[: round(2.89 * 44100)], edited[: round(2.89 * 44100)])


def test_what_an_unknown_command_made_is_not_replayed(home, refused):
    record = {"songdiff": "0", "file": "c.wav", "edit": {"task": "remix", "source": "song.wav", "seed": 7}}
    (home / "remix.json").write_text(json.dumps(record))
    assert "was made by 'remix', which is none of edit, extend" in refused("replay", "remix.json")


def test_beats_and_key_of_given_stems_are_heard_and_shown(home, capsys):
    folder, rate = home / "clicks", 44100
    folder.mkdir()
    time = np.arange(12 * rate) / rate
    click = np.exp(-40 * (time % 0.5)) * np.sin(2 * np.pi * 900 * time) * np.where(time % 2.0 < 0.5, 1.0, 0.4)
    pad = sum(np.sin(2 * np.pi * hertz * time) for hertz in (261.6, 329.6, 392.0)) / 10  # C major
    for track, row in zip(TRACKS, (0 * time, 0.5 * click, 0.1 * np.sin(2 * np.pi * 65.4 * time), pad), strict=True):
        soundfile.write(folder / f"{track}.wav", row, rate)
    run = runner(home)
    arguments = ("--model", _model(home), "--seed", 1, *QUICK)
    assert run("extend", "clicks", "--loop", 2, *arguments, "-o", "clicked.wav") == 0
    assert "tempo 120" in capsys.readouterr().err
    assert abs(soundfile.info(home / "clicked.wav").frames / rate - 4.0) < 0.05
