"""Random requests, and what is found wrong with a song."""

import dataclasses

import numpy as np
import pytest
import torch

from songdiff.composer import compose
from songdiff.evaluation import robustness
from songdiff.evaluation.robustness import faults, longest_rest, measure_robustness, measure_wholeness, random_request
from songdiff.lyrics import parse_lyrics
from songdiff.pipelines import SongPipelineOutput
from songdiff.pipelines.request import SongRequest
from songdiff.score import Note


@pytest.fixture(scope="module")
def song():
    score = compose(parse_lyrics("the river calls me home\nthe river calls"), "pop", duration=8.0, seed=1)
    audio = 0.3 * np.random.default_rng(0).standard_normal((2, 8 * 44100)).clip(-3, 3).astype(np.float32)
    return SongPipelineOutput(audio, {}, score, torch.empty(0), 44100)


def broken(song, start, stop, value):
    audio = song.audio.copy()
    audio[:, int(start * 44100) : int(stop * 44100)] = value
    return faults(measure_wholeness(dataclasses.replace(song, audio=audio)))


def test_what_is_wrong_with_a_song_is_named(song):
    assert faults(measure_wholeness(song)) == []
    assert broken(song, 3, 3.001, np.nan) == ["NaN or infinite samples"]
    assert broken(song, 3, 3.01, 1.0) == ["clipped"]
    assert broken(song, 0, 8, 0.0) == ["nothing sounds"]
    silence = longest_rest(song.score) + 1.5
    assert broken(song, 3, 3 + silence, 0.0) == ["a silent middle"]
    assert broken(song, 0, 1.5, 0.0) == []  # a head, not a middle
    short = dataclasses.replace(song, audio=song.audio[:, :-100])
    assert faults(measure_wholeness(short)) == ["a wrong length"]


def test_the_rest_of_a_score_is_no_fault(song):
    silent = song.score.model_copy(update={"melody": [], "parts": []})
    assert longest_rest(silent) == 0.0
    melody = [Note(start=start, end=start + 1, pitch=60) for start in (0.5, 1.0, 4.5, 5.5)]
    assert longest_rest(silent.model_copy(update={"melody": melody})) == pytest.approx(2.5)
    assert longest_rest(silent.model_copy(update={"melody": None})) == 0.0


def test_requests_vary_and_come_back():
    requests = [random_request(seed) for seed in range(40)]
    assert requests == [random_request(seed) for seed in range(40)]
    assert len({request.seed for request in requests}) == 40
    assert {request.planner for request in requests} == {"composer", "none"}
    assert 1 <= sum(request.lyrics is None for request in requests) < 15
    assert sum(len(request.asked) for request in requests) > 20
    for request in requests:
        if request.lyrics:
            assert not parse_lyrics(request.lyrics).problems


def test_every_song_is_judged_and_refusals_are_counted(checkpoint, monkeypatch):
    def request(seed):
        short = {"audio_duration": 0.5 if seed == 1 else 5.0, "num_inference_steps": 1}
        return SongRequest(lyrics="[Verse]\nla la la", prompt="pop", seed=seed, **short)

    monkeypatch.setattr(robustness, "random_request", request)
    report = measure_robustness(checkpoint, 2, progress=False)
    assert [row.name for row in report.songs] == ["request-0", "request-2"]
    assert report.figures["robust.length_error_ms"].mean < 0.02
    assert report.notes[0].endswith("songs are whole") or ";" in report.notes[0]
    assert report.notes[1] == "1 requests were refused"
    assert "request 1: " in report.notes[2]
