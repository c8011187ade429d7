"""What the parts that know sound alone learn from: examples and losses of autoencoder and vocoder."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..corpus.shards import CorpusSong
from ..data import corpus_songs
from ..data.crops import random_crop
from ..models import MelAutoencoder, SpectralVocoder
from ..models.spectra import stft
from ..models.vocoder import vocoder_loss
from .loop import Task
from .recipe import Recipe, load_part


class AutoencoderTask(Task):
    """Log-mel patches through the autoencoder: L1 and a light KL; the linear path starts from principal components."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe, self.songs = recipe, corpus_songs(recipe.data.corpus, "train", recipe.data.songs)
        self.network = MelAutoencoder(**recipe.model)
        if not (recipe.output / "state.safetensors").exists():
            rng = np.random.default_rng((recipe.seed, 0))
            rounds = 1 + 20 * self.network.patch_size // (
                recipe.batch_size * recipe.crop_frames
            )  # 20 patches a dimension
            with torch.no_grad():
                crops = (_crops(self.songs, rng, recipe, self.network.downsampling) for _ in range(rounds))
                patches = torch.cat([self.network.patches(x).flatten(0, 1) for x in crops])
            self.network.fit_principal_components(patches)

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        return self._draw(self.songs, rng)

    def validation_batch(self) -> dict[str, Tensor]:
        return self._draw(corpus_songs(self.recipe.data.corpus, "test", 16) or self.songs, np.random.default_rng(1))

    def before_export(self) -> None:
        self.network.set_silence_latent()

    def _draw(self, songs: list[CorpusSong], rng: np.random.Generator) -> dict[str, Tensor]:
        shape = (self.recipe.batch_size, self.network.config.latent_channels, self.recipe.crop_frames)
        noise = torch.from_numpy(rng.standard_normal(shape, np.float32))
        return {"waveform": _crops(songs, rng, self.recipe, self.network.downsampling), "noise": noise}

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        with torch.no_grad(), torch.autocast(batch["noise"].device.type, enabled=False):
            patches = self.network.patches(batch["waveform"])
        posterior = self.network.posterior(patches)
        decoded = self.network.decode_patches(posterior.sample(batch["noise"])).float()
        return {"l1": (decoded - patches).abs().mean(), "kl": 1e-3 * posterior.kl().float()}


class VocoderTask(Task):
    """Fine magnitudes from the log-mel that the autoencoder gives back."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe, self.songs = recipe, corpus_songs(recipe.data.corpus, "train", recipe.data.songs)
        self.autoencoder = load_part(MelAutoencoder, recipe.data.autoencoder, "data.autoencoder")
        shared = "sample_rate n_fft hop_length num_mels linear_bands num_width_bands f_min f_max floor"
        geometry = {name: self.autoencoder.config[name] for name in shared.split()}
        self.network = SpectralVocoder(**geometry, **recipe.model)

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        return {"waveform": _crops(self.songs, rng, self.recipe, self.autoencoder.downsampling)}

    def validation_batch(self) -> dict[str, Tensor]:
        songs = corpus_songs(self.recipe.data.corpus, "test", 16) or self.songs
        return {"waveform": _crops(songs, np.random.default_rng(1), self.recipe, self.autoencoder.downsampling)}

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        c, waveform = self.autoencoder.config, batch["waveform"]
        with torch.no_grad(), torch.autocast(waveform.device.type, enabled=False):
            log_mel = self.autoencoder.decode(self.autoencoder.encode(waveform)).log_mel
            magnitude = stft(waveform.mean(1), c.n_fft, c.hop_length).abs()
        return vocoder_loss(self.network, log_mel, magnitude)


def _crops(songs: list[CorpusSong], rng: np.random.Generator, recipe: Recipe, downsampling: int) -> Tensor:
    """(batch_size, 2, samples) of corpus audio."""
    length = recipe.crop_frames * downsampling
    return torch.from_numpy(np.stack([random_crop(songs, rng, length) for _ in range(recipe.batch_size)]))
