import torch

from songdiff.diffusion import Guidance, draw_times, interpolate, masked_velocity_loss


def test_path_ends_at_data_and_noise():
    data, noise = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    path = interpolate(data, noise, torch.tensor([0.0, 1.0]))
    assert torch.equal(path[0], data[0])
    assert torch.equal(path[1], noise[1])


def test_known_cells_bear_no_loss():
    data, noise = torch.randn(1, 4, 6), torch.randn(1, 4, 6)
    unknown = torch.zeros(1, 4, 6, dtype=torch.bool)
    unknown[..., 3:] = True
    velocity = noise - data
    velocity[..., :3] += 100
    assert masked_velocity_loss(velocity, data, noise, unknown) == 0
    assert masked_velocity_loss(velocity, data, noise, ~unknown) > 1000


def test_times_stay_inside_and_follow_the_seed():
    first = draw_times(1000, torch.Generator().manual_seed(1))
    assert 0 < first.min() < first.max() < 1
    assert torch.equal(first, draw_times(1000, torch.Generator().manual_seed(1)))


def linear(latents, times, has_score, has_style):
    """A denoiser whose answer is 0, +1 with the score, +10 more with the style."""
    return (has_score.float() + 10 * has_style.float())[:, None, None].expand_as(latents)


def test_guidance_formula():
    latents = torch.zeros(1, 1, 2)
    assert torch.allclose(Guidance(1, 1).velocity(linear, latents, 0.5), torch.tensor(11.0))
    assert torch.allclose(Guidance(3, 3).velocity(linear, latents, 0.5), torch.tensor(33.0))
    assert torch.allclose(Guidance(3, 2).velocity(linear, latents, 0.5), torch.tensor(3.0 + 20.0))
    assert torch.allclose(Guidance(3, 3, low=0.6).velocity(linear, latents, 0.5), torch.tensor(11.0))
