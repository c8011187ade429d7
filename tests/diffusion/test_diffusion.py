import torch

from songdiff.diffusion import Guidance, Limits, draw_times, interpolate, masked_velocity_loss


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


def test_channels_may_have_scales_of_their_own():
    latents, velocity = torch.randn(2, 4, 50), torch.randn(2, 4, 50)

    def denoise(latents, times, has_score, has_style):
        return torch.where(has_score[:, None, None], velocity.repeat(len(times) // 2, 1, 1), 0.0)

    scales = torch.tensor([1.0, 2.0, 3.0, 4.0])
    guided = Guidance(scales, scales).velocity(denoise, latents, 0.5)
    assert torch.allclose(guided, velocity * scales[:, None], atol=1e-5)


def test_matched_moments_are_those_of_the_conditional_data():
    torch.manual_seed(0)
    latents, with_score, without = torch.randn(3, 1, 4, 200)

    def denoise(latents, times, has_score, has_style):
        return torch.where(has_score[:, None, None], with_score, without)

    plain = Guidance(5.0, 5.0).velocity(denoise, latents, 0.5)
    matched = Guidance(5.0, 5.0, match_moments=True).velocity(denoise, latents, 0.5)
    wanted, loud, data = (latents - 0.5 * velocity for velocity in (with_score, plain, matched))
    assert (loud.std(-1) > 1.5 * wanted.std(-1)).all()
    assert torch.allclose(data.std(-1), wanted.std(-1), rtol=0.01)
    assert torch.allclose(data.mean(-1), wanted.mean(-1), atol=1e-4)
    agreement = torch.stack([torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(data[0], loud[0], strict=True)])
    assert (agreement > 0.999).all()


def test_the_data_that_a_velocity_points_at_keeps_its_limits():
    torch.manual_seed(0)
    latents, velocity = torch.randn(2, 6, 50), 4 * torch.randn(2, 6, 50)
    limits = Limits(mean=torch.randn(6), std=torch.rand(6) + 0.5, norm=torch.tensor([1.0, 2.5]))
    mean, std = limits.mean[:, None], limits.std[:, None]

    def denoise(x, times, has_score, has_style):
        return velocity.repeat(len(x) // 2, 1, 1) * (1 + has_score.float()[:, None, None])

    for scale in (1, 3):
        data, asked = (
            ((latents - 0.5 * guidance.velocity(denoise, latents, 0.5) - mean) / std).unflatten(1, (2, 3))
            for guidance in (Guidance(scale, scale, limits=limits), Guidance(scale, scale))
        )
        far, kept = (x.square().mean(2).sqrt() for x in (asked, data))
        bound = limits.norm[:, None].expand_as(far)
        assert torch.allclose(kept, torch.minimum(far, bound), atol=1e-3)
        assert (far > bound).any()
        assert (far < bound).any()
        assert (torch.cosine_similarity(data, asked, dim=2) > 0.999).all()
