"""Mean and deviation of tracks as a loss."""

import torch

from songdiff.training.moments import moment_loss

SCALE = torch.ones(2, 3)


def cost(data, predicted, counted=None, time=0.0):
    counted = torch.ones(2, 2, 64, dtype=torch.bool) if counted is None else counted
    return float(moment_loss(data, predicted, counted, SCALE, torch.full((2,), time)))


def test_mean_and_deviation_cost_what_they_differ_and_the_order_of_frames_nothing():
    data = torch.randn(2, 2, 3, 64, generator=torch.Generator().manual_seed(0))
    data = (data - data.mean(-1, keepdim=True)) / data.std(-1, correction=0, keepdim=True)
    assert cost(data, data.flip(-1)) < 1e-6
    assert abs(cost(data, data + 0.3) - 0.09) < 1e-3
    assert abs(cost(data, 0.8 * data) - 0.04) < 1e-3
    assert abs(cost(data, 0.8 * data, time=0.5) - 0.01) < 1e-3
    assert abs(float(moment_loss(data, data + 0.3, torch.ones(2, 2, 64) > 0, 3 * SCALE, torch.zeros(2))) - 0.01) < 1e-3


def test_only_what_counts_counts_and_where_little_does_nothing():
    data, counted = torch.zeros(2, 2, 3, 64), torch.ones(2, 2, 64, dtype=torch.bool)
    other = data.clone()
    other[..., :24] = 5.0
    counted[..., :24] = False
    assert cost(data, other, counted) == 0
    counted[..., 40:] = False
    predicted = (data + 1).requires_grad_()
    loss = moment_loss(data, predicted, counted, SCALE, torch.zeros(2))
    loss.backward()
    assert loss == 0
    assert (predicted.grad == 0).all()
