"""The embedded model: small enough to ship, and it sings what it is told."""

import numpy as np
import pytest
import torch

from songdiff import SongPipeline
from songdiff.evaluation.pitch import pitch_accuracy, pitch_track
from songdiff.pipelines import checkpoint_folder


@pytest.fixture(scope="module")
def pipeline():
    pipeline = SongPipeline.from_pretrained("songdiff/tiny")
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_size(pipeline):
    weights = sum(path.stat().st_size for path in checkpoint_folder("songdiff/tiny").rglob("*.safetensors"))
    assert 30e6 < weights <= 50e6
    parts = (pipeline.autoencoder, pipeline.vocoder, pipeline.style_encoder, pipeline.transformer)
    assert sum(p.numel() for part in parts for p in part.parameters()) < 25e6


def test_it_sings_the_melody_and_rests_where_nothing_is_sung(pipeline):
    song = pipeline(
        "[Verse]\nthe river is calling me home",
        "acoustic folk, male vocals",
        audio_duration=12.0,
        generator=torch.Generator().manual_seed(7),
    )
    right, voiced = pitch_accuracy(pitch_track(song.stems["vocals"]), song.score.melody)
    assert voiced > 100
    assert right / voiced > 0.5
    words = song.score.words
    sung = song.stems["vocals"][:, int(words[0].start * 44100) : int(words[-1].end * 44100)]
    before = song.stems["vocals"][:, : int(max(0, words[0].start - 0.3) * 44100)]
    assert np.sqrt((sung**2).mean()) > 0.01
    if before.shape[1]:
        assert np.sqrt((before**2).mean()) < 0.1 * np.sqrt((sung**2).mean())
