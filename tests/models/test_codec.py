import json

import pytest
import torch
from diffusers import AutoencoderOobleck

from songdiff.errors import InputError
from songdiff.models import (
    MelAutoencoder,
    SpectralVocoder,
    StyleEncoder,
    WaveformAutoencoder,
    codec_of,
    load_autoencoder,
    mix_log_mel,
)
from songdiff.models.codec import chunks

SMALL = {
    "encoder_hidden_size": 8,
    "decoder_input_channels": 4,
    "decoder_channels": 4,
    "channel_multiples": [1, 1, 1, 1, 1],
}


@pytest.fixture(scope="module")
def oobleck():
    torch.manual_seed(0)
    model = WaveformAutoencoder(**SMALL).eval()
    model.fit_latents(torch.randn(2, 2, 2048 * 12))
    return model


@pytest.fixture(scope="module")
def mel():
    torch.manual_seed(0)
    model = MelAutoencoder(latent_channels=8, hidden_size=16, num_layers=2, linear_bands=0).eval()
    model.fit_principal_components(model.patches(torch.randn(8, 2, 2048 * 8)).flatten(0, 1))
    for refinement in (model.encode_refine, model.decode_refine):
        for parameter in refinement.parameters():
            torch.nn.init.normal_(parameter, std=0.1)  # so that neighbours matter
    return model


def decibels(error, of):
    return 20 * torch.log10(error.square().mean().sqrt() / of.square().mean().sqrt())


def test_chunks_cover_everything_once():
    for length in (1, 7, 22, 23, 100):
        covered = [
            range(window.start + kept.start, window.start + kept.stop)
            for window, kept in chunks(length, 10, 3, first=4)
        ]
        assert [i for piece in covered for i in piece] == list(range(length))
    assert [k.stop - k.start for _, k in chunks(100, 40, 3, first=4)] == [4, 40, 40, 16]


@torch.no_grad()
def test_oobleck_in_chunks_is_oobleck_at_once(oobleck):
    codec = codec_of(oobleck)
    latents = torch.randn(2, 4, 40)
    whole = codec.decode(latents, 40)
    direct = oobleck.decode(latents * oobleck.latent_std[:, None] + oobleck.latent_mean[:, None]).sample
    waveform = torch.randn(2, 2, 40 * 2048 - 5)
    encoded = codec.encode(waveform, 40)
    codec.chunk_frames = 12
    assert whole.shape == (2, 2, 40 * 2048)
    assert decibels(codec.decode(latents) - direct, direct) < -100
    assert encoded.shape == (2, 4, 40)
    assert decibels(codec.encode(waveform) - encoded, encoded) < -100
    codec.encode_context = codec.decode_context = 2
    assert decibels(codec.decode(latents) - direct, direct) > -80  # random weights hardly see far
    assert decibels(codec.encode(waveform) - encoded, encoded) > -80


@pytest.fixture(scope="module")
def pair(mel):
    torch.manual_seed(0)
    vocoder = SpectralVocoder(hidden_size=16, num_layers=1, linear_bands=0, phase="gradient", griffin_lim_iterations=2)
    return codec_of(mel, vocoder)


@torch.no_grad()
def test_the_first_second_needs_less_than_two(oobleck, pair):
    for codec in (codec_of(oobleck), pair):
        assert codec.frame_rate == pytest.approx(21.53, abs=0.01)
        needed = codec.first_frames + codec.decode_context
        assert needed < 2 * codec.frame_rate
        latents = torch.randn(1, codec.latent_channels, 60)
        first = next(codec.stream_decode(latents))
        assert first.shape[-1] >= 44100
        changed = torch.cat([latents[..., :needed], torch.randn(1, codec.latent_channels, 20)], dim=-1)
        assert torch.equal(next(codec.stream_decode(changed)), first)


@torch.no_grad()
def test_our_pair_in_chunks_is_the_pair_at_once(pair):
    latents = torch.randn(2, 8, 150)
    at_once = pair.vocoder.decode(pair.autoencoder.decode(latents))
    assert at_once.shape == (2, 2, 150 * 2048)
    assert decibels(pair.decode(latents, 31) - at_once, at_once) < -60
    with pytest.raises(ValueError, match="give the codec a vocoder"):
        codec_of(pair.autoencoder).decode(latents)


@torch.no_grad()
def test_mel_encoding_in_chunks_is_encoding_at_once(mel):
    waveform = torch.randn(1, 2, 60 * 2048 - 77) * torch.linspace(0, 1, 60 * 2048 - 77)
    whole = mel.encode(waveform)
    assert decibels(codec_of(mel).encode(waveform, 16) - whole, whole) < -100
    assert torch.equal(codec_of(mel).silence_latent, mel.silence_latent)


@torch.no_grad()
def test_latents_have_unit_variance_and_decode_to_what_went_in(oobleck):
    codec, waveform = codec_of(oobleck), torch.randn(1, 2, 2048 * 40)
    latents = codec.encode(waveform)
    assert latents.std(-1).mean() == pytest.approx(1, abs=0.15)
    again = oobleck.decode(oobleck.encode(waveform).latent_dist.mode()).sample
    assert torch.allclose(codec.decode(latents), again, atol=1e-5)
    silence = codec.encode(torch.zeros(1, 2, 2048 * 30))[0, :, 15]
    assert torch.allclose(codec.silence_latent, silence, atol=1e-5)


@torch.no_grad()
def test_folders_of_both_kinds_load(oobleck, mel, tmp_path):
    latents = torch.randn(1, 4, 4)
    oobleck.save_pretrained(tmp_path / "ours")
    loaded = load_autoencoder(tmp_path / "ours")
    assert isinstance(loaded, WaveformAutoencoder)
    assert torch.equal(codec_of(loaded).decode(latents), codec_of(oobleck).decode(latents))
    plain = AutoencoderOobleck.from_pretrained(tmp_path / "ours")  # ours is diffusers' too
    plain.save_pretrained(tmp_path / "plain")
    loaded = load_autoencoder(tmp_path / "plain")
    assert type(loaded) is AutoencoderOobleck
    assert torch.equal(codec_of(loaded).decode(latents), oobleck.decode(latents).sample)
    wrapped = WaveformAutoencoder.from_oobleck(tmp_path / "plain")
    assert torch.equal(codec_of(wrapped).decode(latents), oobleck.decode(latents).sample)
    mel.save_pretrained(tmp_path / "mel")
    assert isinstance(load_autoencoder(tmp_path / "mel"), MelAutoencoder)


def test_other_folders_and_shapes_are_refused(oobleck, tmp_path):
    with pytest.raises(InputError, match="no trained autoencoder there"):
        load_autoencoder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "SongTransformer"}))
    with pytest.raises(InputError, match="'SongTransformer' is no autoencoder"):
        load_autoencoder(tmp_path)
    with pytest.raises(InputError, match="must be stereo"):
        codec_of(AutoencoderOobleck(**SMALL, audio_channels=1))
    with pytest.raises(ValueError, match="twice"):
        WaveformAutoencoder(**SMALL | {"encoder_hidden_size": 10})
    with pytest.raises(ValueError, match="stereo"):
        codec_of(oobleck).encode(torch.zeros(1, 1, 4096))
    with pytest.raises(ValueError, match=r"latents \(B, 4, T\)"):
        codec_of(oobleck).decode(torch.zeros(1, 5, 10))
    with pytest.raises(TypeError, match="StyleEncoder"):
        codec_of(StyleEncoder(embedding_size=16, num_layers=1))


@torch.no_grad()
def test_the_style_encoder_hears_what_a_mel_autoencoder_would_give_it(mel):
    waveform = torch.randn(1, 2, 44100 * 13) * torch.linspace(0, 1, 44100 * 13)
    log_mel = mix_log_mel(waveform)  # in two chunks
    assert log_mel.shape == (1, 100, 4 * 280)
    assert torch.allclose(log_mel, mel.spectra(mel.patches(waveform)).log_mel, atol=1e-5)
    with pytest.raises(ValueError, match="stereo"):
        mix_log_mel(waveform[0])
