import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from songdiff.corpus.shards import read_corpus, write_manifest, write_shard
from songdiff.data import encode_songs
from songdiff.models import WaveformAutoencoder, codec_of, load_autoencoder
from songdiff.score import TRACKS, Score
from songdiff.training import build_task, load_recipe, train

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """One song of two seconds of noise."""
    folder, rng, files = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0), {}
    for track in TRACKS:
        flac = io.BytesIO()
        soundfile.write(flac, rng.uniform(-0.2, 0.2, (2 * 44100, 2)), 44100, format="FLAC")
        files[f"{track}.flac"] = flac.getvalue()
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    song = {"id": "song-0", "split": "train", "seed": 0, "voice": "a", "captions": ["pop"], "sha256": digests}
    song["score"] = json.loads(Score(duration=2.0, genre="pop").to_json())
    entries = write_shard(folder / "shard-00000.tar", [("song-0", files | {"json": json.dumps(song).encode()})])
    write_manifest(folder, entries)
    return folder


@pytest.fixture(scope="module")
def exported(corpus, tmp_path_factory):
    """The debug recipe, two steps of it."""
    folder = tmp_path_factory.mktemp("run")
    overrides = ("steps=2", "log_every=1", "data.augment=false", "mixed_precision='no'", f"output={folder}")
    recipe = load_recipe(RECIPES / "debug" / "waveform_autoencoder.yaml", (*overrides, f"data.corpus={corpus}"))
    return train(build_task(recipe), recipe)


def test_the_debug_recipe_trains_and_exports_a_codec(exported):
    rows = [json.loads(line) for line in (exported.parent / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2]
    assert rows[0].keys() >= {"convergence", "log_l1", "l1", "kl", "adversarial", "features", "discriminator"}
    assert all(np.isfinite(value) for value in rows[-1].values())
    autoencoder = load_autoencoder(exported)
    assert isinstance(autoencoder, WaveformAutoencoder)
    assert (autoencoder.latent_std != 1).all()


def test_songs_are_encoded_with_it_in_chunks(exported, corpus, tmp_path):
    songs, autoencoder = list(read_corpus(corpus)), load_autoencoder(exported)
    encoded = encode_songs(songs, autoencoder, tmp_path)[0]
    assert encoded.latents.shape == (4, 8, 44)
    assert encoded.mix_log_mel.shape == (100, 4 * 44)
    assert 0.3 < encoded.latents.float().std() < 3
    again = encode_songs(songs, codec_of(autoencoder), tmp_path)[0]
    assert torch.equal(again.latents, encoded.latents)
    assert len(list(tmp_path.rglob("*.safetensors"))) == 1


def test_the_full_recipe_is_diffusers_own_geometry():
    recipe = load_recipe(RECIPES / "waveform_autoencoder" / "base.yaml")
    with torch.device("meta"):
        model = WaveformAutoencoder(**recipe.model)
    assert sum(p.numel() for p in model.parameters()) > 150e6
    codec = codec_of(model)
    assert (codec.sample_rate, codec.downsampling, codec.latent_channels) == (44100, 2048, 64)


def test_a_transformer_learns_on_its_latents(exported, corpus, checkpoint, tmp_path):
    overrides = (
        f"data.corpus={corpus}",
        f"data.autoencoder={exported}",
        f"data.style_encoder={checkpoint / 'style_encoder'}",
        f"data.cache={tmp_path}",
        f"output={tmp_path}",
    )
    task = build_task(load_recipe(RECIPES / "debug" / "transformer.yaml", overrides))
    assert task.network.config.latent_channels == 8
    losses = task(task.batch(np.random.default_rng(0)))
    assert all(loss.isfinite() for loss in losses.values())
