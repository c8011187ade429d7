import torch

from songdiff.conditioning import sounding_frames, voice_statistics


def clip(sounding: int, level: float = 2.0) -> torch.Tensor:
    """Latents (8, 60) that sound in the first frames, and are silent (all one) after."""
    latents = torch.ones(8, 60)
    latents[:, :sounding] += level * (1 + 0.1 * torch.randn(8, sounding, generator=torch.Generator().manual_seed(0)))
    return latents


def test_statistics_are_those_of_the_frames_that_sound():
    latents = clip(40)
    sounding = sounding_frames(latents, torch.ones(8))
    assert sounding.tolist() == [True] * 40 + [False] * 20
    statistics = voice_statistics(latents, sounding)
    assert torch.allclose(statistics[:8], latents[:, :40].mean(1))
    assert torch.allclose(statistics[8:], latents[:, :40].std(1))
    assert torch.allclose(statistics, voice_statistics(latents[:, :40], sounding[:40]))


def test_a_clip_that_is_mostly_silent_tells_no_voice():
    latents = clip(15)
    assert voice_statistics(latents, sounding_frames(latents, torch.ones(8))) is None
    assert not sounding_frames(torch.ones(8, 60), torch.ones(8)).any()
