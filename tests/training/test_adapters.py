"""LoRA and concepts: what is trained, what is exported, and that a pipeline then sings with it, or does not."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from test_song_tasks import song

from songdiff import SongPipeline
from songdiff.errors import InputError
from songdiff.models import SongTransformer
from songdiff.models.adapter import apply_adapters, fingerprint, read_adapter
from songdiff.training import RecipeError, build_task, load_recipe, song_tasks

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = ("steps=1", "batch_size=4", "crop_frames=64", "data.corpus=nowhere")


@pytest.fixture(scope="module")
def songs():
    return [song("a", "mara"), song("c", None)]


@pytest.fixture
def task_of(checkpoint, songs, tmp_path, monkeypatch):
    """The task of a recipe in recipes/transformer, for the checkpoint of random weights and two songs."""
    monkeypatch.setattr(song_tasks, "_encoded", lambda recipe, split, limit: songs)
    parts = tuple(f"data.{part}={checkpoint}/{part}" for part in ("autoencoder", "style_encoder"))

    def build(name, *overrides):
        initial = (f"initial={checkpoint}/transformer", f"output={tmp_path}/{name}")
        return build_task(load_recipe(RECIPES / "transformer" / f"{name}.yaml", (*SMALL, *parts, *initial, *overrides)))

    return build


def learned(task, steps=3, lr=0.02):
    """The task after a few steps on one batch, and its losses."""
    optimizer = torch.optim.Adam(task.parameter_groups()[0]["params"], lr=lr)
    batch, losses = task.batch(np.random.default_rng(0)), []
    for _ in range(steps):
        loss = torch.stack(list(task(batch).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return task, losses


@pytest.fixture
def lora(task_of, tmp_path):
    """A trained LoRA's task and its file."""
    task, _ = learned(task_of("lora"))
    task.export(tmp_path / "lora")
    return task, tmp_path / "lora" / "adapter_model.safetensors"


@pytest.fixture
def base(checkpoint):
    return SongTransformer.from_pretrained(checkpoint / "transformer", dtype=torch.float32)


def velocity(network, seed=0):
    """Of a fixed input of the checkpoint's sizes."""
    draw = torch.Generator().manual_seed(seed)
    noise, states, style = (torch.randn(1, *size, generator=draw) for size in ((32, 16), (16, 32), (3, 16)))
    nothing = torch.zeros(1, 4, 16, dtype=torch.bool)
    with torch.no_grad():
        mask = torch.ones(1, 3, dtype=torch.bool)
        return network(noise, torch.tensor([0.4]), states, style, mask, style[:, 0], noise, nothing)


def test_only_the_adapter_learns_and_the_loss_falls(task_of, base):
    task, losses = learned(task_of("lora"), steps=12)
    assert losses[-1] < losses[0]
    trained = {name for name, p in task.named_parameters() if p.requires_grad}
    assert trained
    assert all("lora_" in name for name in trained)
    frozen = {name.replace(".base_layer", ""): p for name, p in task.network.get_base_model().named_parameters()}
    assert all(torch.equal(frozen[name], parameter) for name, parameter in base.named_parameters())


def test_saved_and_loaded_it_is_the_network_that_was_trained(lora, base):
    task, file = lora
    kept = {}
    before = velocity(base)
    apply_adapters(base, [(read_adapter(file), 1.0)], kept)
    assert torch.allclose(velocity(base), velocity(task.network), atol=1e-5)
    assert (velocity(base) - before).abs().max() > 1e-3
    apply_adapters(base, [], kept)
    assert torch.equal(velocity(base), before)
    apply_adapters(base, [(read_adapter(file), 0.0)], kept)
    assert torch.equal(velocity(base), before)


def test_peft_reads_the_file(lora, base):
    from peft import PeftModel

    task, file = lora
    assert torch.allclose(
        velocity(PeftModel.from_pretrained(base, str(file.parent))), velocity(task.network), atol=1e-5
    )


def test_several_add_up(lora, base):
    _, file = lora
    adapter, weight, kept = read_adapter(file), base.get_parameter("blocks.0.qkv.weight"), {}
    before = weight.data.clone()
    a, b = adapter.matrices["blocks.0.qkv"]
    apply_adapters(base, [(adapter, 0.5), (adapter, 0.25)], kept)
    assert torch.allclose(weight - before, 0.75 * adapter.scale * b @ a, atol=1e-6)
    apply_adapters(base, [(adapter, 1.0)], kept)
    assert torch.allclose(weight - before, adapter.scale * b @ a, atol=1e-6)


def test_the_fingerprint_is_that_of_the_weights_in_any_precision(checkpoint, base):
    half = SongTransformer.from_pretrained(checkpoint / "transformer", dtype=torch.bfloat16)
    assert fingerprint(half) == fingerprint(base)
    with torch.no_grad():
        base.out.bias += 0.1
    assert fingerprint(half) != fingerprint(base)


def test_what_does_not_fit_is_refused(lora, base, tmp_path, checkpoint):
    _, file = lora
    pipeline = SongPipeline.from_pretrained(checkpoint)
    pipeline.transformer = SongTransformer(latent_channels=8, hidden_size=48, num_layers=2, num_heads=1, style_size=16)
    with pytest.raises(InputError, match=r"adapter_model\.safetensors: .*is 32 × 32, in this model it is 48 × 48"):
        pipeline.load_lora_weights(file)
    with torch.no_grad():
        base.out.bias += 0.1
    pipeline.transformer = base
    with pytest.raises(InputError, match="other weights of the transformer"):
        pipeline.load_lora_weights(file)
    tensors = load_file(file)
    for name, content, message in (
        ("bare", tensors, r"put peft's adapter_config\.json beside it"),
        ("latents", {"latents": torch.zeros(2, 2)}, "beside it"),
    ):
        save_file(content, tmp_path / f"{name}.safetensors")
        with pytest.raises(InputError, match=f"{name}.safetensors: .*{message}"):
            read_adapter(tmp_path / f"{name}.safetensors")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 16, "lora_alpha": 32}))
    assert read_adapter(tmp_path / "bare.safetensors").scale == 2.0
    with pytest.raises(InputError, match="holds latents, which is no matrix"):
        read_adapter(tmp_path / "latents.safetensors")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 16, "lora_alpha": 32, "use_dora": True}))
    with pytest.raises(InputError, match="uses use_dora"):
        read_adapter(tmp_path / "bare.safetensors")
    (tmp_path / "text.safetensors").write_text("no tensors")
    with pytest.raises(InputError, match=r"text\.safetensors: cannot be read as an adapter"):
        read_adapter(tmp_path / "text.safetensors")
    with pytest.raises(InputError, match="there is no such file"):
        read_adapter(tmp_path / "nowhere.safetensors")


def test_recipes_of_adapters_are_checked(task_of):
    with pytest.raises(RecipeError, match="initial: name the transformer to adapt"):
        task_of("lora", "initial=null")
    with pytest.raises(RecipeError, match=r"concept\.word: "):
        task_of("concept", "concept.word=mine")
    with pytest.raises(RecipeError, match=r"concept: .*only for concept"):
        task_of("lora", "concept={word: <mine>}")
    with pytest.raises(RecipeError, match=r"lora: .*only for lora, concept, preference"):
        load_recipe(RECIPES / "transformer" / "tiny.yaml", ("lora={rank: 4}",))
    with pytest.raises(RecipeError, match=r"lora: .*modules: only for lora and concept"):
        load_recipe(RECIPES / "transformer" / "dpo.yaml", ("lora.modules=3",))
    with pytest.raises(RecipeError, match=r"preference\.tracks: .*choose some of vocals"):
        load_recipe(RECIPES / "transformer" / "dpo.yaml", ("preference.tracks=[voice]",))


def test_a_concept_adapts_the_matrices_on_which_the_loss_depends_most(task_of):
    task = task_of("concept", "lora.modules=3")
    adapted = {name.rpartition(".lora_A")[0] for name, _ in task.named_parameters() if ".lora_A." in name}
    assert len(adapted) == 3
    all_of_them = {
        name.rpartition(".lora_A")[0] for name, _ in task_of("lora").named_parameters() if ".lora_A." in name
    }
    assert adapted < all_of_them
    assert all(parameter.grad is None or not parameter.grad.any() for parameter in task.parameters())


def test_a_concept_acts_where_its_word_is_in_the_prompt_and_nowhere_else(task_of, tmp_path, checkpoint):
    task, losses = learned(task_of("concept"), steps=8)
    assert losses[-1] < losses[0]
    task.export(tmp_path / "concept")
    pipeline = SongPipeline.from_pretrained(checkpoint)
    pipeline.set_progress_bar_config(disable=True)

    def sing(prompt):
        generator = torch.Generator().manual_seed(3)
        arguments = {"audio_duration": 4.0, "num_inference_steps": 2, "generator": generator}
        return pipeline(None, prompt, **arguments, output_type="latent").latents

    plain, unknown = sing("folk, sad"), sing("folk, sad, <mine>")
    assert torch.equal(plain, unknown)
    pipeline.load_lora_weights(tmp_path / "concept")
    assert pipeline.concepts == ["<mine>"]
    assert not torch.allclose(sing("folk, sad, <mine>"), plain, atol=1e-3)
    assert torch.equal(sing("folk, sad"), plain)
    style, nothing = pipeline.encode_style("folk <MINE>", "")
    assert style.tokens.shape[1] == 1 + 4
    assert torch.allclose(style.tokens[0, 1:], task.tokens)
    assert torch.equal(nothing.tokens, pipeline.encode_style("", "")[1].tokens)
    with pytest.raises(InputError, match="<mine> is another concept's already"):
        pipeline.load_lora_weights(tmp_path / "concept")
    pipeline.unload_lora_weights()
    assert pipeline.concepts == []
    assert torch.equal(sing("folk, sad, <mine>"), plain)
