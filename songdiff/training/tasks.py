"""What each part of songdiff learns from: examples and losses for autoencoder, vocoder, style encoder, transformer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..composer import STYLE_WORDS
from ..conditioning import FrameConditions, draw_known_mask, drop_controls, frame_conditions
from ..conditioning.frames import GRAINS
from ..corpus.shards import CorpusSong
from ..data import EncodedSong, corpus_songs, encode_songs
from ..data.crops import random_crop
from ..diffusion import draw_times, interpolate, masked_velocity_loss
from ..models import MelAutoencoder, SongTransformer, SpectralVocoder, StyleEncoder
from ..models.spectra import stft
from ..models.vocoder import vocoder_loss
from ..score import TRACKS
from .loop import Task
from .probe import StyleProbeTask
from .recipe import Recipe, RecipeError
from .recogniser import RecogniserTask


class AutoencoderTask(Task):
    """Log-mel patches through the autoencoder: L1 and a light KL; the linear path starts from principal components."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe, self.songs = recipe, _songs(recipe)
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
        return self._draw(_held_out(self.recipe) or self.songs, np.random.default_rng(1))

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
        self.recipe, self.songs = recipe, _songs(recipe)
        self.autoencoder = _load(MelAutoencoder, recipe.data.autoencoder, "data.autoencoder")
        shared = "sample_rate n_fft hop_length num_mels linear_bands num_width_bands f_min f_max floor"
        geometry = {name: self.autoencoder.config[name] for name in shared.split()}
        self.network = SpectralVocoder(**geometry, **recipe.model)

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        return {"waveform": _crops(self.songs, rng, self.recipe, self.autoencoder.downsampling)}

    def validation_batch(self) -> dict[str, Tensor]:
        songs = _held_out(self.recipe) or self.songs
        return {"waveform": _crops(songs, np.random.default_rng(1), self.recipe, self.autoencoder.downsampling)}

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        c, waveform = self.autoencoder.config, batch["waveform"]
        with torch.no_grad(), torch.autocast(waveform.device.type, enabled=False):
            log_mel = self.autoencoder.decode(self.autoencoder.encode(waveform)).log_mel
            magnitude = stft(waveform.mean(1), c.n_fft, c.hop_length).abs()
        return vocoder_loss(self.network, log_mel, magnitude)


class StyleTask(Task):
    """Captions against the log-mel of the songs that they describe."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.songs = _encoded(recipe, _songs(recipe))
        self.network = StyleEncoder(vocabulary=list(STYLE_WORDS), **recipe.model)

    def batch(self, rng: np.random.Generator) -> dict[str, Any]:
        chosen = rng.choice(len(self.songs), self.recipe.batch_size, replace=len(self.songs) < self.recipe.batch_size)
        crops, prompts, frames = [], [], 4 * self.recipe.crop_frames
        for song in (self.songs[i] for i in chosen):
            start = int(rng.integers(max(1, song.mix_log_mel.shape[1] - frames)))
            crop = song.mix_log_mel[:, start : start + frames].float()
            crops.append(torch.nn.functional.pad(crop, (0, frames - crop.shape[1]), value=-10.0))
            prompts.append(song.captions[rng.integers(len(song.captions))])
        return {"prompts": prompts, "log_mel": torch.stack(crops)}

    def forward(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        return {"contrastive": self.network.contrastive_loss(batch["prompts"], batch["log_mel"])}


class TransformerTask(Task):
    """Flow matching on the latents of all tracks: controls and style dropped at random, cells known at random."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        autoencoder = _load(MelAutoencoder, recipe.data.autoencoder, "data.autoencoder")
        style_encoder = _load(StyleEncoder, recipe.data.style_encoder, "data.style_encoder")
        self._on_cpu = {"style_encoder": style_encoder}  # used while batches are drawn: not a submodule, so never moved
        self.silence = autoencoder.silence_latent.clone().repeat(len(TRACKS))[:, None]
        self.frame_rate = autoencoder.config.sample_rate / autoencoder.downsampling
        self.songs = _encoded(recipe, _songs(recipe))
        self.held_out = _encoded(recipe, _held_out(recipe)) or self.songs[:16]
        self._conditions: dict[tuple[str, str], FrameConditions] = {}
        self.network = SongTransformer(
            num_tracks=len(TRACKS),
            latent_channels=autoencoder.config.latent_channels,
            style_size=style_encoder.config.embedding_size,
            **recipe.model,
        )

    def conditions(self, song: EncodedSong, grain: str) -> FrameConditions:
        """Conditions of a whole song; kept in memory as float16."""
        key = (song.name, grain)
        if key not in self._conditions:
            conditions = frame_conditions(song.score, song.latents.shape[-1], self.frame_rate, grain)  # type: ignore[arg-type]
            conditions.features, conditions.known = conditions.features.half(), conditions.known.half()
            conditions.phonemes, conditions.melody, conditions.bass = (
                x.to(torch.uint8) for x in (conditions.phonemes, conditions.melody, conditions.bass)
            )
            self._conditions[key] = conditions
        return self._conditions[key]

    def batch(self, rng: np.random.Generator) -> dict[str, Any]:
        return self._draw(self.songs, rng)

    def validation_batch(self) -> dict[str, Any]:
        return self._draw(self.held_out, np.random.default_rng(1))

    def _draw(self, songs: list[EncodedSong], rng: np.random.Generator) -> dict[str, Any]:
        length, B = self.recipe.crop_frames, self.recipe.batch_size
        latents, masks, conditions, prompts, references = [], [], [], [], []
        for song in (songs[i] for i in rng.integers(len(songs), size=B)):
            start = int(rng.integers(max(1, song.latents.shape[-1] - length + 1)))
            crop = song.latents.flatten(0, 1)[:, start : start + length].float()
            crop = torch.cat([crop, self.silence.expand(-1, length - crop.shape[1])], dim=1)
            grain = str(rng.choice(GRAINS, p=[0.75, 0.1, 0.15]))
            latents.append(crop)
            masks.append(draw_known_mask(len(TRACKS), length, rng))
            conditions.append(drop_controls(self.conditions(song, grain).crop(start, length), rng))
            prompts.append("" if rng.random() < 0.1 else song.captions[rng.integers(len(song.captions))])
            mel_start = int(rng.integers(max(1, song.mix_log_mel.shape[1] - 384)))
            references.append(song.mix_log_mel[:, mel_start : mel_start + 384].float())
        by_audio = torch.from_numpy(rng.random(B) < 0.15)
        style = self._style(prompts, references, by_audio)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        data = torch.stack(latents)
        return {
            "data": data,
            "noise": torch.randn(data.shape, generator=generator),
            "times": draw_times(B, generator),
            "known_mask": torch.stack(masks),
            **vars(FrameConditions.stack(conditions).to("cpu", torch.float32)),
            **style,
        }

    @torch.no_grad()
    def _style(self, prompts: list[str], references: list[Tensor], by_audio: Tensor) -> dict[str, Tensor]:
        """Style of the prompts, replaced by the recording's own where ``by_audio``."""
        encoder = self._on_cpu["style_encoder"]
        style = encoder.encode_text(prompts)
        tokens, mask, pooled = style.tokens.clone(), style.mask.clone(), style.pooled.clone()
        for i in by_audio.nonzero().flatten().tolist():
            if prompts[i]:
                audio = encoder.encode_audio(references[i][None])
                tokens[i, 0], mask[i], pooled[i] = audio.tokens[0, 0], torch.arange(mask.shape[1]) == 0, audio.pooled[0]
        return {"style_tokens": tokens, "style_mask": mask, "style_pooled": pooled}

    def forward(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        conditions = FrameConditions(**{name: batch[name] for name in FrameConditions.__dataclass_fields__})
        noisy = interpolate(batch["data"], batch["noise"], batch["times"])
        cells = batch["known_mask"].repeat_interleave(self.network.config.latent_channels, dim=1)
        velocity = self.network(
            torch.where(cells, batch["data"], noisy),
            batch["times"],
            self.network.encode_conditions(conditions),
            batch["style_tokens"],
            batch["style_mask"],
            batch["style_pooled"],
            batch["data"],
            batch["known_mask"],
        )
        return {"velocity": masked_velocity_loss(velocity, batch["data"], batch["noise"], ~cells)}


TASKS: dict[str, type[Task]] = {
    "autoencoder": AutoencoderTask,
    "vocoder": VocoderTask,
    "style_encoder": StyleTask,
    "transformer": TransformerTask,
    "recogniser": RecogniserTask,
    "style_probe": StyleProbeTask,
}


def build_task(recipe: Recipe) -> Task:
    """The task a recipe names, with its data ready. The weights' first values follow from the recipe's seed."""
    torch.manual_seed(recipe.seed)
    return TASKS[recipe.kind](recipe)  # type: ignore[call-arg]


def _songs(recipe: Recipe) -> list[CorpusSong]:
    return corpus_songs(recipe.data.corpus, "train", recipe.data.songs)


def _held_out(recipe: Recipe) -> list[CorpusSong]:
    return corpus_songs(recipe.data.corpus, "test", 16)


def _crops(songs: list[CorpusSong], rng: np.random.Generator, recipe: Recipe, downsampling: int) -> Tensor:
    """(batch_size, 2, samples) of corpus audio."""
    length = recipe.crop_frames * downsampling
    return torch.from_numpy(np.stack([random_crop(songs, rng, length) for _ in range(recipe.batch_size)]))


def _encoded(recipe: Recipe, songs: list[CorpusSong]) -> list[EncodedSong]:
    autoencoder = _load(MelAutoencoder, recipe.data.autoencoder, "data.autoencoder")
    return encode_songs(songs, autoencoder, recipe.data.cache or recipe.data.corpus.parent / "encoded")


def _load(part: Any, folder: Any, field: str) -> Any:
    """A trained part, frozen; its recipe field names it."""
    if folder is None or not (folder / "config.json").exists():
        raise RecipeError(f"{field}: no trained part at {folder}; run its recipe first")
    return part.from_pretrained(folder, dtype=torch.float32).requires_grad_(False).eval()
