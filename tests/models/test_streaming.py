import pytest
import torch

from songdiff.models import SpectralVocoder
from songdiff.models.autoencoder import Spectra
from songdiff.models.streaming import windows


@pytest.mark.parametrize("piece", [1, 7, 50, 400])
def test_windows_cover_every_frame_once_with_its_neighbours(piece):
    signal = torch.arange(203)
    own = []
    for (x,), start, stop in windows(((signal[i : i + piece],) for i in range(0, 203, piece)), 40, 9, first=11):
        own += x[start:stop].tolist()
        assert x[0] == max(0, x[start] - 9)
        assert x[-1] == min(202, x[stop - 1] + 9)
        assert stop - start <= 40
    assert own == signal.tolist()


def _restless(phase: str) -> tuple[SpectralVocoder, Spectra]:
    torch.manual_seed(0)
    vocoder = SpectralVocoder(
        hidden_size=16, num_layers=2, phase=phase, griffin_lim_iterations=2, transients=True
    ).eval()
    for parameter in vocoder.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    torch.nn.init.normal_(vocoder.shaper.out.weight)
    frames = torch.randn(1, 100, 700).cumsum(1) * 0.2 - 5
    return vocoder, Spectra(frames, torch.randn(1, 20, 700))


@pytest.mark.parametrize("phase", ["predicted", "gradient", "griffin-lim"])
def test_a_song_decoded_in_pieces_is_the_song_decoded_at_once(phase):
    vocoder, spectra = _restless(phase)
    pieces = [Spectra(*(x[..., i : i + 90] for x in spectra)) for i in range(0, 700, 90)]
    decoded = vocoder.decode(spectra)
    assert torch.equal(torch.cat(list(vocoder.stream(pieces)), -1), decoded)
    vocoder.shaper = None
    assert (vocoder.decode(spectra) - decoded).abs().max() > 0.01 * decoded.abs().max()


@pytest.mark.parametrize("phase", ["predicted", "gradient"])
def test_the_size_of_the_windows_changes_nothing(phase, monkeypatch):
    vocoder, spectra = _restless(phase)
    at_once = vocoder.decode(spectra)
    monkeypatch.setattr("songdiff.models.vocoder.WINDOW", 64)
    difference = vocoder.decode(spectra) - at_once
    assert difference.square().mean().sqrt() < 1e-3 * at_once.square().mean().sqrt()


def test_the_first_second_is_there_before_two_seconds_of_latents():
    vocoder, spectra = _restless("predicted")
    taken = []

    def pieces():
        for i in range(0, 700, 4):
            taken.append(i)
            yield Spectra(*(x[..., i : i + 4] for x in spectra))

    first = next(iter(vocoder.stream(pieces())))
    assert first.shape[-1] >= 44100
    assert 4 * len(taken) * 512 < 2 * 44100


def test_phase_that_was_not_trained_is_refused():
    vocoder, spectra = _restless("gradient")
    with pytest.raises(ValueError, match="not trained to predict phase"):
        vocoder.decode(spectra, phase="predicted")
