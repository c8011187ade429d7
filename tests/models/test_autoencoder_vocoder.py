import numpy as np
import pytest
import torch
import torchaudio

from songdiff.models import MelAutoencoder, SpectralVocoder
from songdiff.models.autoencoder import Spectra
from songdiff.models.spectra import istft, mel_filterbank, stft
from songdiff.models.vocoder import spectral_loss


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


def directed() -> tuple[SpectralVocoder, Spectra]:
    """A vocoder with a phase of its own, and changing spectra of 400 frames for it."""
    torch.manual_seed(0)
    vocoder = SpectralVocoder(hidden_size=16, num_layers=2, phase="direct").eval()
    for parameter in vocoder.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return vocoder, Spectra(torch.randn(1, 100, 400).cumsum(1) * 0.2 - 5, torch.randn(1, 20, 400) - 2)


def difference(wave: torch.Tensor, reference: torch.Tensor) -> float:
    """Root mean square of the difference, as a share of the reference's."""
    return float((wave - reference).square().mean().sqrt() / reference.square().mean().sqrt())


@torch.no_grad()
def test_what_is_trained_is_what_is_decoded_in_windows():
    vocoder, spectra = directed()
    decoded = vocoder.decode(spectra)
    assert decoded.shape == (1, 2, 400 * 512)
    assert difference(vocoder.synthesize(spectra)[0], decoded) < 0.1  # bfloat16 where the device is fast at it
    pieces = [Spectra(*(x[..., i : i + 90] for x in spectra)) for i in range(0, 400, 90)]
    assert torch.equal(torch.cat(list(vocoder.stream(pieces)), -1), decoded)


@torch.no_grad()
def test_windows_of_any_size_count_the_same_frames(monkeypatch):
    vocoder, spectra = directed()
    at_once = vocoder.decode(spectra)
    monkeypatch.setattr("songdiff.models.vocoder.WINDOW", 50)  # not a multiple of the four frames oscillators take
    monkeypatch.setattr("songdiff.models.vocoder.FIRST", 31)
    assert difference(vocoder.decode(spectra), at_once) < 1e-3


def test_gradients_of_the_waveform_reach_every_weight():
    vocoder, spectra = directed()
    wave, fine = vocoder.synthesize(Spectra(*(x[..., :24] for x in spectra)))
    wave.square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in vocoder.parameters())
    assert fine.phase is not None
    with pytest.raises(ValueError, match="transients"):
        SpectralVocoder(hidden_size=16, num_layers=1, phase="direct", transients=True)
    with pytest.raises(ValueError, match="only phase='direct'"):
        SpectralVocoder(hidden_size=16, num_layers=1).synthesize(spectra)


def test_it_learns_the_magnitudes_and_the_phase_of_a_sound(fitted):
    wave = sum(tone(44100 * 20 * partial / 2048, 0.4, 0.2 / partial) for partial in (1, 2, 3))[None]
    spectra, spectrum = fitted.spectra(fitted.patches(torch.stack([wave, wave], 1))), stft(wave, 2048, 512)
    torch.manual_seed(0)
    vocoder = SpectralVocoder(hidden_size=32, num_layers=1, phase="direct")
    optimizer = torch.optim.AdamW(vocoder.parameters(), lr=1e-2)
    rows = []
    for _ in range(8):
        losses = spectral_loss(vocoder.synthesize(spectra)[1], spectrum, vocoder.config.floor)
        rows.append({name: float(value.detach()) for name, value in losses.items()})
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    assert rows[0].keys() == {"log_l1", "advance", "delay"}
    assert all(rows[-1][name] < 0.95 * rows[0][name] for name in rows[0]), (rows[0], rows[-1])


@torch.no_grad()
def test_oscillators_at_the_bins_centres_go_on_from_frame_to_frame():
    """A phase of zero everywhere is a steady tone where one bin sounds, and its frames do not cancel each other."""
    vocoder = SpectralVocoder(hidden_size=16, num_layers=1, linear_bands=36, phase="direct", floor=1e-5).eval()
    vocoder.angle.weight.zero_()
    vocoder.angle.bias.zero_()
    log_mel = torch.full((1, 100, 80), np.log(1e-5))
    log_mel[:, 20] = np.log(0.5)
    wave = vocoder.decode(Spectra(log_mel, torch.full((1, 20, 80), -4.0)))[0, 0]
    power = wave[4096:-4096].square().unfold(0, 2048, 2048).mean(1)
    alone = 2 / 3  # of its amplitude is left to a tone whose bin has no neighbours
    assert difference(power, torch.tensor((0.5 * alone) ** 2 / 2)) < 0.1
    assert difference(wave[4096:16384], wave[4096 + 2048 : 16384 + 2048]) < 0.01


@torch.no_grad()
def test_magnitudes_of_every_vocoder_can_take_another_phase():
    vocoder, spectra = directed()
    short = Spectra(*(x[..., :60] for x in spectra))
    polished = vocoder.decode(short, phase="griffin-lim")
    assert torch.equal(polished, vocoder.decode(short, phase="griffin-lim", iterations=24))
    assert not torch.equal(vocoder.decode(short, iterations=2), vocoder.decode(short))
    with pytest.raises(ValueError, match="not trained to predict phase for 'predicted'"):
        vocoder.decode(short, phase="predicted")


@torch.no_grad()
def test_noise_is_as_loud_in_each_band_as_its_spectra_say(fitted):
    """A network that has learned logarithms gives the median of a noisy bin, which is softer than its mean."""
    vocoder = SpectralVocoder(hidden_size=16, num_layers=1, phase="gradient", griffin_lim_iterations=4).eval()
    torch.manual_seed(0)
    noise = 0.1 * torch.randn(1, 1, 20 * 2048).expand(1, 2, -1)
    spectra = fitted.spectra(fitted.patches(noise))
    for lean in (0.0, -0.4):
        vocoder.out.bias[300:800] = lean
        heard = fitted.spectra(fitted.patches(vocoder.decode(spectra)))
        softer = (spectra.log_mel.exp().mean(-1) / heard.log_mel.exp().mean(-1)).log()[0, 70:98]
        assert softer.abs().mean() < 0.1, lean
    silence = Spectra(torch.full_like(spectra.log_mel, np.log(3e-5)), spectra.log_width)
    assert vocoder.decode(silence).abs().max() < 1e-6


def test_a_shaper_learns_that_strokes_begin_when_they_do(fitted):
    """Strokes at other places in the hop than in training sound less before their time, and silence stays silent."""

    def strokes(offset):
        wave = torch.zeros(1, 44 * 2048)
        for i, start in enumerate(range(4000 + offset, 80000, 9377)):
            wave[0, start : start + 1500] = 0.3 * torch.randn(1500, generator=torch.Generator().manual_seed(i))
        return wave

    def before(wave, offset):
        starts = torch.arange(4000 + offset, 80000, 9377)
        return float(torch.stack([wave[0, start - 800 : start - 100].square().mean() for start in starts]).mean())

    torch.manual_seed(0)
    vocoder = SpectralVocoder(hidden_size=32, num_layers=1, phase="gradient", griffin_lim_iterations=2, transients=True)
    optimizer = torch.optim.AdamW(vocoder.shaper.parameters(), lr=3e-3)
    truth = torch.cat([strokes(137 * i) for i in range(4)])
    log_mel = fitted.spectra(fitted.patches(truth[:, None].repeat(1, 2, 1))).log_mel
    unshaped = vocoder.unshaped(vocoder.fine_spectra(log_mel), log_mel)
    losses = []
    for _ in range(120):
        loss = vocoder.shaper.loss(unshaped, vocoder.fine_spectra(log_mel).envelope, truth)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.7 * losses[0]

    wave = strokes(60)
    log_mel = fitted.spectra(fitted.patches(wave[:, None].repeat(1, 2, 1))).log_mel
    with torch.no_grad():
        fine = vocoder.fine_spectra(log_mel)
        plain = vocoder.unshaped(fine, log_mel)
        shaped = vocoder.shaper(plain, fine.envelope)
    assert before(shaped, 60) < 0.3 * before(plain, 60)
    assert not vocoder.shaper(torch.zeros_like(plain), fine.envelope).any()
