"""An adversary for waveforms: encodec's multi-scale STFT discriminator, hinge losses, feature matching.

One pass over a batch gives the losses of both sides, and each reaches its own weights only: the discriminator judges
the fake cut off from the network that made it, and the network is judged by a discriminator whose weights stand still.
So both learn in the same step, each in its own parameter group (:meth:`~.loop.Task.parameter_groups`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from .recipe import AdversarySettings


class Adversary(nn.Module):
    """Discriminates stereo waveforms (B, 2, samples), at least 2048 samples long (arXiv:2210.13438, section 3.4)."""

    def __init__(self, settings: AdversarySettings) -> None:
        super().__init__()
        from encodec.msstftd import MultiScaleSTFTDiscriminator  # with torchaudio: other trainings do without

        self.settings = settings
        self.discriminator = MultiScaleSTFTDiscriminator(settings.filters, in_channels=2)

    def losses(self, fake: Tensor, real: Tensor) -> dict[str, Tensor]:
        """``adversarial`` and ``features`` teach the network that made ``fake``, ``discriminator`` this one."""
        fake, real = fake.float(), real.float()
        real_logits, real_features = self.discriminator(real)
        judged_logits, _ = self.discriminator(fake.detach())
        still = {name: value.detach() for name, value in self.discriminator.named_parameters()}
        fake_logits, fake_features = functional_call(self.discriminator, still, (fake,))
        return {
            "adversarial": self.settings.weight * _mean([F.relu(1 - x.float()).mean() for x in fake_logits]),
            "features": self.settings.feature_weight * _feature_distance(fake_features, real_features),
            "discriminator": _mean(
                [
                    F.relu(1 - r.float()).mean() + F.relu(1 + f.float()).mean()
                    for r, f in zip(real_logits, judged_logits, strict=True)
                ]
            ),
        }

    def parameter_group(self) -> dict[str, object]:
        """For the optimiser: little memory of past gradients, as the opponent moves."""
        return {"params": list(self.parameters()), "lr_scale": self.settings.lr_scale, "betas": (0.8, 0.99)}


def _feature_distance(fake: list[list[Tensor]], real: list[list[Tensor]]) -> Tensor:
    """L1 between the discriminator's feature maps, each relative to the size of the true one."""
    distances = []
    for ours, theirs in ((f, r) for scale in zip(fake, real, strict=True) for f, r in zip(*scale, strict=True)):
        theirs = theirs.detach().float()
        distances.append((ours.float() - theirs).abs().mean() / theirs.abs().mean().clamp(min=1e-5))
    return _mean(distances)


def _mean(values: list[Tensor]) -> Tensor:
    return torch.stack(values).mean()
