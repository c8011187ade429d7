import math

import torch

from songdiff.models.phase import PhaseGradient, griffin_lim, integrate_phase, magnitude_gradient, true_gradient
from songdiff.models.spectra import istft, stft


def _glide() -> torch.Tensor:
    """Two tones, one with vibrato, 0.7 s: complex spectrum."""
    t = torch.arange(60 * 512) / 44100
    vibrato = 0.3 * torch.sin(2 * math.pi * (440 * t + 0.8 * torch.sin(2 * math.pi * 5 * t)))
    return stft((vibrato + 0.2 * torch.sin(2 * math.pi * 1310.7 * t))[None], 2048, 512)


def _inconsistency(magnitude: torch.Tensor, phase: torch.Tensor, iterations: int = 0) -> float:
    wave = griffin_lim(magnitude, phase, 2048, 512, iterations)
    return float((stft(wave, 2048, 512).abs() - magnitude).norm() / magnitude.norm())


def test_the_inverse_transform_inverts():
    torch.manual_seed(0)
    wave = torch.randn(2, 512 * 20)
    assert torch.allclose(istft(stft(wave, 2048, 512), 2048, 512)[:, 1024:-1024], wave[:, 1024:-1024], atol=1e-5)


def test_integration_of_the_true_gradient_gives_back_a_consistent_phase():
    spectrum = _glide()
    phase = integrate_phase(spectrum.abs(), true_gradient(spectrum))
    assert _inconsistency(spectrum.abs(), phase) < 0.1


def test_slopes_of_magnitude_are_a_better_start_than_chance_or_standing_still():
    magnitude = _glide().abs()
    gradient = magnitude_gradient(magnitude.clamp(min=1e-8).log())
    found = _inconsistency(magnitude, integrate_phase(magnitude, gradient))
    still = PhaseGradient(torch.zeros_like(magnitude), torch.zeros_like(magnitude))
    chance = 2 * math.pi * torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(0))
    assert found < 0.5 * _inconsistency(magnitude, integrate_phase(magnitude, still))
    assert found < 0.2 * _inconsistency(magnitude, chance)


def test_integration_goes_on_where_it_was_left():
    spectrum = _glide()
    gradient = true_gradient(spectrum)
    whole = integrate_phase(spectrum.abs(), gradient)
    rest = PhaseGradient(*(x[..., 25:] for x in gradient))
    assert torch.equal(integrate_phase(spectrum.abs()[..., 25:], rest, whole[..., 24]), whole[..., 25:])


def test_griffin_lim_makes_a_random_phase_consistent():
    magnitude = _glide().abs()
    chance = 2 * math.pi * torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(0))
    assert _inconsistency(magnitude, chance, 16) < 0.5 * _inconsistency(magnitude, chance)
