"""The few-step transformer: what its teacher tells it, and that it listens."""

import numpy as np
import pytest
import torch
from test_song_tasks import song

from songdiff.training import RecipeError, load_recipe, song_tasks
from songdiff.training.distillation import DistillationTask

RECIPE = """
kind: few_step_transformer
output: {folder}/run
data:
  corpus: {folder}/corpus
  autoencoder: {checkpoint}/autoencoder
  style_encoder: {checkpoint}/style_encoder
  teacher: {checkpoint}/transformer
distillation: {{num_inference_steps: 4, guidance_scale: 3.0}}
optimizer: {{lr: 1.0e-3}}
steps: 1
batch_size: 12
crop_frames: 64
"""


@pytest.fixture
def recipe(checkpoint, tmp_path, monkeypatch):
    songs = [song("a", "mara"), song("b", "jonas"), song("c", None)]
    monkeypatch.setattr(song_tasks, "_encoded", lambda recipe, split, limit: songs)
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.format(folder=tmp_path, checkpoint=checkpoint))
    return path


def test_the_teacher_tells_what_the_sampler_would_take_of_it(recipe):
    task = DistillationTask(load_recipe(recipe, ("distillation.vocals_guidance_scale=5",)))
    batch = task.batch(np.random.default_rng(0))
    assert set(batch["times"][:6].tolist()) <= {0.25, 0.5, 0.75, 1.0}
    assert not set(batch["times"][6:].tolist()) & {0.25, 0.5, 0.75, 1.0}
    noisy = torch.randn_like(batch["data"])
    target = task.teach(batch, noisy)
    teacher, unknown = task._teacher["teacher"], task.unknown_cells(batch)

    def velocity(guided):
        conditions = song_tasks.conditions_of(batch)
        arguments = [batch[name] for name in ("style_tokens", "style_mask", "style_pooled")]
        if not guided:
            conditions = type(conditions)(**{k: v * 0 for k, v in vars(conditions).items()})
            arguments = [v.expand(12, *v.shape[1:]) for v in task.no_style.values()]
        x, states = torch.where(unknown, noisy, batch["data"]), teacher.encode_conditions(conditions)
        return teacher(x, batch["times"], states, *arguments, batch["data"], batch["known_mask"])

    with torch.no_grad():
        plain, without = velocity(True), velocity(False)
    channels, times = teacher.config.latent_channels, batch["times"][:, None, None]
    scale = torch.tensor([5.0, 3.0, 3.0, 3.0]).repeat_interleave(channels)[:, None]
    wanted, guided = noisy - times * plain, noisy - times * (without + scale * (plain - without))
    told = noisy - times * target
    for there, same in ((told.mean(-1), wanted.mean(-1)), (told.std(-1), wanted.std(-1))):
        assert torch.allclose(there, same, atol=1e-2)

    def form(x):  # what is left of a channel without mean and deviation
        return (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True)

    assert torch.allclose(form(told), form(guided), atol=1e-2)
    assert (form(told) - form(wanted)).abs().max() > 0.1  # guidance tells


def test_the_student_begins_as_its_teacher_and_learns_to_go_without_guidance(recipe):
    task = DistillationTask(load_recipe(recipe))
    teacher = task._teacher["teacher"]
    before = {name: weights.clone() for name, weights in teacher.state_dict().items()}
    assert all(torch.equal(task.network.state_dict()[name], weights) for name, weights in before.items())
    assert set(task.network.state_dict()) - set(before) == {"guidance_embed"}
    batch = task.batch(np.random.default_rng(0))
    optimizer = torch.optim.Adam(task.parameters(), lr=1e-3)
    told = []
    for _ in range(80):
        loss = task(batch)["distillation"]
        told.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert told[-1] < 0.5 * told[0]
    assert task.network.guidance_embed.abs().max() > 0
    assert all(torch.equal(teacher.state_dict()[name], weights) for name, weights in before.items())
    assert not any(name.startswith("_teacher") for name in task.state_dict())


def test_the_student_is_held_against_the_phonemes_too(recipe):
    task = DistillationTask(load_recipe(recipe, ("alignment=1.0",)))
    losses = task(task.batch(np.random.default_rng(0)))
    assert set(losses) == {"distillation", "velocity", "listening", "alignment"}
    assert losses["listening"] > 0


def test_what_does_not_fit_is_refused(recipe):
    with pytest.raises(RecipeError, match="model: the student is built like its teacher"):
        DistillationTask(load_recipe(recipe, ("model={hidden_size: 64}",)))
    with pytest.raises(RecipeError, match=r"data\.teacher: no trained part"):
        DistillationTask(load_recipe(recipe, ("data.teacher=nowhere",)))
    with pytest.raises(RecipeError, match=r"distillation: .*only for few_step_transformer"):
        load_recipe(recipe, ("kind=transformer",))
