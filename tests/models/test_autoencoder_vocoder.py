import numpy as np
import pytest
import torch
import torchaudio

from songdiff.models import MelAutoencoder, SpectralVocoder
from songdiff.models.spectra import istft, mel_filterbank, stft


def tone(hertz: float, seconds: float = 1.0, gain: float = 0.5) -> torch.Tensor:
    samples = round(44100 * seconds) // 2048 * 2048
    return gain * torch.sin(2 * np.pi * hertz * torch.arange(samples) / 44100)


def test_stft_inverts_and_is_scaled():
    wave = torch.randn(2, 2048 * 8)
    error = (istft(stft(wave, 2048, 512), 2048, 512) - wave).abs()
    assert error[:, 768:-768].max() < 1e-4  # the frames beyond the ends are not kept
    peak = stft(tone(44100 * 100 / 2048)[None], 2048, 512).abs()[0, :, 10:-10].max()
    assert peak == pytest.approx(0.5, rel=0.01)


def test_filterbank_agrees_with_torchaudio():
    ours = mel_filterbank(2048, 40, 100.0, 16000.0, 44100)
    theirs = torchaudio.functional.melscale_fbanks(1025, 100.0, 16000.0, 40, 44100, norm=None, mel_scale="htk").T
    assert torch.allclose(ours, theirs / theirs.sum(1, keepdim=True), atol=1e-4)


def test_linear_bands_are_single_bins_and_the_others_widen():
    bands = mel_filterbank(2048, 100, 20.0, 20000.0, 44100, linear_bands=36)
    assert torch.equal(bands[:35, 1:36], torch.eye(35))
    assert torch.allclose(bands.sum(1), torch.ones(100))
    centres = bands @ torch.linspace(0, 22050, 1025)
    assert (centres.diff() > 0).all()
    assert 18000 < centres[-1] < 20000


@pytest.fixture(scope="module")
def fitted() -> MelAutoencoder:
    torch.manual_seed(0)
    model = MelAutoencoder(hidden_size=16, num_layers=1).eval()
    mid = torch.stack([tone(100 * 1.3**i, 2.0) * torch.linspace(0, 1, 43 * 2048) for i in range(12)])
    side = 0.3 * torch.randn_like(mid) * torch.linspace(1, 0, 43 * 2048)
    model.fit_principal_components(model.patches(torch.stack([mid + side, mid - side], 1)).flatten(0, 1))
    return model


@torch.no_grad()
def test_principal_components_reconstruct_and_normalise(fitted):
    patches = fitted.patches(torch.stack([tone(169, 2.0) * torch.linspace(0, 1, 43 * 2048)] * 2)[None])
    latents = fitted.posterior(patches).mean
    assert latents.shape == (1, 64, 43)
    error = (fitted.decode_patches(latents) - patches).abs().mean()
    assert error < 0.6 * (fitted.patch_mean - patches).abs().mean()
    spectra = fitted.decode(latents)
    assert spectra.log_mel.shape == (1, 100, 172)
    assert spectra.log_width.shape == (1, 20, 172)


@torch.no_grad()
def test_partial_frames_are_padded(fitted):
    assert fitted.encode(torch.zeros(1, 2, 2049)).shape[-1] == 2
    with pytest.raises(ValueError, match="stereo"):
        fitted.encode(torch.zeros(1, 1, 4096))


@torch.no_grad()
def test_silence_stays_silent_and_a_tone_keeps_its_pitch(fitted):
    vocoder = SpectralVocoder(hidden_size=16, num_layers=1, griffin_lim_iterations=8).eval()
    silence = vocoder.decode(fitted.decode(fitted.silence_latent[None, :, None].expand(-1, -1, 20)))
    assert silence.abs().max() < 2e-3  # fitted on a dozen tones
    spectra = fitted.spectra(fitted.patches(torch.stack([tone(440, 2.0)] * 2)[None]))
    wave = vocoder.decode(spectra, torch.Generator().manual_seed(0))
    assert wave.shape == (1, 2, 43 * 2048)
    strongest = torch.fft.rfft(wave[0].mean(0)).abs().argmax() * 44100 / wave.shape[-1]
    assert float(strongest) == pytest.approx(440, abs=25)
    again = vocoder.decode(spectra, torch.Generator().manual_seed(0))
    assert torch.equal(wave, again)
