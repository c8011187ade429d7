import hashlib
import io
import json
import shutil
import sys

import numpy as np
import pytest
import soundfile

from songdiff.audio import write_audio
from songdiff.cli.main import main
from songdiff.corpus.shards import read_corpus, write_manifest, write_shard
from songdiff.errors import InputError
from songdiff.evaluation import reconstruction
from songdiff.evaluation.excerpts import KINDS, choose_excerpts, corpus_excerpts, drum_strokes, recordings
from songdiff.evaluation.reconstruction import (
    BASELINE,
    FIGURES,
    ReconstructionReport,
    evaluate_reconstruction,
    load_codec,
    measure_reconstruction,
)
from songdiff.models import SpectralVocoder
from songdiff.score import TRACKS, Line, Note, Part, Phoneme, Score, Word

RATE = 44100
SECONDS = 3.0


def a_score() -> Score:
    """Two lines, of which the second goes on at the end; strokes every half second; bass and chords all the time."""
    strokes = [Note(start=t, end=t + 0.1, pitch=pitch) for t in np.arange(0.25, SECONDS, 0.5) for pitch in (36, 42)]
    held = [Note(start=0, end=SECONDS, pitch=45)]
    return Score(
        duration=SECONDS,
        lines=[Line(start=0.2, end=1.2, text="hey you"), Line(start=1.5, end=2.9, text="go")],
        words=[Word(start=0.2, end=0.7, text="hey", line=0), Word(start=0.7, end=1.2, text="you", line=0),
               Word(start=1.5, end=2.9, text="go", line=1)],
        phonemes=[Phoneme(start=0.7, end=1.2, symbol="u", word=1), Phoneme(start=1.5, end=2.9, symbol="o", word=2)],
        melody=[Note(start=0.2, end=2.9, pitch=57)],
        parts=[Part(track="drums", instrument="drums", notes=strokes),
               *(Part(track=track, instrument=track, notes=held) for track in ("bass", "other"))],
    )  # fmt: skip


def song(name: str, split: str) -> dict[str, bytes]:
    """Its files: hissed strokes for drums, tones in noise for the others."""
    rng, time = np.random.default_rng(list(name.encode())), np.arange(round(SECONDS * RATE)) / RATE
    files = {}
    for track in TRACKS:
        waveform = 0.003 * rng.normal(size=(len(time), 2))
        if track == "drums":
            for stroke in drum_strokes(a_score()):
                fading = np.linspace(0.2, 0, 2000)[:, None]
                waveform[round(stroke * RATE) :][:2000] += fading * rng.normal(size=(2000, 1))
        else:
            waveform += 0.2 * np.sin(2 * np.pi * 220 * time)[:, None] * (1 + 0.5 * np.sin(8 * time))[:, None]
        flac = io.BytesIO()
        soundfile.write(flac, waveform, RATE, format="FLAC", subtype="PCM_16")
        files[f"{track}.flac"] = flac.getvalue()
    about = {
        "id": name, "split": split, "seed": 0, "voice": "mara", "captions": ["pop"],
        "sha256": {file: hashlib.sha256(data).hexdigest() for file, data in files.items()},
        "score": json.loads(a_score().to_json()),
    }  # fmt: skip
    return files | {"json": json.dumps(about).encode()}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    entries = []
    for index, split in enumerate(("train", "test")):
        name = f"song-{index:05d}"
        entries += write_shard(folder / f"shard-{index:05d}.tar", [(name, song(name, split))])
    write_manifest(folder, entries)
    return folder


@pytest.fixture(autouse=True)
def small_baseline(monkeypatch):
    monkeypatch.setattr(reconstruction, "_FITTED", 5)
    monkeypatch.setattr(reconstruction, "_FITTED_SECONDS", 2.0)
    monkeypatch.setattr(reconstruction, "_ITERATIONS", 2)


class Codec:
    """What comes back is ``change`` of what went in."""

    def __init__(self, change):
        self.change, self.autoencoder = change, load_nothing()

    def encode(self, waveform):
        return waveform

    def decode(self, latents):
        return self.change(latents)


def load_nothing():
    import torch

    return torch.nn.Identity()


def measured(change, excerpts):
    return evaluate_reconstruction({"model": Codec(change)}, excerpts, recogniser="nowhere", progress=False)


def test_what_comes_back_untouched_scores_as_the_original(corpus):
    report = measured(lambda waveform: waveform, corpus_excerpts(corpus, 2))
    perfect = {"mel_l1": 0, "mel_l1_audible": 0, "log_spectral_db": 0, "width_error_db": 0, "flux_ratio": 1,
               "modulation_db": 0, "roughness_db": 0, "pulse_db": 0, "pitch_cents": 0, "voicing_changed": 0,
               "pre_echo_db": 0}  # fmt: skip
    figures = {name.partition(".")[2]: mean.mean for name, mean in report.figures.items() if "corpus" in name}
    assert perfect.items() <= figures.items()
    assert figures.keys() | {"phoneme_error", "width_correlation"} >= FIGURES.keys() - {"width_correlation"}
    assert report.ceilings["drums.drum_onsets_f"].mean > 0.9
    for name, mean in report.ceilings.items():
        assert report.figures[name] == mean
    assert [row.name.split()[-1] for row in report.songs] == list(KINDS[:2])
    assert len(report.notes) == 2
    assert "phoneme_error is not measured: nowhere" in report.notes[0]
    assert BASELINE in report.notes[1]


def test_what_is_damaged_scores_worse(corpus):
    excerpts = corpus_excerpts(corpus, 5)
    excerpts = [excerpt for excerpt in excerpts if excerpt.kind in ("drums", "bass")]
    late = measured(lambda waveform: waveform.roll(RATE // 7, -1), excerpts).figures
    assert late["drums.drum_onsets_f"].mean < 0.5
    assert late["corpus.mel_l1"].mean > 0.1
    wide = measured(lambda waveform: waveform * waveform.new_tensor([[1], [-1]]), excerpts).figures
    assert wide["corpus.width_error_db"].mean > 10
    assert wide["bass.mel_l1"].mean == 0


def test_excerpts_are_where_they_play_and_hold_their_part_of_the_score(corpus):
    songs = list(read_corpus(corpus, "test"))
    excerpts = choose_excerpts(songs, 7, seconds=1.5)
    assert [excerpt.kind for excerpt in excerpts] == [*KINDS, *KINDS][:7]
    shorter = choose_excerpts(songs, 3, seconds=1.5)
    assert [excerpt.name for excerpt in shorter] == [excerpt.name for excerpt in excerpts[:3]]
    for excerpt in excerpts:
        waveform, start = excerpt.read(), float(excerpt.name.split()[1])
        assert waveform.shape == (2, round(1.5 * RATE))
        assert waveform.dtype == np.float32
        texts = [line.text for line in excerpt.score.lines]
        assert texts == [text for text, first, last in (("hey you", 0.2, 1.2), ("go", 1.5, 2.9))
                         if start <= first and last <= start + 1.5]  # fmt: skip
        assert len(excerpt.score.words) == 2 * ("hey you" in texts) + ("go" in texts)
        assert len(excerpt.score.phonemes) == len(texts)
        assert drum_strokes(excerpt.score) == pytest.approx(
            [t - start for t in np.arange(0.25, 3, 0.5) if start <= t < start + 1.5], abs=0.06
        )
    whole = choose_excerpts(songs, 1)[0]
    assert [line.text for line in whole.score.lines] == ["hey you", "go"]


def test_recordings_are_read_at_any_rate_from_their_middle(tmp_path):
    ramp = np.linspace(0, 1, 4 * 22050)
    write_audio(tmp_path / "a.wav", ramp[None], 22050)
    write_audio(tmp_path / "b.flac", np.zeros((2, RATE)), RATE)
    (tmp_path / "notes.txt").write_text("")
    ramp, silence = recordings(tmp_path, seconds=2.0)
    assert (ramp.name, ramp.kind, ramp.score) == ("a.wav", "recording", None)
    assert ramp.read().shape == (2, 2 * RATE)
    assert ramp.read()[0, [5000, -5000]] == pytest.approx([0.278, 0.722], abs=0.005)
    assert silence.read().shape == (2, RATE)


def test_a_checkpoint_is_measured_beside_the_baseline(corpus, checkpoint, tmp_path):
    write_audio(tmp_path / "song.wav", 0.1 * np.random.default_rng(0).normal(size=(2, RATE)), RATE)
    parts = [str(checkpoint / "autoencoder"), str(checkpoint / "vocoder")]
    targets = [corpus, tmp_path / "song.wav"]
    report, systems, excerpts = measure_reconstruction(parts, targets, 2, recogniser="nowhere", progress=False)
    assert list(systems) == [" + ".join(parts), BASELINE]
    assert [excerpt.kind for excerpt in excerpts] == ["vocals", "drums", "recording"]
    assert 0 < report.baseline["vocals.mel_l1"].mean < report.figures["vocals.mel_l1"].mean  # the model is not trained
    assert report.figures["recording.mel_l1"].songs == 1
    assert report.figures["corpus.mel_l1"].songs == 2
    assert report.figures["corpus.decode_times_real_time"].mean > 0
    assert report.parameters.keys() == {"autoencoder", "vocoder"}
    report.save(tmp_path / "report.json")
    assert ReconstructionReport.load(tmp_path / "report.json") == report
    assert [row[0].partition(".")[0] for row in report.cells()] == sorted(
        (name.partition(".")[0] for name in report.figures), key=["corpus", *KINDS, "recording"].index
    )


def test_parts_that_do_not_fit_are_refused(checkpoint, tmp_path):
    load_codec(str(checkpoint))
    shutil.copytree(checkpoint / "autoencoder", tmp_path / "autoencoder")
    with pytest.raises(InputError, match="vocoder: holds no SpectralVocoder"):
        load_codec(str(tmp_path))
    SpectralVocoder(num_mels=80, hidden_size=8, num_layers=1).save_pretrained(tmp_path / "vocoder")
    with pytest.raises(InputError, match="num_mels is 80, the autoencoder's 100"):
        load_codec(str(tmp_path))
    with pytest.raises(InputError, match="nowhere"):
        load_codec("nowhere")


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


def test_the_command_writes_a_report_and_a_page(songdiff, checkpoint, tmp_path):
    write_audio(tmp_path / "a.wav", 0.1 * np.random.default_rng(0).normal(size=(2, RATE)), RATE)
    code, out, err = songdiff(
        "evaluate", checkpoint, "--reconstruct", "a.wav", "--out", "report.json", "--html", "report.html"
    )
    assert code == 0, err
    assert "recording.mel_l1 " in out
    assert f"no {BASELINE}" in err
    assert ReconstructionReport.load(tmp_path / "report.json").songs[0].name == "a.wav recording"
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<audio") == 2
    assert page.count("<img") == 1
    code, out, err = songdiff("evaluate", "--compare", "report.json", "report.json")
    assert code == 0, err
    assert "paired" in out


def test_bad_input_is_refused_in_one_line(songdiff, checkpoint, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    write_audio(tmp_path / "a.wav", np.zeros((2, RATE)), RATE)
    for arguments, named in [
        ([checkpoint, "--reconstruct", "empty"], "empty: neither a corpus nor a folder with audio"),
        ([checkpoint, "--reconstruct", "absent.wav"], "absent.wav: no such corpus, audio file"),
        ([checkpoint, "--reconstruct", "broken.wav"], "broken.wav: cannot be read"),
        ([checkpoint, "--reconstruct", "a.wav", "--corpus", "empty"], "manifest"),
        ([checkpoint, "--reconstruct", "a.wav", "--steps", 3], "--steps"),
        ([checkpoint, "--reconstruct", "a.wav", "--out", "report.txt"], ".txt"),
        (["empty", "--reconstruct", "a.wav"], "no trained autoencoder"),
        (["empty", "empty", "empty", "--reconstruct", "a.wav"], "one checkpoint"),
        (["--reconstruct", "a.wav"], "one checkpoint"),
    ]:
        before = sorted(tmp_path.rglob("*"))
        code, _, err = songdiff("evaluate", *arguments)
        assert code == 2
        assert named in err.splitlines()[-1]
        assert sorted(tmp_path.rglob("*")) == before
