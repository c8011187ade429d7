"""What the transformer is trained on: crops, conditions and voices of songs of random latents."""

import numpy as np
import pytest
import torch

from songdiff.composer import compose
from songdiff.conditioning import ALL_GROUPS
from songdiff.conditioning.groups import OFFSETS
from songdiff.data import EncodedSong
from songdiff.diffusion import Limits
from songdiff.lyrics import parse_lyrics
from songdiff.models import SongTransformer
from songdiff.score import Singer
from songdiff.training import RecipeError, load_recipe, song_tasks
from songdiff.training.recipe import new_part
from songdiff.training.song_tasks import latent_limits

RECIPE = """
kind: transformer
output: {folder}/run
data: {{corpus: {folder}/corpus, autoencoder: {checkpoint}/autoencoder, style_encoder: {checkpoint}/style_encoder}}
model: {{hidden_size: 32, num_layers: 1, num_heads: 1}}
optimizer: {{lr: 1.0e-3}}
steps: 1
batch_size: 12
crop_frames: 64
"""


def song(name: str, singer: str | None) -> EncodedSong:
    """A song of 20 s whose vocals sound in the even stretches of 70 latent frames, at a level that tells them apart."""
    lyrics = parse_lyrics("[Verse]\nthe river is calling me home\nthe river is calling") if singer else None
    score = compose(lyrics, "folk", duration=20.0, seed=2, singer=Singer(name=singer, gender="female"))
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(4, 8, 431, generator=generator) + 5
    stretch = torch.arange(431) // 70
    latents[0] += stretch
    return EncodedSong(
        name, latents.half(), torch.randn(100, 1724, generator=generator).half(), ["folk", "warm folk"], score
    )


@pytest.fixture
def task(checkpoint, tmp_path, monkeypatch):
    songs = [song("a", "mara"), song("b", "jonas"), song("c", None)]
    monkeypatch.setattr(song_tasks, "_encoded", lambda recipe, split, limit: songs)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.format(folder=tmp_path, checkpoint=checkpoint))
    task = song_tasks.TransformerTask(load_recipe(recipe))
    task.silence = task.silence * 0
    return task


def test_the_network_is_told_the_groups_and_singers_of_its_training(task):
    assert task.network.config.groups == list(ALL_GROUPS)
    assert list(task.network.config.singers) == ["jonas", "mara"]
    assert task.network.config.singers["mara"]["gender"] == "female"
    Singer(name="mara", **task.network.config.singers["mara"])


def test_a_training_may_start_from_an_exported_part(task, tmp_path, checkpoint):
    torch.nn.init.normal_(task.network.out.weight)
    task.network.save_pretrained(tmp_path / "trained")
    recipe = task.recipe.model_copy(update={"initial": tmp_path / "trained", "model": {}})
    begun = song_tasks.TransformerTask(recipe).network
    assert torch.equal(begun.out.weight, task.network.out.weight)
    assert begun.config.singers == task.network.config.singers
    with pytest.raises(RecipeError, match="leave it out"):
        song_tasks.TransformerTask(recipe.model_copy(update={"model": {"num_layers": 1}}))
    with pytest.raises(RecipeError, match="nowhere"):
        song_tasks.TransformerTask(recipe.model_copy(update={"initial": tmp_path / "nowhere"}))
    with pytest.raises(RecipeError, match="num_tracks is 4, not 5"):
        new_part(SongTransformer, recipe, num_tracks=5)


def test_one_step_on_a_batch(task):
    batch = task.batch(np.random.default_rng(0))
    again = task.batch(np.random.default_rng(0))
    assert all(torch.equal(batch[name], again[name]) for name in batch)
    assert batch["voice"].shape == (12, 16)
    assert 0 < batch["voice"].any(1).sum() < 12
    loss = task(batch)["velocity"]
    loss.backward()
    assert loss.isfinite()


def test_alignment_is_a_loss_of_its_own(task):
    aligned = song_tasks.TransformerTask(task.recipe.model_copy(update={"alignment": 0.5}))
    batch = aligned.batch(np.random.default_rng(0))
    losses = aligned(batch)
    assert losses.keys() == {"velocity", "listening", "alignment"}
    assert torch.equal(losses["velocity"], task(batch)["velocity"])
    network, listener = aligned.parameter_groups()
    assert {id(p) for p in network["params"] + listener["params"]} == {id(p) for p in aligned.parameters()}


def test_a_micro_batch_has_one_of_the_lengths_and_about_as_many_frames(task):
    task.recipe = task.recipe.model_copy(update={"crop_lengths": [32, 64, 400]})
    task.songs[2].latents = task.songs[2].latents[..., :100]  # too short for the longest
    shapes = set()
    for seed in range(12):
        batch = task.batch(np.random.default_rng(seed))
        B, _, T = batch["data"].shape
        shapes.add((B, T))
        assert T < 400 or not (batch["data"][..., -1] == 0).all(1).any()  # nothing was lengthened with silence
    assert shapes == {(24, 32), (12, 64), (1, 400)}
    assert task.validation_batch()["data"].shape[::2] == (12, 64)


def test_checkpointing_changes_no_gradient(task):
    torch.nn.init.normal_(task.network.out.weight)
    batch, gradients = task.batch(np.random.default_rng(0)), []
    for _ in range(2):
        task.zero_grad()
        task(batch)["velocity"].backward()
        gradients.append(task.network.blocks[0].qkv.weight.grad.clone())
        task.network.enable_gradient_checkpointing()
    assert gradients[0].any()
    assert torch.equal(*gradients)


def test_the_song_to_be_heard_is_the_shortest_with_words(task):
    assert task.held_out_song().score.words
    assert task.held_out_song().prompt == "folk"


def test_the_clip_of_the_singer_is_of_another_part_of_the_song(task):
    rng, (sung, _, instrumental) = np.random.default_rng(0), task.songs
    assert not task.voice(instrumental, rng, 0, 64).any()
    clips = [task.voice(sung, rng, 100, 300) for _ in range(50)]
    means = torch.stack([clip[:8].mean() for clip in clips if clip.any()])
    assert len(means) > 20
    own = sung.latents[0, :, 100:300].float().mean().item()
    assert ((means - own).abs() > 0.5).all()  # frames 0-100 or 300-431: lower, or higher
    alone = task.voice(sung, rng, 30, 410)  # no room beside the crop
    assert alone.any()


def test_grains_share_all_but_the_phonemes(task):
    grains = {grain: task.conditions(task.songs[0], grain, 40, 128) for grain in ("phoneme", "word", "line")}
    assert not torch.equal(grains["line"].phonemes, grains["phoneme"].phonemes)
    assert torch.equal(grains["line"].melody, grains["phoneme"].melody)
    line = grains["line"].drop([])
    line.set_grain("line")
    start = OFFSETS["phonemes"]
    assert line.features[:, start : start + 3].unique(dim=0).tolist() == [[0, 0, 1]]
    assert task._conditions["a"].features[:, start : start + 3].unique(dim=0).tolist() == [[1, 0, 0]]


def test_the_limits_of_latents_are_those_of_nearly_all_frames(monkeypatch):
    songs = [song("a", None), song("b", None)]
    torch.manual_seed(0)
    values = 3 + 2 * torch.randn(4, 8, 5000)
    songs[0].latents, songs[1].latents = values[..., :3000].half(), values[..., 3000:].half()
    limits = Limits(**{name: torch.tensor(numbers) for name, numbers in latent_limits(songs).items()})
    assert torch.allclose(limits.mean, torch.tensor(3.0), atol=0.2)
    assert torch.allclose(limits.std, torch.tensor(2.0), atol=0.1)
    kept = limits.keep(values.flatten(0, 1)[None])[0]
    same = torch.isclose(kept, values.flatten(0, 1), atol=1e-2).unflatten(0, (4, 8)).all(1).float().mean(1)
    assert ((same > 0.98) & (same < 0.995)).all()
    monkeypatch.setattr(song_tasks, "_FRAMES", 1000)
    some = torch.tensor(latent_limits(songs)["norm"])
    assert torch.allclose(some, limits.norm, atol=0.1)
