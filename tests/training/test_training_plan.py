"""What `songdiff train --plan` says, and that every recipe of the repository can be planned."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from songdiff.cli.main import app
from songdiff.training import RecipeError, load_recipe
from songdiff.training.gpus import GPUS, find_gpu
from songdiff.training.plan import memory_remedy, meta_network, plan_training

RECIPES = Path(__file__).parents[2] / "recipes"
TRAININGS = sorted(path for path in RECIPES.glob("*/*.yaml") if path.parent.name != "accelerate")
MILLIONS = {"debug": (0.2, 1.0), "tiny": (15, 25), "base": (130, 160), "song-1b": (1000, 1200)}


@pytest.mark.parametrize("path", TRAININGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_recipes_are_strict_and_build_without_memory(path):
    recipe = load_recipe(path)
    if recipe.data.teacher is not None or recipe.initial is not None:
        return  # built like a part that is trained first
    network = meta_network(recipe)
    assert all(p.is_meta for p in network.parameters())
    with pytest.raises(RecipeError, match="stepps"):
        load_recipe(path, ("stepps=1",))


@pytest.mark.parametrize("size", MILLIONS)
def test_sizes_are_those_of_the_design(size):
    path = RECIPES / "debug" / "transformer.yaml" if size == "debug" else RECIPES / "transformer" / f"{size}.yaml"
    plan = plan_training(load_recipe(path), 8)
    low, high = MILLIONS[size]
    assert low < plan.parameters / 1e6 < high
    recipe = plan.recipe
    tokens = plan.frames * recipe.steps
    assert tokens == recipe.steps * recipe.batch_size * recipe.crop_frames * 8
    # 6 operations to a weight and token, attention and the convolutions at four times the frames beside
    assert 0.9 < plan.flops * 8 * recipe.steps / (6 * plan.parameters * tokens) < 1.6


def test_a_plan_counts_what_a_network_does(checkpoint):
    """The same network with numbers in it: its operations, and what it keeps for its gradients."""
    overrides = (f"data.autoencoder={checkpoint}/autoencoder", f"data.style_encoder={checkpoint}/style_encoder")
    recipe = load_recipe(RECIPES / "debug" / "transformer.yaml", (*overrides, "mixed_precision='no'"))
    assert meta_network(recipe).config.latent_channels == 8
    assert meta_network(recipe).config.style_size == 16
    twice = recipe.model_copy(update={"batch_size": 2 * recipe.batch_size})
    accumulated = recipe.model_copy(update={"gradient_accumulation": 2})
    plan, larger, longer = plan_training(recipe), plan_training(twice), plan_training(accumulated)
    assert larger.flops == longer.flops == 2 * plan.flops
    assert longer.memory == plan.memory
    assert 1.9 < larger.activations / plan.activations < 2.1
    begun = meta_network(recipe.model_copy(update={"model": {}, "initial": checkpoint / "transformer"}))
    assert begun.config.hidden_size == 32


def test_splitting_and_checkpointing_take_less_memory():
    path = RECIPES / "transformer" / "song-1b.yaml"
    split, whole = plan_training(load_recipe(path), 8), plan_training(load_recipe(path, ("fsdp=false",)), 8)
    assert split.weights < whole.weights / 8
    kept = plan_training(load_recipe(path, ("gradient_checkpointing=false",)), 8)
    assert split.activations < kept.activations / 5
    assert split.hours(1e15) == pytest.approx(kept.hours(1e15) * 4 / 3)


def test_a_full_gpu_is_answered_with_what_fits():
    recipe = load_recipe(RECIPES / "transformer" / "base.yaml")
    remedy = memory_remedy(recipe, 1, int(24e9))
    assert "try batch_size=16 gradient_accumulation=4 or gradient_checkpointing=true (the same" in remedy
    remedy = memory_remedy(recipe, 1, int(5e9))
    assert "batch_size=2 gradient_accumulation=32 or batch_size=16 gradient_accumulation=4 gradient_" in remedy
    assert "no smaller batch fits" in memory_remedy(recipe, 1, int(2e9))


def test_the_command_says_it_and_names_wrong_fields():
    run = CliRunner().invoke(app, ["train", "--plan", str(RECIPES / "transformer" / "song-1b.yaml"), "--devices", "8"])
    assert run.exit_code == 0
    for said in ("1,066.5 M parameters", "memory per device", "tokens", "PFLOP", "H100", "hours"):
        assert said in run.output
    run = CliRunner().invoke(
        app, ["train", "--plan", str(RECIPES / "transformer" / "tiny.yaml"), "model={hiden_size: 3}"]
    )
    assert isinstance(run.exception, RecipeError)
    assert "model: " in str(run.exception)
    assert "hiden_size" in str(run.exception)


def test_gpus_are_known_by_what_drivers_call_them():
    assert find_gpu("NVIDIA H100 80GB HBM3") is GPUS["H100"]
    assert find_gpu("NVIDIA A100-SXM4-80GB") is GPUS["A100"]
    assert find_gpu("NVIDIA L40S") is GPUS["L40S"]
    assert find_gpu("NVIDIA L4") is GPUS["L4"]
    assert find_gpu("Radeon") is None
