"""A pipeline whose autoencoder is diffusers' Oobleck, and decoding piece by piece with either kind."""

import json
import shutil

import numpy as np
import pytest
import torch
from diffusers import AutoencoderOobleck

from songdiff import Score, SongPipeline
from songdiff.models import WaveformAutoencoder
from songdiff.pipelines import CheckpointError

SMALL = {
    "encoder_hidden_size": 16,
    "decoder_input_channels": 8,
    "decoder_channels": 4,
    "channel_multiples": [1, 1, 1, 1, 1],
}


@pytest.fixture(scope="module")
def folder(checkpoint, tmp_path_factory):
    torch.manual_seed(0)
    parts = SongPipeline.from_pretrained(checkpoint).components | {"vocoder": None}
    parts["autoencoder"] = WaveformAutoencoder(**SMALL)
    folder = tmp_path_factory.mktemp("waveform") / "checkpoint"
    SongPipeline(**parts, num_inference_steps=2).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def pipeline(folder):
    pipeline = SongPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def sing(pipeline, **kwargs):
    score = Score(duration=3.0)
    return pipeline(prompt="folk", score=score, generator=torch.Generator().manual_seed(1), **kwargs)


def test_an_oobleck_takes_the_place_of_autoencoder_and_vocoder(pipeline, folder):
    assert json.loads((folder / "model_index.json").read_text())["vocoder"] == [None, None]
    assert not (folder / "vocoder").exists()
    assert pipeline.vocoder is None
    song = sing(pipeline)
    assert song.audio.shape == (2, 3 * 44100)
    assert np.isfinite(song.audio).all()
    assert song.latents.shape == (4, 8, 65)
    assert all(np.abs(stem).max() > 0 for stem in song.stems.values())
    other = sing(pipeline, reference_audio=torch.from_numpy(song.audio), output_type="latent")
    assert not torch.equal(other.latents, song.latents)


def test_a_folder_of_diffusers_works_as_it_is(pipeline, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "plain")
    shutil.rmtree(tmp_path / "plain" / "autoencoder")
    AutoencoderOobleck.from_pretrained(folder / "autoencoder").save_pretrained(tmp_path / "plain" / "autoencoder")
    index = json.loads((folder / "model_index.json").read_text())
    index["autoencoder"] = ["diffusers", "AutoencoderOobleck"]
    (tmp_path / "plain" / "model_index.json").write_text(json.dumps(index))
    plain = SongPipeline.from_pretrained(tmp_path / "plain")
    plain.set_progress_bar_config(disable=True)
    assert type(plain.autoencoder) is AutoencoderOobleck
    assert np.array_equal(sing(plain).audio, sing(pipeline).audio)


def test_a_mel_autoencoder_needs_its_vocoder(checkpoint, folder, tmp_path):
    shutil.copytree(checkpoint, tmp_path / "lacking")
    shutil.rmtree(tmp_path / "lacking" / "vocoder")
    index = json.loads((checkpoint / "model_index.json").read_text()) | {"vocoder": [None, None]}
    (tmp_path / "lacking" / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="lacks vocoder"):
        SongPipeline.from_pretrained(tmp_path / "lacking")
    (tmp_path / "lacking" / "model_index.json").write_text("{")
    with pytest.raises(CheckpointError, match="not valid JSON"):
        SongPipeline.from_pretrained(tmp_path / "lacking")


@torch.no_grad()
def test_pieces_are_the_song_and_the_first_comes_early(pipeline):
    latents = torch.randn(4, 8, 50)
    samples = 50 * 2048 - 1500  # the fade crosses from one piece to the next
    whole = pipeline.decode_latents(latents, samples)
    pieces = list(pipeline.stream(latents, samples, chunk_frames=22))
    assert [piece["vocals"].shape[-1] for piece in pieces] == [22 * 2048, 22 * 2048, 6 * 2048 - 1500]
    for track, waveform in whole.items():
        assert waveform.shape == (2, samples)
        assert torch.allclose(torch.cat([piece[track] for piece in pieces], dim=-1), waveform, atol=1e-6)
        assert waveform[:, -1].abs().max() == 0
    decoded = pipeline.codec.decode(latents)
    assert torch.allclose(decoded[0, :, : samples - 2205], whole["vocals"][:, :-2205], atol=1e-6)
    early = next(pipeline.stream(latents[..., : int(2 * pipeline.frame_rate)], samples))
    assert early["vocals"].shape[-1] > 44100
    assert torch.allclose(early["bass"], pieces[0]["bass"], atol=1e-6)


@torch.no_grad()
def test_a_mel_pipeline_streams_too(checkpoint):
    pipeline = SongPipeline.from_pretrained(checkpoint)
    latents = torch.randn(4, 8, 60)
    pieces = list(pipeline.stream(latents, 60 * 2048 - 9, chunk_frames=24))
    whole = pipeline.decode_latents(latents, 60 * 2048 - 9)
    assert len(pieces) > 1
    assert sum(piece["drums"].shape[-1] for piece in pieces) == whole["drums"].shape[-1] == 60 * 2048 - 9
    assert whole["drums"][:, -1].abs().max() == 0
