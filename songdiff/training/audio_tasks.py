"""What the parts that know sound alone learn from: examples and losses of autoencoder and vocoder."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data import corpus_songs
from ..data.crops import corpus_crop, random_crop
from ..data.recordings import find_recordings
from ..models import MelAutoencoder, SpectralVocoder
from ..models.spectra import stft
from ..models.vocoder import spectral_loss
from .adversary import Adversary
from .loop import Task
from .recipe import Recipe, RecipeError, load_part, new_part
from .spectral_loss import multi_resolution_stft_loss
from .state import has_state


class Crops:
    """The batches of sound a recipe asks for, each (batch_size, 2, crop_frames · ``downsampling``)."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe, data = recipe, recipe.data
        self.songs = corpus_songs(data.corpus, "train", data.songs)
        self.recordings = find_recordings(data.recordings)

    def training(self, rng: np.random.Generator, downsampling: int) -> Tensor:
        """Corpus and recordings, varied as the recipe says."""
        data, length = self.recipe.data, self.recipe.crop_frames * downsampling
        draw = partial(random_crop, self.songs, rng, length, self.recordings, data.recordings_share, data.augment)
        return torch.from_numpy(np.stack([draw() for _ in range(self.recipe.batch_size)]))

    def held_out(self, downsampling: int) -> Tensor:
        """The same crops every time, of test songs (of training songs where there are none), as the corpus has them."""
        songs = corpus_songs(self.recipe.data.corpus, "test", 16) or self.songs
        rng, length = np.random.default_rng(1), self.recipe.crop_frames * downsampling
        return torch.from_numpy(np.stack([corpus_crop(songs, rng, length) for _ in range(self.recipe.batch_size)]))


class AutoencoderTask(Task):
    """Log-mel patches through the autoencoder: L1 and a light KL; the linear path starts from principal components."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe, self.crops = recipe, Crops(recipe)
        self.network = new_part(MelAutoencoder, recipe)
        if recipe.initial is None and not has_state(recipe.output):
            rng = np.random.default_rng((recipe.seed, 0))
            rounds = 1 + 20 * self.network.patch_size // (
                recipe.batch_size * recipe.crop_frames
            )  # 20 patches a dimension
            with torch.no_grad():
                crops = (self.crops.training(rng, self.network.downsampling) for _ in range(rounds))
                patches = torch.cat([self.network.patches(x).flatten(0, 1) for x in crops])
            self.network.fit_principal_components(patches)

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        return self._with_noise(self.crops.training(rng, self.network.downsampling), rng)

    def validation_batch(self) -> dict[str, Tensor]:
        return self._with_noise(self.crops.held_out(self.network.downsampling), np.random.default_rng(1))

    def before_export(self) -> None:
        self.network.set_silence_latent()

    def _with_noise(self, waveform: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        shape = (len(waveform), self.network.config.latent_channels, self.recipe.crop_frames)
        return {"waveform": waveform, "noise": torch.from_numpy(rng.standard_normal(shape, np.float32))}

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        with torch.no_grad(), torch.autocast(batch["noise"].device.type, enabled=False):
            patches = self.network.patches(batch["waveform"])
        posterior = self.network.posterior(patches)
        decoded = self.network.decode_patches(posterior.sample(batch["noise"])).float()
        return {"l1": (decoded - patches).abs().mean(), "kl": 1e-3 * posterior.kl().float()}


class VocoderTask(Task):
    """Fine magnitudes and phase from the spectra that the autoencoder gives back; with ``phase: direct``, a waveform
    that is compared as such, at several resolutions and, where the recipe has one, by an adversary."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe, self.crops = recipe, Crops(recipe)
        self.autoencoder = load_part(MelAutoencoder, recipe.data.autoencoder, "data.autoencoder")
        shared = "sample_rate n_fft hop_length num_mels linear_bands num_width_bands f_min f_max floor"
        geometry = {name: self.autoencoder.config[name] for name in shared.split()}
        self.network = new_part(SpectralVocoder, recipe, **geometry)
        if recipe.adversary is not None and self.network.config.phase != "direct":
            raise RecipeError("adversary: it judges waveforms; set model.phase to direct, or leave the adversary out")
        self.adversary = None if recipe.adversary is None else Adversary(recipe.adversary)

    def parameter_groups(self) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = [{"params": list(self.network.parameters())}]
        return groups if self.adversary is None else [*groups, self.adversary.parameter_group()]

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        return {"waveform": self.crops.training(rng, self.autoencoder.downsampling)}

    def validation_batch(self) -> dict[str, Tensor]:
        return {"waveform": self.crops.held_out(self.autoencoder.downsampling)}

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        c, waveform = self.autoencoder.config, batch["waveform"]
        with torch.no_grad(), torch.autocast(waveform.device.type, enabled=False):
            spectra = self.autoencoder.decode(self.autoencoder.encode(waveform))
            spectrum = stft(waveform.mean(1), c.n_fft, c.hop_length)
        if self.network.config.phase != "direct":
            return self._spectral_losses(spectra.log_mel, spectrum, waveform.mean(1))
        decoded, fine = self.network.synthesize(spectra)
        losses = spectral_loss(fine, spectrum, c.floor)
        losses["convergence"], losses["stft_log_l1"] = multi_resolution_stft_loss(decoded, waveform)
        return losses if self.adversary is None else losses | self.adversary.losses(decoded, waveform)

    def _spectral_losses(self, log_mel: Tensor, spectrum: Tensor, mid: Tensor) -> dict[str, Tensor]:
        """Of magnitudes and phase; and of the levels over time, where the vocoder shapes transients."""
        fine = self.network.fine_spectra(log_mel)
        losses = spectral_loss(fine, spectrum, self.network.config.floor)
        if self.network.shaper is not None:
            with torch.autocast(mid.device.type, enabled=False):
                unshaped = self.network.unshaped(fine, log_mel)
                losses["envelope"] = self.network.shaper.loss(unshaped, fine.envelope, mid)
        return losses
