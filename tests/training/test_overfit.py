"""The overfit check: one song, learned until the model sings it back. `pytest -m slow`.

Last run 2026-11-22, 1,000 steps, 5 min 55 s on two cores: log-mel distance 0.48 nepers over audible cells (0.55 at 500
steps; the autoencoder alone 0.16), 78 % of pitch frames right. Close to the song, not yet identical to the ear.
"""

from pathlib import Path

import pytest
import torch

from songdiff.corpus.build import build_corpus, read_song, stems
from songdiff.evaluation import measure
from songdiff.pipelines import SongPipeline
from songdiff.pipelines.assemble import assemble
from songdiff.score import TRACKS
from songdiff.training import build_task, load_recipe, train

RECIPES = Path(__file__).parents[2] / "recipes" / "debug"


@pytest.mark.slow
def test_one_song_is_learned(tmp_path):
    corpus = tmp_path / "corpus"
    build_corpus(corpus, hours=8 / 3600, seed=3, durations=(12.0, 13.0), workers=1, progress=False)
    parts = {}
    for part, changes in {
        "autoencoder": ("model.latent_channels=64", "steps=200"),
        "vocoder": ("model.griffin_lim_iterations=24", "model.hidden_size=128", "model.num_layers=3", "steps=100"),
        "style_encoder": ("steps=2", "batch_size=2"),
        "transformer": (
            "model.hidden_size=192",
            "model.num_layers=4",
            "model.num_heads=3",
            "batch_size=8",
            "crop_frames=256",
            "steps=1000",
            "optimizer.warmup_steps=50",
            "ema_decay=0.98",
        ),
    }.items():
        folders = [f"output={tmp_path / part}", f"data.corpus={corpus}", "data.songs=1"]
        if part != "autoencoder":
            folders.append(f"data.autoencoder={parts['autoencoder']}")
        if part == "transformer":
            folders.append(f"data.style_encoder={parts['style_encoder']}")
        recipe = load_recipe(RECIPES / f"{part}.yaml", (*folders, *changes))
        parts[part] = train(build_task(recipe), recipe)
    pipeline = SongPipeline.from_pretrained(assemble(tmp_path / "checkpoint", **parts))
    song = read_song(corpus / "song-00000")
    output = pipeline(
        prompt=song.captions[0],
        score=song.score,
        num_inference_steps=24,
        guidance_scale=1.0,
        style_guidance_scale=1.0,
        generator=torch.Generator().manual_seed(5),
    )
    original = stems(song)
    autoencoder = pipeline.autoencoder
    distance, floor = [], []
    for i, track in enumerate(TRACKS):
        with torch.no_grad():
            true = autoencoder.spectra(autoencoder.patches(torch.from_numpy(original[track])[None])).log_mel
            coded = autoencoder.decode(autoencoder.encode(torch.from_numpy(original[track])[None])).log_mel
            sung = autoencoder.decode(output.latents[i][None]).log_mel
        audible = true > -9
        distance.append(float((sung - true)[audible].abs().mean()))
        floor.append(float((coded - true)[audible].abs().mean()))
    print("log-mel distance per track", distance, "of the autoencoder alone", floor)
    assert sum(distance) / 4 < 0.6  # nepers over audible cells
    figures = measure(output.stems, song.score)
    print("pitch", figures["pitch"], "chords", figures["chords"])
    if figures["pitch"][1]:
        assert figures["pitch"][0] / figures["pitch"][1] > 0.7
