import shutil

import numpy as np
import pytest
import soundfile

from songdiff.audio import write_audio
from songdiff.corpus.tools import MissingToolError
from songdiff.errors import InputError
from songdiff.evaluation import benchmark, measures
from songdiff.evaluation.benchmark import evaluate_songs, run_benchmark
from songdiff.evaluation.benchmark_set import Item, load_benchmark
from songdiff.evaluation.songs import Audio, Song, find_songs
from songdiff.score import Note, Score


def test_the_set_is_as_wide_as_it_says():
    items = load_benchmark()
    scores = [item.score for item in items]
    assert len(items) == len({item.name for item in items}) == len({item.seed for item in items}) == 24
    assert all(20 <= score.duration <= 30 for score in scores)
    assert {score.time_signature for score in scores} == {"3/4", "4/4", "6/8"}
    genders = [score.singer.gender for score in scores if score.singer]
    assert min(genders.count("female"), genders.count("male")) >= 9
    assert len({score.genre for score in scores}) >= 16
    assert sum(not score.melody for score in scores) == 1
    assert sum(not score.parts for score in scores) == 1
    assert sum(item.english for item in items) == 21
    for score in scores:
        assert all(word.end <= score.duration + 0.5 for word in score.words or [])
        assert bool(score.words) == bool(score.phonemes) == bool(score.melody)


def tiny_item(index):
    score = Score(duration=2.0, melody=[Note(start=0.2, end=1.8, pitch=57 + index)], genre="folk")
    return Item(name=f"{index}-tiny", prompt="folk", seed=index, score=score)


@pytest.fixture
def tiny(monkeypatch):
    """A benchmark of three songs of two seconds, and one cheap measure."""
    monkeypatch.setattr(benchmark, "load_benchmark", lambda: tuple(map(tiny_item, range(3))))
    level = {"level": lambda songs: lambda song, audio: {"rms": float(np.sqrt(np.square(audio.mix).mean()))}}
    monkeypatch.setattr(measures, "MEASURES", level)


def test_an_interrupted_run_goes_on(tiny, checkpoint, tmp_path):
    work = tmp_path / "songs"
    arguments = {"progress": False, "work": work, "ceilings": False}
    first = run_benchmark(checkpoint, 2, 1, **arguments)
    assert [row.name for row in first.songs] == ["0-tiny", "1-tiny"]
    assert first.figures["level.rms"].mean > 0
    kept = (work / "0-tiny.flac").stat().st_mtime_ns
    (work / "1-tiny.json").unlink()  # as when it is stopped while a song is written
    whole = run_benchmark(checkpoint, None, 1, **arguments)
    assert len(whole.songs) == 3
    assert whole.songs[:2] == first.songs
    assert (work / "0-tiny.flac").stat().st_mtime_ns == kept
    assert {path.stem for path in (work / "2-tiny").iterdir()} == {"vocals", "drums", "bass", "other"}
    with pytest.raises(InputError, match="another checkpoint or number of steps"):
        run_benchmark(checkpoint, 2, 2, **arguments)


def test_ceilings_are_sung_where_they_can_be(tiny, checkpoint, tmp_path, monkeypatch):
    loud = {track: np.full((2, 88200), 0.1, np.float32) for track in ("vocals", "drums", "bass", "other")}
    monkeypatch.setattr(benchmark, "sing_score", lambda score, seed: loud)
    report = run_benchmark(checkpoint, 1, 1, False, work=tmp_path)
    assert report.ceilings["level.rms"].mean == pytest.approx(0.4, abs=0.01)

    def no_flite(score, seed):
        raise MissingToolError("flite", "apt-get install flite")

    monkeypatch.setattr(benchmark, "sing_score", no_flite)
    report = run_benchmark(checkpoint, 2, 1, False, work=tmp_path)
    assert report.ceilings == {}
    assert "flite" in report.notes[0]


def test_noise_lies_farther_from_the_ceilings_than_they_from_each_other(monkeypatch):
    monkeypatch.setattr(measures, "MEASURES", {"sound": lambda songs: lambda song, audio: {}})
    rng = np.random.default_rng(0)

    def song(name, noise):
        tone = sum(np.sin(np.arange(6 * 44100) * rng.uniform(0.01, 0.1)) for _ in range(4)) / 8
        mix = np.tile(tone + rng.normal(0, noise, tone.shape), (2, 1)).astype(np.float32)
        return Song(name, "", Score(duration=6.0), lambda: Audio(mix, None))

    clean, noisy = ([song(str(i), noise) for i in range(4)] for noise in (0.001, 0.3))
    report = evaluate_songs(noisy, "noise", ceilings=clean, progress=False)
    assert report.figures["sound.frechet"].mean > 3 * report.ceilings["sound.frechet"].mean
    assert "4 of 4 songs: no stems kept" in report.notes[0]


@pytest.fixture
def song(tiny, checkpoint, tmp_path):
    """A song with its JSON and stems, in a folder of its own."""
    run_benchmark(checkpoint, 1, 1, False, work=tmp_path / "songs", ceilings=False)
    return tmp_path / "songs" / "0-tiny.flac"


def test_songs_are_found_with_their_stems(song):
    (found,) = find_songs(song.parent)
    audio = found.read()
    assert (found.name, found.prompt, found.score) == ("0-tiny", "folk", tiny_item(0).score)
    assert audio.mix.shape == audio.stems["bass"].shape == (2, 88200)
    assert find_songs(song)[0] == found or find_songs(song)[0].score == found.score
    shutil.move(song.with_suffix(""), song.parent / "stems")
    assert find_songs(song)[0].read().stems.keys() == audio.stems.keys()
    shutil.rmtree(song.parent / "stems")
    assert find_songs(song)[0].read().stems is None


def test_stems_of_another_song_are_not_taken(song):
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 88200))
    for stem in song.with_suffix("").iterdir():
        write_audio(stem, noise, 44100)
    with pytest.raises(InputError, match=r"do not add up to 0-tiny\.flac"):
        find_songs(song)[0].read()
    shutil.move(song.with_suffix(""), song.parent / "stems")
    assert find_songs(song)[0].read().stems is None


def test_what_cannot_be_measured_is_refused(song, tmp_path):
    def refused(path, match):
        with pytest.raises(InputError, match=match):
            find_songs(path)

    (tmp_path / "empty").mkdir()
    refused(tmp_path / "nowhere", "nowhere")
    refused(tmp_path / "empty", "holds no songs")
    waveform, _ = soundfile.read(song)
    soundfile.write(song, waveform[:44100], 44100)
    refused(song, "lasts 1.0 s, but the score in 0-tiny.json 2.0 s")
    soundfile.write(song, waveform, 48000)
    refused(song, "48000 Hz")
    song.write_bytes(b"RIFF")
    refused(song, "cannot be read")
    song.with_suffix(".json").unlink()
    refused(song.parent, r"no score beside it \(0-tiny.json is missing\)")


def test_without_a_plan_only_words_style_and_sound_are_held_against_a_song(checkpoint, tmp_path, monkeypatch):
    english = next(item for item in load_benchmark() if item.english)
    foreign = next(item for item in load_benchmark() if item.score.lines and not item.english)
    monkeypatch.setattr(benchmark, "load_benchmark", lambda: (foreign, english))
    seen = {}

    def look(songs):
        seen.update({song.name: song.score for song in songs})
        return lambda song, audio: {"seconds": audio.mix.shape[1] / 44100}

    monkeypatch.setattr(measures, "MEASURES", {"length": look})
    arguments = {"progress": False, "work": tmp_path / "songs", "ceilings": False, "planner": "none"}
    report = run_benchmark(checkpoint, None, 1, **arguments)
    assert list(seen) == [english.name]
    score = seen[english.name]
    assert [line.text for line in score.lines] == [line.text for line in english.score.lines]
    assert score.phonemes
    assert score.singer == english.score.singer
    assert score.chords is score.melody is score.parts is None
    assert report.figures["length.seconds"].mean == pytest.approx(english.score.duration, abs=0.01)
    made = (tmp_path / "songs" / f"{english.name}.flac").stat().st_mtime_ns
    run_benchmark(checkpoint, None, 1, **arguments)
    assert (tmp_path / "songs" / f"{english.name}.flac").stat().st_mtime_ns == made
    with pytest.raises(InputError, match="another checkpoint"):
        run_benchmark(checkpoint, None, 1, **(arguments | {"planner": "composer"}))
