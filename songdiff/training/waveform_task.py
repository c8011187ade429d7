"""A waveform VAE from scratch: diffusers' Oobleck, spectral losses and, where the recipe has one, an adversary."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..models import WaveformAutoencoder
from .adversary import Adversary
from .audio_tasks import Crops
from .loop import Task
from .recipe import Recipe, new_part
from .spectral_loss import multi_resolution_stft_loss

KL_WEIGHT, L1_WEIGHT = (
    1e-4,
    0.1,
)  # beside spectra of weight 1; the KL is summed over channels (as in stable-audio-tools)


class WaveformAutoencoderTask(Task):
    """Crops of sound through the autoencoder and back. ``model`` of the recipe holds the Oobleck's own arguments."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe, self.crops = recipe, Crops(recipe)
        self.network = new_part(WaveformAutoencoder, recipe)
        self.downsampling = math.prod(self.network.config.downsampling_ratios)
        self.adversary = None if recipe.adversary is None else Adversary(recipe.adversary)

    def parameter_groups(self) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = [{"params": list(self.network.parameters())}]
        return groups if self.adversary is None else [*groups, self.adversary.parameter_group()]

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        return self._with_noise(self.crops.training(rng, self.downsampling), rng)

    def validation_batch(self) -> dict[str, Tensor]:
        return self._with_noise(self.crops.held_out(self.downsampling), np.random.default_rng(1))

    def before_export(self) -> None:
        """Mean and deviation of the latents, from a fixed batch of training crops."""
        crops = self.crops.training(np.random.default_rng((self.recipe.seed, 0)), self.downsampling)
        self.network.fit_latents(crops.to(self.network.device))

    def _with_noise(self, waveform: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        shape = (len(waveform), self.network.config.decoder_input_channels, self.recipe.crop_frames)
        return {"waveform": waveform, "noise": torch.from_numpy(rng.standard_normal(shape, np.float32))}

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        waveform = batch["waveform"]
        posterior = self.network.encode(waveform).latent_dist
        decoded = self.network.decode(posterior.mean + posterior.std * batch["noise"]).sample.float()
        convergence, log_l1 = multi_resolution_stft_loss(decoded, waveform)
        losses = {
            "convergence": convergence,
            "log_l1": log_l1,
            "l1": L1_WEIGHT * (decoded - waveform).abs().mean(),
            "kl": KL_WEIGHT * posterior.kl().float(),
        }
        return losses if self.adversary is None else losses | self.adversary.losses(decoded, waveform)
