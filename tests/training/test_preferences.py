"""Preference tuning: DPO on toy pairs, and the pairs themselves."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from songdiff import SongPipeline
from songdiff.composer import compose
from songdiff.data.pairs import read_pairs
from songdiff.errors import InputError
from songdiff.evaluation import preferences
from songdiff.evaluation.benchmark_set import load_benchmark
from songdiff.evaluation.preferences import drawn_requests, make_pairs, read_requests
from songdiff.pipelines.known import save_latents
from songdiff.pipelines.request import SongRequest
from songdiff.pipelines.selection import Verdict
from songdiff.training import build_task, load_recipe
from songdiff.training.song_tasks import conditions_of

RECIPE = Path(__file__).parents[2] / "recipes" / "transformer" / "dpo.yaml"


@pytest.fixture
def task(checkpoint, tmp_path):
    """Of two pairs of noise, of different loudness: what won is half as loud as what lost."""
    lines = []
    for number, prompt in enumerate(("folk", "metal")):
        score = compose(None, prompt, duration=5.0, seed=number)
        draw = torch.Generator().manual_seed(number)
        for kind, level in (("winner", 0.5), ("loser", 1.0)):
            save_latents(tmp_path / f"{kind}{number}.safetensors", level * torch.randn(4, 8, 108, generator=draw))
        files = {kind: f"{kind}{number}.safetensors" for kind in ("winner", "loser")}
        lines.append(files | {"request": {"prompt": prompt}, "score": json.loads(score.to_json())})
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    parts = [f"data.{part}={checkpoint}/{part}" for part in ("autoencoder", "style_encoder")]
    overrides = (
        "preference.beta=2000",
        "preference.tracks=[drums, bass, other]",
        "crop_frames=64",
        f"data.corpus={tmp_path}",
    )
    return build_task(load_recipe(RECIPE, (*parts, f"initial={checkpoint}/transformer", *overrides)))


def test_it_begins_undecided_and_learns_what_won(task):
    batch = task.batch(np.random.default_rng(0))
    assert torch.equal(batch["noise"][:4], batch["noise"][4:])
    assert torch.equal(batch["times"][:4], batch["times"][4:])
    for half in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            assert torch.equal(task.margin(batch), torch.zeros(4))
    frozen = {name: p.clone() for name, p in task.named_parameters() if not p.requires_grad}
    optimizer = torch.optim.Adam(task.parameter_groups()[0]["params"], lr=1e-3)
    losses = []
    for _ in range(12):
        loss = task(batch)["preference"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(np.log(2), abs=1e-5)
    assert losses[-1] < 0.5 * losses[0]
    assert (task.margin(batch) > 0).all()
    assert all(torch.equal(p, dict(task.named_parameters())[name]) for name, p in frozen.items())


def test_a_step_against_the_gradient_prefers_the_winner_and_the_other_way_round(task):
    batch = task.batch(np.random.default_rng(1))
    swapped = batch | {"data": batch["data"].roll(4, 0)}  # the losers in the winners' place
    parameters = task.parameter_groups()[0]["params"]
    gradients = [torch.autograd.grad(task(b)["preference"], parameters) for b in (batch, swapped)]
    flat = [torch.cat([g.flatten() for g in gradient]) for gradient in gradients]
    assert torch.allclose(flat[0], -flat[1], atol=1e-4 * float(flat[0].abs().max()))
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients[0], strict=True):
            parameter -= 1e-3 * gradient / flat[0].norm()
    assert task.margin(batch).mean() > 0


def test_the_loss_is_that_of_the_paper(task):
    """With the adapter of one's own: β/2 times the difference of the gains, over the unknown cells of some tracks."""
    batch = task.batch(np.random.default_rng(2))
    for name, parameter in task.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    noisy = (1 - batch["times"])[:, None, None] * batch["data"] + batch["times"][:, None, None] * batch["noise"]
    unknown = ~batch["known_mask"].repeat_interleave(8, dim=1)
    unknown[:, :8] = False  # vocals
    errors = []
    with torch.no_grad():
        for adapted in (True, False):
            states = task.network.encode_conditions(conditions_of(batch))
            if adapted:
                v = task.velocity(task.network, batch, noisy, batch["times"], states)
            else:
                with task.network.disable_adapter():
                    v = task.velocity(task.network, batch, noisy, batch["times"], states)
            squared = (v - batch["noise"] + batch["data"]).square()
            errors.append(torch.stack([e[u].mean() for e, u in zip(squared, unknown, strict=True)]))
    gain = errors[1] - errors[0]
    wanted = -torch.nn.functional.logsigmoid(1000 * (gain[:4] - gain[4:])).mean()
    assert task(batch)["preference"].item() == pytest.approx(wanted.item(), rel=1e-3)


def test_pairs_are_the_best_and_the_worst_of_each_request(checkpoint, tmp_path, monkeypatch):
    pipeline = SongPipeline.from_pretrained(checkpoint)
    pipeline.set_progress_bar_config(disable=True)
    told = iter([0.5, 0.2, 0.4, 0.41])
    monkeypatch.setattr(preferences, "judge_song", lambda song: Verdict(next(told)))
    requests = [
        SongRequest(lyrics="far too many words for so short a song", audio_duration=2.0),
        SongRequest(lyrics="sing a song", prompt="folk", audio_duration=5.0, num_inference_steps=1),
        SongRequest(lyrics="sing a song", prompt="jazz", audio_duration=5.0, num_inference_steps=1),
    ]
    said = []
    path = make_pairs(
        pipeline, requests, tmp_path / "pairs", 2, candidates=2, target="phoneme_error", report=said.append
    )
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["winner"][:7], line["loser"][:7]) for line in lines] == [("00001-1", "00001-0")]
    assert lines[0]["figures"]["winner"]["phoneme_error"] == 0.2
    assert "left out" in said[0]
    assert "too much alike" in said[2]
    (pair,) = read_pairs(tmp_path / "pairs")
    assert pair.prompt == "folk"
    assert pair.winner.shape == pair.loser.shape
    assert not torch.equal(pair.winner, pair.loser)
    with pytest.raises(InputError, match="is there already"):
        make_pairs(pipeline, requests, tmp_path / "pairs", 2)
    with pytest.raises(InputError, match="target: 'beauty' is none of fault"):
        make_pairs(pipeline, requests, tmp_path / "more", 2, target="beauty")


def test_any_figure_with_a_better_end_or_a_value_to_come_near_tells_songs_apart(monkeypatch):
    verdict, song = Verdict(0.3, 0.1), SimpleNamespace(score=None, audio=None, stems=None)
    monkeypatch.setattr(preferences.music, "measure_music", lambda *_: {"chords_majmin": 0.8, "tempo_error": None})
    monkeypatch.setattr(preferences.sound, "measure_sound", lambda *_: {"rolloff_95_hz": 2500.0, "dc_offset": 0.02})
    for target, wrong in (
        ("phoneme_error", 0.3),
        ("fault", 0.4),
        ("music.chords_majmin", -0.8),
        ("music.tempo_error", None),
        ("sound.dc_offset", 0.02),
        ("sound.rolloff_95_hz:4000", 1500.0),
    ):
        assert preferences.read_target(target)(verdict, song) == wrong
    with pytest.raises(InputError, match="better neither high nor low; give the value to come near"):
        preferences.read_target("sound.rolloff_95_hz")
    for target in ("music.beauty", "sound.rolloff_95_hz:high", "sound.rolloff_95_hz:nan"):
        with pytest.raises(InputError, match=f"target: '{target}' is none of"):
            preferences.read_target(target)


def test_pairs_that_are_wrong_are_named(tmp_path):
    with pytest.raises(InputError, match="there are no pairs; make some with `songdiff preferences"):
        read_pairs(tmp_path)
    (tmp_path / "pairs.jsonl").write_text('{"winner": "a", "loser": "b"}\n')
    with pytest.raises(InputError, match=r"a: cannot be read as latents"):
        read_pairs(tmp_path)
    (tmp_path / "pairs.jsonl").write_text("[]\n")
    with pytest.raises(InputError, match="line 1: winner, loser, request and score are needed"):
        read_pairs(tmp_path)


def test_requests_are_drawn_or_read_and_none_is_the_benchmarks(tmp_path):
    drawn = [request for request, _ in zip(drawn_requests(0), range(20), strict=False)]
    again = [request for request, _ in zip(drawn_requests(0), range(20), strict=False)]
    other = [request for request, _ in zip(drawn_requests(1), range(20), strict=False)]
    assert drawn == again
    assert not {r.lyrics for r in drawn} & {r.lyrics for r in other}
    sung = {line.text for item in load_benchmark() for line in item.score.lines or []}
    assert not sung & {line for request in drawn for line in request.lyrics.splitlines()}
    path = tmp_path / "requests.jsonl"
    path.write_text("".join(request.model_dump_json(exclude_none=True) + "\n" for request in drawn))
    assert read_requests(path) == drawn
    path.write_text('{"prompt": "folk"}\n{"promt": "folk"}\n')
    with pytest.raises(InputError, match=r"requests\.jsonl: line 2: promt: "):
        read_requests(path)
