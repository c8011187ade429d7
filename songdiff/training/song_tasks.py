"""What the parts that know songs learn from: examples and losses of style encoder and transformer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..composer import STYLE_WORDS
from ..conditioning import FrameConditions, draw_known_mask, drop_controls, frame_conditions
from ..conditioning.frames import GRAINS
from ..data import EncodedSong, corpus_songs, encode_songs
from ..diffusion import draw_times, interpolate, masked_velocity_loss
from ..models import MelAutoencoder, SongTransformer, StyleEncoder
from ..score import TRACKS
from .loop import Task
from .recipe import Recipe, load_part


class StyleTask(Task):
    """Captions against the log-mel of the songs that they describe."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.songs = _encoded(recipe, "train", recipe.data.songs)
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
        autoencoder = load_part(MelAutoencoder, recipe.data.autoencoder, "data.autoencoder")
        style_encoder = load_part(StyleEncoder, recipe.data.style_encoder, "data.style_encoder")
        self._on_cpu = {"style_encoder": style_encoder}  # used while batches are drawn: not a submodule, so never moved
        self.silence = autoencoder.silence_latent.clone().repeat(len(TRACKS))[:, None]
        self.frame_rate = autoencoder.config.sample_rate / autoencoder.downsampling
        self.songs = _encoded(recipe, "train", recipe.data.songs)
        self.held_out = _encoded(recipe, "test", 16) or self.songs[:16]
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


def _encoded(recipe: Recipe, split: str, limit: int | None) -> list[EncodedSong]:
    autoencoder = load_part(MelAutoencoder, recipe.data.autoencoder, "data.autoencoder")
    cache = recipe.data.cache or recipe.data.corpus.parent / "encoded"
    return encode_songs(corpus_songs(recipe.data.corpus, split, limit), autoencoder, cache)
