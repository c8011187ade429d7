"""The vocoder's training through its waveform, with the recipes as they are but tiny."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from songdiff.corpus.shards import write_manifest, write_shard
from songdiff.models import MelAutoencoder, SpectralVocoder
from songdiff.score import TRACKS, Score
from songdiff.training import RecipeError, build_task, load_recipe, train

VOCODER = Path(__file__).parents[2] / "recipes" / "vocoder"


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A corpus of one song of two seconds of noise, and an untrained autoencoder."""
    folder, rng, files = tmp_path_factory.mktemp("parts"), np.random.default_rng(0), {}
    for track in TRACKS:
        flac = io.BytesIO()
        soundfile.write(flac, rng.uniform(-0.2, 0.2, (2 * 44100, 2)), 44100, format="FLAC")
        files[f"{track}.flac"] = flac.getvalue()
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    song = {"id": "song-0", "split": "train", "seed": 0, "voice": "a", "captions": ["pop"], "sha256": digests}
    song["score"] = json.loads(Score(duration=2.0, genre="pop").to_json())
    entries = write_shard(folder / "shard-00000.tar", [("song-0", files | {"json": json.dumps(song).encode()})])
    write_manifest(folder, entries)
    torch.manual_seed(0)
    MelAutoencoder(hidden_size=8, num_layers=1).save_pretrained(folder / "autoencoder")
    return folder


def tiny(parts, output, *overrides, name="light"):
    fixed = ("batch_size=1", "crop_frames=8", "data.augment=false", "mixed_precision='no'", "log_every=1")
    paths = (f"data.corpus={parts}", f"data.autoencoder={parts / 'autoencoder'}", f"output={output}")
    model = ("model.hidden_size=16", "model.num_layers=1", "adversary.filters=1", "optimizer.warmup_steps=0")
    return load_recipe(VOCODER / f"{name}.yaml", (*fixed, *paths, *model, *overrides))


@pytest.mark.parametrize("name", ["gpu", "light"])
def test_the_recipes_name_a_vocoder_with_an_adversary(parts, tmp_path, name):
    task = build_task(tiny(parts, tmp_path, name=name))
    network, adversary = task.parameter_groups()
    assert {id(p) for p in network["params"]} == {id(p) for p in task.network.parameters()}
    assert {id(p) for p in adversary["params"]} == {id(p) for p in task.adversary.parameters()}
    assert task.network.config.phase == "direct"


def test_the_recipe_trains_with_an_adversary_and_exports_a_vocoder(parts, tmp_path):
    exported = train(build_task(tiny(parts, tmp_path, "steps=2")), tiny(parts, tmp_path, "steps=2"))
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    spectral = {"log_l1", "advance", "delay", "convergence", "stft_log_l1"}
    assert rows[-1].keys() >= spectral | {"adversarial", "features", "discriminator"}
    assert all(np.isfinite(value) for value in rows[-1].values())
    assert SpectralVocoder.from_pretrained(exported).config.phase == "direct"


def test_every_loss_of_the_waveform_teaches_the_phase(parts, tmp_path):
    task = build_task(tiny(parts, tmp_path))
    batch = task.batch(np.random.default_rng(0))
    losses = task(batch)
    for name in ("advance", "delay", "convergence", "stft_log_l1", "adversarial", "features"):
        task.zero_grad()
        losses[name].backward(retain_graph=True)
        assert task.network.angle.weight.grad.abs().sum() > 0, name
        assert all(p.grad is None or not p.grad.any() for p in task.adversary.parameters())
    task.zero_grad()
    losses["discriminator"].backward()
    assert all(p.grad is None for p in task.network.parameters())


def test_predicted_gradients_are_trained_as_before_and_take_no_adversary(parts, tmp_path):
    recipe = tiny(parts, tmp_path, "model.phase=predicted").model_copy(update={"adversary": None})
    task = build_task(recipe)
    assert len(task.parameter_groups()) == 1
    assert task(task.batch(np.random.default_rng(0))).keys() == {"log_l1", "advance", "delay"}
    assert {name.split(".")[0] for name in task.network.state_dict()} == {"embed", "blocks", "norm", "out", "gradient"}
    with pytest.raises(RecipeError, match=r"adversary: it judges waveforms; set model.phase to direct"):
        build_task(tiny(parts, tmp_path, "model.phase=predicted"))
