"""What the style probe is trained on: crops of mixes and of their vocals."""

import math
from types import SimpleNamespace

import numpy as np
import torch

from songdiff.composer import compose
from songdiff.models.style_probe import CHROMA
from songdiff.score import TRACKS
from songdiff.training import load_recipe, probe

RECIPE = """
kind: style_probe
output: {folder}/run
data: {{corpus: {folder}/corpus}}
model: {{hidden_size: 16, num_layers: 1, num_mels: 24}}
optimizer: {{lr: 1.0e-3}}
steps: 1
batch_size: 3
crop_frames: 32
"""


def test_mixes_and_vocals_are_heard_in_turned_keys(tmp_path, monkeypatch):
    """One folk song whose vocals rest and whose other tracks hold the note A."""
    song = SimpleNamespace(score=compose(None, "folk", duration=5.0, seed=0))
    tone = 0.1 * np.sin(2 * math.pi * 440 * np.arange(5 * 44100) / 44100).astype(np.float32)
    tracks = {track: np.stack([tone, tone]) * (track != "vocals") for track in TRACKS}
    monkeypatch.setattr(probe, "corpus_songs", lambda corpus, split, limit=None: [song])
    monkeypatch.setattr(probe, "stems", lambda song: tracks)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.format(folder=tmp_path))
    task = probe.StyleProbeTask(load_recipe(recipe))

    held = task.validation_batch()["features"]
    assert held.shape == (6, 24 + CHROMA, 128)
    assert held[:3, -CHROMA:].mean(-1).argmax(1).tolist() == [9, 9, 9]
    assert not held[3:, -CHROMA:].any()

    batch = task.batch(np.random.default_rng(0))
    assert len(set(batch["features"][:3, -CHROMA:].mean(-1).argmax(1).tolist())) > 1
    assert not batch["vocals_gender"].any()
    torch.stack(list(task(batch).values())).sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in task.network.parameters())
