"""The best of several renderings, and lines sung again, on a checkpoint of random weights with a judge that is told."""

import ast
import inspect

import numpy as np
import pytest
import torch

from songdiff import Score, SongPipeline
from songdiff.errors import InputError
from songdiff.pipelines import request as request_module
from songdiff.pipelines import selection
from songdiff.pipelines.request import SongRequest, make_song
from songdiff.pipelines.selection import MAX_LINES, Verdict, best_of, judge_song, known_cells, repair

LYRICS = "[Verse]\nthe river is calling\n[Chorus]\nsing it again"
ARGUMENTS = {"lyrics": LYRICS, "prompt": "folk", "audio_duration": 7.0, "num_inference_steps": 1}


@pytest.fixture(scope="module")
def pipeline(checkpoint):
    pipeline = SongPipeline.from_pretrained(checkpoint)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="module")
def song(pipeline):
    return pipeline(**ARGUMENTS, generator=torch.Generator().manual_seed(7))


def say(*verdicts):
    """A judge that gives these verdicts one after another, and the songs it was shown."""
    left, shown = list(verdicts), []

    def judge(song):
        shown.append(song)
        return left.pop(0)

    return judge, shown


def lines(*errors):
    return Verdict(sum(errors) / len(errors), line_error=errors)


def test_the_least_fault_wins_and_of_equals_the_first(pipeline, song):
    judge, shown = say(Verdict(0.3, 0.3, 0.0), Verdict(0.4, 0.0, 0.1), Verdict(0.5, None, 0.0))
    told = []
    best = best_of(pipeline, 3, seed=7, judge=judge, report=told.append, **ARGUMENTS)
    assert best.latents is shown[1].latents  # 0.6, 0.5, 0.5
    assert torch.equal(shown[0].latents, song.latents)  # the first is the song of the seed alone
    assert all(candidate.score == song.score for candidate in shown)
    assert not torch.equal(shown[1].latents, shown[0].latents)
    assert (best.chosen["seed"], best.chosen["phoneme_error"]) == (8, 0.4)
    assert [candidate["seed"] for candidate in best.chosen["candidates"]] == [7, 8, 9]
    assert len(told) == 4
    assert "best of 3: seed 8" in told[-1]


def test_one_score_with_what_only_a_plan_can_follow(pipeline):
    judge, shown = say(Verdict(0.1), Verdict(0.2))
    best_of(pipeline, 2, seed=3, judge=judge, **ARGUMENTS, bpm=100.0, key="D minor", chords="Dm C")
    assert shown[0].score == shown[1].score
    assert shown[0].score.tempo == 100


def test_without_a_composer_lines_stay_the_grain(pipeline):
    judge, _ = say(Verdict(0.2), Verdict(0.1))
    best = best_of(pipeline, 2, seed=3, judge=judge, **ARGUMENTS, planner="none")
    alone = pipeline(**ARGUMENTS, planner="none", generator=torch.Generator().manual_seed(4))
    assert torch.equal(best.latents, alone.latents)


def test_seeds_go_round(pipeline):
    judge, _ = say(Verdict(0.2), Verdict(0.1))
    assert best_of(pipeline, 2, seed=2**32 - 1, judge=judge, **ARGUMENTS).chosen["seed"] == 0


def test_bad_lines_are_few_and_the_worst_first():
    assert Verdict(0.4, line_error=(0.29, 0.5, None, 0.9)).bad_lines == [3, 1]
    assert len(Verdict(0.9, line_error=(0.9,) * (MAX_LINES + 3)).bad_lines) == MAX_LINES


def test_only_the_lines_vocals_are_unknown(song):
    known = known_cells(song, [1], 44100 / 2048)
    assert known[1:].all()
    times = torch.arange(known.shape[1]) * 2048 / 44100
    unknown = times[~known[0]]
    sung = [p for p in song.score.phonemes if song.score.words[p.word].line == 1]
    assert sung[0].start - 0.2 < unknown[0] <= sung[0].start
    assert sung[-1].end - 0.1 < unknown[-1] < sung[-1].end + 0.2
    before = max(p.end for p in song.score.phonemes if song.score.words[p.word].line == 0)
    assert unknown[0] > before - 0.05
    both = known_cells(song, [0, 1], 44100 / 2048)
    assert torch.equal(~both, ~known | ~known_cells(song, [0], 44100 / 2048))


def test_repair_keeps_the_line_that_came_out_better(pipeline, song):
    judge, shown = say(lines(0.9, 0.8), lines(0.95, 0.2), lines(0.9, 0.2))
    told = []
    mended = repair(pipeline, song, seed=9, judge=judge, report=told.append, **ARGUMENTS)
    kept = known_cells(song, [1], pipeline.frame_rate)[:, None].expand_as(song.latents)
    assert torch.equal(mended.latents[kept], song.latents[kept])
    assert not torch.equal(mended.latents[~kept], song.latents[~kept])
    assert torch.equal(mended.latents[~kept], shown[1].latents[~kept])
    drums, before = (s.stems["drums"] / np.abs(s.stems["drums"]).max() for s in (mended, song))
    assert np.allclose(drums, before, atol=1e-5)  # the same, but for the loudness of the whole
    assert not np.array_equal(mended.audio, song.audio)
    decoded = pipeline.render_latents(mended.latents, song.audio.shape[1])[0]
    assert np.array_equal(mended.audio, decoded)
    assert [(line["line"], line["kept"]) for line in mended.chosen["repairs"]] == [(0, False), (1, True)]
    assert mended.chosen["phoneme_error"] == 0.55
    assert "'the river is calling', phoneme error 0.90 → 0.95, left as it was" in told[0]
    assert "repaired 1 of 2" in told[-1]


def test_repair_that_does_not_help_changes_nothing(pipeline, song):
    worse, _ = say(lines(0.9, 0.1), lines(0.9, 0.1))
    assert torch.equal(repair(pipeline, song, judge=worse, **ARGUMENTS).latents, song.latents)
    elsewhere, _ = say(lines(0.9, 0.1), lines(0.8, 0.5), lines(0.8, 0.5))  # the line's gain is the song's loss
    untouched = repair(pipeline, song, judge=elsewhere, **ARGUMENTS)
    assert torch.equal(untouched.latents, song.latents)
    assert not untouched.chosen["repairs"][0]["kept"]
    fine, shown = say(lines(0.2, 0.1))
    assert repair(pipeline, song, judge=fine, **ARGUMENTS).chosen["repairs"] == []
    assert len(shown) == 1


def test_cells_that_the_user_gave_stay(pipeline, song):
    judge, _ = say(lines(0.9, 0.9), lines(0.1, 0.1), lines(0.1, 0.1))
    given = torch.zeros(4, song.latents.shape[-1], dtype=torch.bool)
    given[0] = True
    cells = {"known_latents": song.latents, "known_mask": given}
    assert torch.equal(repair(pipeline, song, judge=judge, **ARGUMENTS, **cells).latents, song.latents)


def test_rounds_go_on_from_what_was_kept_with_other_noise(pipeline, song):
    judge, shown = say(lines(0.9, 0.0), lines(0.8, 0.0), lines(0.8, 0.0), lines(0.9, 0.0))
    mended = repair(pipeline, song, 2, seed=9, judge=judge, **ARGUMENTS)
    assert [line["round"] for line in mended.chosen["repairs"]] == [1, 2]
    assert [line["kept"] for line in mended.chosen["repairs"]] == [True, False]
    assert torch.equal(mended.latents, shown[1].latents)
    assert not torch.equal(shown[3].latents, shown[1].latents)


def test_the_shipped_ear_hears_that_noise_is_no_song(song):
    verdict = judge_song(song)
    assert verdict.phoneme_error > 0.5
    assert len(verdict.line_error) == 2
    assert verdict.figures.keys() == {"phoneme_error", "notes_unheard", "silence_broken"} - (
        {"silence_broken"} if verdict.silence_broken is None else set()
    )
    silent = {track: np.zeros_like(stem) for track, stem in song.stems.items()}
    unsung = judge_song(type(song)(song.audio, silent, song.score, song.latents, song.sample_rate))
    assert (unsung.phoneme_error, unsung.notes_unheard, unsung.silence_broken or 0.0) == (1.0, 1.0, 0.0)


def test_the_ear_is_loaded_when_a_song_is_judged():
    for module in (selection, request_module):
        at_import = [node for node in ast.parse(inspect.getsource(module)).body if isinstance(node, ast.ImportFrom)]
        assert not any("evaluation" in (node.module or "") for node in at_import)
    assert "evaluation" in inspect.getsource(judge_song)


def test_what_cannot_be_judged_is_refused(pipeline, song):
    with pytest.raises(InputError, match="choose 1 or more"):
        best_of(pipeline, 0, **ARGUMENTS)
    with pytest.raises(InputError, match="nothing to choose by"):
        best_of(pipeline, 2, score=Score(duration=3.0), num_inference_steps=1)
    with pytest.raises(InputError, match="repair: nothing is sung"):
        make_song(SongRequest(repair_rounds=1), pipeline)
    with pytest.raises(InputError, match="repair: nothing is sung"):
        make_song(SongRequest(lyrics=LYRICS, repair_rounds=1), pipeline, Score(duration=3.0, phonemes=[]))
